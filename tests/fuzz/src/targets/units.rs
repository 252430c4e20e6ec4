//! A unit file, drop-ins and environment files, up to what systemd would start.

use preflight_rke2::testing::glob;
use preflight_rke2::testing::unit::envfile::{self, Comments};
use preflight_rke2::testing::unit::load::{UnitFile, default_environment, load};
use preflight_rke2::testing::unit::specifier::Specifiers;
use preflight_rke2::testing::unit::words::{Rules, Words};
use preflight_rke2::testing::unit::{EnvironmentContent, UnitDefinition};

const NAME: &str = "rke2-server.service";

fn unit(data: &[u8]) -> UnitDefinition {
    let comments = match switch_of(data) {
        0 => Comments::Unknown,
        1 => Comments::Continue,
        _ => Comments::EndWithLine,
    };
    let (mut units, mut managers, mut environment) = (Vec::new(), Vec::new(), Vec::new());
    for (letter, content) in super::lettered(data) {
        let (list, directory) = match letter {
            b'u' => (&mut units, "/etc/systemd/system"),
            b'm' => (&mut managers, "/etc/systemd/system.conf.d"),
            b'e' => (&mut environment, "/etc/default"),
            _ => continue,
        };
        list.push(UnitFile {
            path: format!("{directory}/{}", list.len()),
            content: Ok(content.to_vec()),
        });
    }
    let none = UnitFile {
        path: format!("/etc/systemd/system/{NAME}"),
        content: Ok(Vec::new()),
    };
    let (fragment, drop_ins) = units.split_first().unwrap_or((&none, &[]));
    let (mut unit, _) = load(NAME, &Specifiers::of_unit(NAME), fragment, drop_ins);
    unit.manager_environment = default_environment(&managers, &mut unit.problems).into_vec();
    // Every file stands behind the first pattern; what they are called does not matter here.
    if let Some(first) = unit.environment_files.first_mut() {
        for file in &environment {
            let content = file.content.as_deref().unwrap_or_default();
            first.files.push(EnvironmentContent {
                path: file.path.clone(),
                variables: envfile::parse(&file.path, content, comments, &mut unit.problems),
            });
        }
    }
    for file in &unit.environment_files {
        unit.problems.extend(file.problems());
    }
    unit
}

fn switch_of(data: &[u8]) -> u8 {
    super::switch(data, 0) % 3
}

pub(super) fn run(data: &[u8]) {
    let unit = unit(data);
    assert_eq!(unit, self::unit(data));
    let lines = data
        .split(|byte| matches!(byte, b'\n' | b'\r' | 0) || *byte == super::SEPARATOR)
        .count();
    // A word may be wrong in two ways, and a specifier is a problem each.
    assert!(unit.problems.len() <= lines.saturating_add(data.len()).saturating_add(8));
    for problem in &unit.problems {
        assert!(!problem.to_string().is_empty());
    }
    let started = unit.command();
    if unit.is_too_long() {
        assert_eq!(started, None);
    }
    let Some(start) = started else { return };
    for word in &start.args {
        if let Some(source) = &word.source {
            assert!(source.line.is_some_and(|line| line > 0));
        }
    }
    let words: Vec<&[u8]> = start.args.iter().map(|word| word.text.as_bytes()).collect();
    // A NUL cannot be written, and cannot be in an argument.
    if words.iter().all(|word| !word.contains(&0)) {
        let line = render(words.iter().copied());
        let mut back = Words::new(&line);
        for word in words {
            let read = back.next(Rules::Strict);
            assert_eq!(
                read.ok().flatten().map(|word| word.text),
                Some(word.to_vec())
            );
        }
        assert_eq!(back.next(Rules::Strict), Ok(None));
    }
    for file in &unit.environment_files {
        glob::matches(file.pattern.as_bytes(), b"/etc/default/rke2-server");
    }
}

include!("../../../common/quoted_words.rs");
