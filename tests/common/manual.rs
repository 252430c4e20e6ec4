//! Manuals and completions, generated from the definition of a command line and compared with the files of the repository.
//! `PREFLIGHT_BLESS=1` regenerates the files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};
use clap_complete::Shell;
use preflight_rke2::testing::cli::completions::script;
use roff::{Inline, Roff, bold, italic, roman};

/// The root of the sources, which a member of the workspace is a directory of.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|directory| directory.join("docs/man").is_dir())
        .unwrap()
}

/// Fails unless the file holds `text`; or writes it, if that was asked for.
fn holds(path: &str, text: &str) {
    let file: PathBuf = repository().join(path);
    if std::env::var_os("PREFLIGHT_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == text,
        "{path} is out of date: run this test with PREFLIGHT_BLESS=1 to write it anew"
    );
}

/// A page: its template, with each `@mark@` on a separate line replaced.
pub(crate) fn page(name: &str, section: u8, marks: &[(&str, String)]) {
    let file = format!("docs/man/{name}.{section}");
    let template = std::fs::read_to_string(repository().join(format!("{file}.in"))).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let title = name.to_uppercase();
    let mut text = format!(
        ".\\\" Made by tests/common/manual.rs from {file}.in: change that.\n\
         .TH \"{title}\" \"{section}\" \"\" \"preflight\\-rke2 {version}\" \"preflight\\-rke2\"\n\
         {template}"
    );
    for (mark, with) in marks {
        let line = format!("\n{mark}\n");
        assert!(text.contains(&line), "{file}.in lacks {mark}");
        text = text.replace(&line, &format!("\n{with}"));
    }
    holds(&file, &text);
}

/// The words of an inline text, those in `backquotes` in bold.
pub(crate) fn prose(text: &str) -> Vec<Inline> {
    text.split('`')
        .enumerate()
        .filter(|(_, part)| !part.is_empty())
        .map(
            |(n, part)| {
                if n % 2 == 1 { bold(part) } else { roman(part) }
            },
        )
        .collect()
}

/// `-v, --verbose`, `--root DIR`, or `UNIT`.
fn usage(arg: &Arg) -> Vec<Inline> {
    let names: Vec<String> = [
        arg.get_short().map(|short| format!("-{short}")),
        arg.get_long().map(|long| format!("--{long}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut line = Vec::new();
    for (n, name) in names.iter().enumerate() {
        if n > 0 {
            line.push(roman(", "));
        }
        line.push(bold(name));
    }
    if matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) {
        let value = arg
            .get_value_names()
            .and_then(|names| names.first())
            .map_or_else(|| arg.get_id().to_string(), ToString::to_string);
        if !names.is_empty() {
            line.push(roman(" "));
        }
        line.push(italic(value.to_uppercase()));
    }
    line
}

fn possible(arg: &Arg) -> Vec<PossibleValue> {
    if !matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) {
        return Vec::new();
    }
    arg.get_possible_values()
        .into_iter()
        .filter(|value| !value.is_hide_set())
        .collect()
}

fn options<'a>(roff: &mut Roff, args: impl Iterator<Item = &'a Arg>) {
    for arg in args {
        if arg.is_hide_set() || ["help", "version"].contains(&arg.get_id().as_str()) {
            continue;
        }
        roff.control("TP", []).text(usage(arg));
        let mut help = arg.get_help().unwrap().to_string();
        let values = possible(arg);
        if let [default] = arg.get_default_values() {
            let default = default.to_str().unwrap();
            if default != "false" {
                help.extend([" (default: ", default, ")"]);
            }
        }
        roff.text(prose(&help));
        if values.iter().any(|value| value.get_help().is_some()) {
            roff.control("RS", []);
            for value in values {
                roff.control("TP", []).text([bold(value.get_name())]);
                roff.text(prose(&value.get_help().unwrap().to_string()));
            }
            roff.control("RE", []);
        } else if !values.is_empty() {
            let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
            roff.text(prose(&format!("({})", names.join(", "))));
        }
    }
}

fn commands(program: &Command) -> String {
    let mut roff = Roff::new();
    for command in program.get_subcommands().filter(|c| !c.is_hide_set()) {
        let positional = command.get_positionals().map(usage);
        let mut line = vec![bold(command.get_name())];
        for word in positional {
            line.push(roman(" "));
            line.extend(word);
        }
        roff.control("SS", []).text(line);
        let about = command.get_long_about().or(command.get_about()).unwrap();
        for (n, paragraph) in about.to_string().split("\n\n").enumerate() {
            if n > 0 {
                roff.control("PP", []);
            }
            roff.text(prose(&format!("{}.", paragraph.trim_end_matches('.'))));
        }
        options(&mut roff, command.get_arguments());
    }
    roff.to_roff()
}

/// The page of a program, of the definition of its command line.
pub(crate) fn of_program(program: &Command) {
    let mut common = Roff::new();
    options(&mut common, program.get_arguments());
    page(
        program.get_name(),
        8,
        &[
            ("@commands@", commands(program)),
            ("@options@", common.to_roff()),
        ],
    );
}

/// The completions of a program for each shell, which name every command.
pub(crate) fn completions(program: &mut Command) {
    let name = program.get_name().to_owned();
    for (shell, file) in [
        (Shell::Bash, format!("{name}.bash")),
        (Shell::Zsh, format!("_{name}")),
        (Shell::Fish, format!("{name}.fish")),
    ] {
        let path = format!("packaging/completions/{file}");
        let script = script(shell, program);
        for command in program.get_subcommands() {
            assert!(script.contains(command.get_name()), "{path}");
        }
        holds(&path, &script);
    }
    in_bash(program);
}

/// Bash completes each option of each command.
fn in_bash(program: &Command) {
    let name = program.get_name();
    let mut script = format!(
        "source packaging/completions/{name}.bash\n\
         function=$(complete -p {name} | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n"
    );
    for command in program.get_subcommands() {
        let command = command.get_name();
        let _ = writeln!(
            script,
            "COMP_WORDS=({name} {command} --); COMP_CWORD=2; COMPREPLY=()\n\
             \"$function\" {name} -- {command}; echo \"${{COMPREPLY[*]}}\""
        );
    }
    let output = std::process::Command::new("bash")
        .current_dir(repository())
        .args(["-c", &script])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    for command in program.get_subcommands() {
        let line = lines.next().unwrap();
        for option in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            let Some(long) = option.get_long() else {
                continue;
            };
            let found = line.split(' ').any(|word| word == format!("--{long}"));
            assert!(found, "{} --{long}: {line}", command.get_name());
        }
    }
}
