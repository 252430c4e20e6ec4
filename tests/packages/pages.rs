//! The manuals and completions, as the programs that read them take them.

use crate::tools::{answer, out};

#[test]
fn man_renders_every_manual_without_a_warning() {
    for page in [
        "preflight-rke2.8",
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
    for page in ["8", "toml.5", "checks.7"] {
        let name = out(&format!("lexgrog docs/man/preflight-rke2[-.]{page}"), &[]);
        assert!(name.contains(" - "), "{name}");
    }
}

#[test]
fn each_shell_completes_a_command() {
    let bash = out(
        "source packaging/completions/preflight-rke2.bash
        function=$(complete -p preflight-rke2 | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        COMP_WORDS=(preflight-rke2 expl); COMP_CWORD=1
        \"$function\" preflight-rke2 expl preflight-rke2
        echo \"${COMPREPLY[@]}\"",
        &[],
    );
    assert_eq!(bash.trim(), "explain");
    let fish = out(
        "fish --no-config --command 'source packaging/completions/preflight-rke2.fish; complete -C \"preflight-rke2 expl\"'",
        &[],
    );
    assert!(fish.starts_with("explain\t"), "{fish}");
    let zsh = out(
        "zsh -n packaging/completions/_preflight-rke2
        zsh -fc 'autoload -U compinit; fpath=(packaging/completions $fpath); compinit -u -D; print $_comps[preflight-rke2]'",
        &[],
    );
    assert_eq!(zsh.trim(), "_preflight-rke2");
}
