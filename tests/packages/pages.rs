//! The manuals and completions, as the programs that read them take them.

use crate::tools::{PACKAGES, answer, out};

#[test]
fn man_renders_every_manual_without_a_warning() {
    for page in [
        "preflight-rke2.8",
        "preflight-rke2-cluster.8",
        "preflight-rke2.toml.5",
        "preflight-rke2-checks.7",
    ] {
        let script = format!(
            "man --warnings --encoding=UTF-8 --local-file --troff-device=utf8 docs/man/{page} | col -bx"
        );
        let output = answer(&format!("export MANWIDTH=80 MANROFFSEQ=; {script}"), &[]);
        let warnings = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && warnings.is_empty(), "{warnings}");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.lines().count() > 40, "{page} is short:\n{text}");
        for word in ["NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"] {
            assert!(
                text.contains(&format!("\n{word}\n")) || page.ends_with(".7"),
                "{page} lacks {word}:\n{text}"
            );
        }
        for line in text.lines() {
            assert!(
                !line.contains(['@', '`'])
                    || line.contains("@.service")
                    || line.contains("-gate@rke2-"),
                "{page}: {line}"
            );
        }
    }
    // `man -k` finds a page by this line.
    for page in ["8", "toml.5", "checks.7", "cluster.8"] {
        let name = out(&format!("lexgrog docs/man/preflight-rke2[-.]{page}"), &[]);
        assert!(name.contains(" - "), "{name}");
    }
}

#[test]
fn each_shell_completes_a_command() {
    for package in PACKAGES {
        completes(package);
    }
}

fn completes(program: &str) {
    let says = |script: &str| out(&script.replace("PROGRAM", program), &[]);
    let bash = says(
        "source packaging/completions/PROGRAM.bash
        function=$(complete -p PROGRAM | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        COMP_WORDS=(PROGRAM expl); COMP_CWORD=1
        \"$function\" PROGRAM expl PROGRAM
        echo \"${COMPREPLY[@]}\"",
    );
    assert_eq!(bash.trim(), "explain");
    let fish = says(
        "fish --no-config --command 'source packaging/completions/PROGRAM.fish; complete -C \"PROGRAM expl\"'",
    );
    assert!(fish.starts_with("explain\t"), "{fish}");
    let zsh = says(
        "zsh -n packaging/completions/_PROGRAM
        zsh -fc 'autoload -U compinit; fpath=(packaging/completions $fpath); compinit -u -D; print $_comps[PROGRAM]'",
    );
    assert_eq!(zsh.trim(), format!("_{program}"));
}
