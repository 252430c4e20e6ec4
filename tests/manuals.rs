//! The manuals and completions in the repository are up to date: generated here from the definition of
//! the command line, the table of checks and the packaged configuration, and compared with the files.
//! `PREFLIGHT_BLESS=1` regenerates the files.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads the repository, and fails by panicking"
)]

use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};
use clap_complete::Shell;
use preflight_rke2::testing::requirements::catalogue::{CHECKS, Check};
use roff::{Inline, Roff, bold, italic, roman};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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
        "{path} is out of date: PREFLIGHT_BLESS=1 cargo nextest run --test manuals writes it anew"
    );
}

/// A page: its template, with each `@mark@` on a separate line replaced.
fn page(name: &str, section: u8, marks: &[(&str, String)]) {
    let file = format!("docs/man/{name}.{section}");
    let template = std::fs::read_to_string(repository().join(format!("{file}.in"))).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let title = name.to_uppercase();
    let mut text = format!(
        ".\\\" Made by tests/manuals.rs from {file}.in: change that.\n\
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
fn prose(text: &str) -> Vec<Inline> {
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

#[test]
fn the_manual_of_the_program() {
    let program = preflight_rke2::testing::cli::command();
    let mut common = Roff::new();
    options(&mut common, program.get_arguments());
    page(
        "preflight-rke2",
        8,
        &[
            ("@commands@", commands(&program)),
            ("@options@", common.to_roff()),
        ],
    );
}

fn effect(check: &Check) -> &'static str {
    check.id.effect().as_str()
}

/// The first letter as at the start of a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().unwrap();
    let end = if text.ends_with('.') { "" } else { "." };
    // A key of the kernel's or of RKE2's is written as it is.
    let word = text.split(' ').next().unwrap();
    if word.contains(['.', '-', '`', '_']) {
        return format!("{text}{end}");
    }
    format!("{}{}{end}", first.to_uppercase(), chars.as_str())
}

#[test]
fn the_manual_of_the_checks() {
    let mut roff = Roff::new();
    for check in CHECKS {
        roff.control("SS", []).text([bold(check.id.as_str())]);
        roff.text(prose(&sentence(check.title)));
        roff.control("PP", []);
        roff.text(prose(&sentence(&check.about.to_string())));
        let by: Vec<&str> = check.required_by.iter().map(|c| c.name()).collect();
        let by = if by.is_empty() {
            "no component: advice, or a control of the CIS benchmark".to_owned()
        } else {
            by.join(" and ")
        };
        for (name, text) in [
            ("Required by", by),
            ("Applies to", check.applies.to_string()),
            ("Effect", effect(check).to_owned()),
            ("Fix", check.fix.to_string()),
            ("Source", check.source.to_string()),
        ] {
            roff.control("TP", ["16"]).text([italic(name)]);
            roff.text(prose(&text));
        }
    }
    page("preflight-rke2-checks", 7, &[("@checks@", roff.to_roff())]);
}

/// What stands above a setting: prose, and items, indented, as `value  meaning`.
fn explanation(roff: &mut Roff, lines: &[&str]) {
    let mut in_items = false;
    for line in lines {
        let item = line.strip_prefix("   ");
        if item.is_some() && !in_items {
            roff.control("RS", []);
        }
        if item.is_none() && in_items {
            roff.control("RE", []).control("IP", []);
        }
        in_items = item.is_some();
        if let Some(item) = item {
            let (value, meaning) = item.split_once("  ").unwrap();
            roff.control("TP", []).text([bold(value)]);
            roff.text(prose(meaning.trim_start()));
        } else {
            roff.text(prose(line.trim_start()));
        }
    }
    if in_items {
        roff.control("RE", []);
    }
}

/// The packaged configuration: sections, and above each `#key = value` its explanation, in which
/// an indented line is an item.
#[test]
fn the_manual_of_the_settings() {
    let text = std::fs::read_to_string(repository().join("packaging/config.toml")).unwrap();
    let mut roff = Roff::new();
    let mut about: Vec<&str> = Vec::new();
    let mut keys = 0;
    for line in text.lines() {
        let is_key = |line: &str| {
            line.split_once(" = ")
                .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        };
        if line.starts_with('[') {
            // What stands above the first section is for the reader of that file.
            about.clear();
            roff.control("SS", []).text([bold(line)]);
        } else if let Some(setting) = line.strip_prefix('#').filter(|line| is_key(line)) {
            keys += 1;
            roff.control("TP", []).text([bold(setting)]);
            explanation(&mut roff, &about);
            about.clear();
        } else if let Some(comment) = line.strip_prefix('#') {
            about.push(comment);
        } else {
            about.clear();
        }
    }
    assert!(keys >= 4, "{keys} settings");
    page("preflight-rke2.toml", 5, &[("@settings@", roff.to_roff())]);
}

#[test]
fn completions_know_every_command() {
    for (shell, path) in [
        (Shell::Bash, "packaging/completions/preflight-rke2.bash"),
        (Shell::Zsh, "packaging/completions/_preflight-rke2"),
        (Shell::Fish, "packaging/completions/preflight-rke2.fish"),
    ] {
        let mut script = Vec::new();
        let mut program = preflight_rke2::testing::cli::command();
        clap_complete::generate(shell, &mut program, "preflight-rke2", &mut script);
        let script = String::from_utf8(script).unwrap();
        for command in program.get_subcommands() {
            assert!(script.contains(command.get_name()), "{path}");
        }
        holds(path, &script);
    }
}
