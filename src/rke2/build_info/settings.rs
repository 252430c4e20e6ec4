//! RKE2's version in the texts that carry it: recorded linker flags, the answer to `--version`, the
//! name of a directory of its data.

use std::borrow::Cow;

use crate::go;
use crate::rke2::version::Version;

/// The variable the version is linked into, for each host of k3s' repository (it has moved once).
const VARIABLE: &str = "/k3s/pkg/version.Version";

/// The release a version text stands for. A development build (`v1.30.4+dev.0a1b2c3d`) counts as
/// the release it is made for.
pub(crate) fn release(text: &str) -> Option<Version> {
    text.parse().ok().or_else(|| {
        let (release, build) = text.split_once('+')?;
        build.strip_prefix("dev.")?;
        release.parse().ok()
    })
}

/// RKE2's version in what `rke2 --version` prints: `rke2 version v1.34.1+rke2r1 (0a1b…)`. What
/// is first is the program's name, which may be any.
pub fn from_version_output(output: &[u8]) -> Option<String> {
    String::from_utf8_lossy(output).lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        (words.next()? == "version").then_some(())?;
        let version = words.next()?;
        // The next line is `go version go1.24.6`.
        version.starts_with('v').then(|| version.to_owned())
    })
}

/// RKE2's version in the name of the directory its runtime image was unpacked to:
/// `v1.34.1-rke2r1-0123456789ab`, the image's tag and twelve digits of a hash.
pub fn from_data_dir(name: &str) -> Option<Version> {
    let (tag, hash) = name.rsplit_once('-')?;
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    (hash.len() == 12 && hash.bytes().all(hex)).then_some(())?;
    // Images that are not for every architecture say for which one.
    let tag = tag.split_once("-linux-").map_or(tag, |(tag, _)| tag);
    tag.parse().ok()
}

/// What the linker set RKE2's version to, as far as the text about modules and settings shows it.
pub(super) fn rke2_version(modules: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(modules);
    let flags = text
        .lines()
        .filter_map(|line| line.strip_prefix("build\t-ldflags="))
        .filter_map(unquote)
        .find_map(|flags| linked(&flags));
    // The first Go 1.18 wrote flags of several lines as they are, so as several lines.
    flags.or_else(|| linked(&text))
}

/// The value `-X` gives the version in these linker flags. The last one counts, as for the linker.
fn linked(flags: &str) -> Option<String> {
    let mut found = None;
    let mut words = Words(without_pattern(flags));
    while let Some(word) = words.next() {
        let flag = word.strip_prefix('-').unwrap_or_default();
        let flag = flag.strip_prefix('-').unwrap_or(flag);
        let definition = match flag {
            "X" => words.next().unwrap_or_default(),
            _ => flag.strip_prefix("X=").unwrap_or_default(),
        };
        if let Some((name, value)) = definition.split_once('=')
            && name.ends_with(VARIABLE)
            && !value.is_empty()
        {
            found = Some(value.to_owned());
        }
    }
    found
}

/// Flags may be meant for some packages: `all=-X …`.
fn without_pattern(flags: &str) -> &str {
    let flags = flags.trim();
    match flags.split_once('=') {
        Some((pattern, flags)) if !pattern.contains(['-', '"', '\'', ' ', '\n']) => flags,
        _ => flags,
    }
}

/// Words as Go's build tools split flags: at white space, but for a word that begins with a quote,
/// which ends at the next such quote. There is no escaping.
struct Words<'a>(&'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.trim_ascii_start();
        let quoted = text
            .strip_prefix('"')
            .and_then(|rest| rest.split_once('"'))
            .or_else(|| {
                text.strip_prefix('\'')
                    .and_then(|rest| rest.split_once('\''))
            });
        let (word, rest) = quoted.unwrap_or_else(|| {
            text.split_once(|c: char| c.is_ascii_whitespace())
                .unwrap_or((text, ""))
        });
        self.0 = rest;
        (!text.is_empty()).then_some(word)
    }
}

/// A build setting's value, which is a Go string literal where it holds a space or a quote.
fn unquote(value: &str) -> Option<Cow<'_, str>> {
    if let Some(raw) = value.strip_prefix('`') {
        return raw.strip_suffix('`').map(Cow::Borrowed);
    }
    let Some(literal) = value.strip_prefix('"') else {
        return Some(Cow::Borrowed(value));
    };
    let mut rest = literal.strip_suffix('"')?;
    let mut out = Vec::with_capacity(rest.len());
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.extend_from_slice(plain.as_bytes());
        rest = go::unescape(escape, &mut out)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Some(Cow::Owned(String::from_utf8_lossy(&out).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The flags of RKE2's own build: several lines, quotes within.
    const FLAGS: &str = "-extldflags \"-static\" -w \n\
        \x20       -X github.com/k3s-io/k3s/pkg/version.GitCommit=0a1b2c3d\n\
        \x20       -X github.com/k3s-io/k3s/pkg/version.BinaryKind=rke2\n\
        \x20       -X github.com/k3s-io/k3s/pkg/version.Version=v1.36.3+rke2r1\n\
        \x20       -X github.com/rancher/rke2/pkg/images.DefaultRegistry=docker.io\n";

    fn modules(settings: &str) -> Vec<u8> {
        format!("path\tgithub.com/rancher/rke2\nmod\tgithub.com/rancher/rke2\t(devel)\t\nbuild\t-compiler=gc\n{settings}build\tGOOS=linux\n").into_bytes()
    }

    #[test]
    fn every_escape_of_go_is_undone() {
        for (quoted, expected) in [
            ("plain", Some("plain")),
            (r"`a\n`", Some(r"a\n")),
            (r"`a", None),
            (
                r#""\a\b\f\n\r\t\v\\\"\'""#,
                Some("\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"'"),
            ),
            (r#""\101\x41\u0041\U0001F600z""#, Some("AAA\u{1f600}z")),
            (r#""\q""#, None),
            (r#""\""#, None),
            (r#""\8""#, None),
            (r#""open"#, None),
        ] {
            assert_eq!(unquote(quoted).as_deref(), expected, "{quoted}");
        }
    }

    #[test]
    fn finds_the_version_among_linker_flags() {
        let quoted = go::quote(FLAGS.as_bytes());
        for (settings, version) in [
            (format!("build\t-ldflags={quoted}\n"), Some("v1.36.3+rke2r1")),
            (format!("build\t-ldflags={FLAGS}\n"), Some("v1.36.3+rke2r1")),
            (
                "build\t-ldflags=\"-X github.com/rancher/k3s/pkg/version.Version=v1.24.1+rke2r1 -w -s\"\n".into(),
                Some("v1.24.1+rke2r1"),
            ),
            (
                "build\t-ldflags=`-X 'github.com/k3s-io/k3s/pkg/version.Version=v1.30.4+rke2r1'`\n".into(),
                Some("v1.30.4+rke2r1"),
            ),
            (
                "build\t-ldflags=-X=github.com/k3s-io/k3s/pkg/version.Version=v1.30.5+rke2r1\n".into(),
                Some("v1.30.5+rke2r1"),
            ),
            (
                "build\t-ldflags=\"all=--X \\\"github.com/k3s-io/k3s/pkg/version.Version=v1.30.6+rke2r1\\\"\"\n".into(),
                Some("v1.30.6+rke2r1"),
            ),
            (
                "build\t-ldflags=\"-X a/k3s/pkg/version.Version=v1.1.1 -X a/k3s/pkg/version.Version=v1.2.2\"\n".into(),
                Some("v1.2.2"),
            ),
            (
                "build\t-ldflags=\"-X\\u0020a/k3s/pkg/version.Version=v1.3.\\x33\\053rke2r1\"\n".into(),
                Some("v1.3.3+rke2r1"),
            ),
            ("build\t-ldflags=\"-w -s\"\n".into(), None),
            ("build\t-ldflags=\"-X github.com/x/pkg/version.Version=v1.30.4\"\n".into(), None),
            ("build\t-ldflags=\"-X a/k3s/pkg/version.Version=\"\n".into(), None),
            ("build\t-ldflags=\"-X\"\n".into(), None),
            ("build\t-ldflags=\"-Xa/k3s/pkg/version.Version=v1.1.1\"\n".into(), None),
            ("build\t-ldflags=\n".into(), None),
            (String::new(), None),
        ] {
            assert_eq!(rke2_version(&modules(&settings)).as_deref(), version, "{settings}");
        }
    }

    #[test]
    fn reads_the_answer_to_version() {
        for (output, version) in [
            (
                "rke2 version v1.36.3+rke2r1 (1f2e3d)\ngo version go1.26.5 X:boringcrypto\n",
                Some("v1.36.3+rke2r1"),
            ),
            (
                "rke2 version v1.18.9+rke2r1 (1f2e3d)\n",
                Some("v1.18.9+rke2r1"),
            ),
            ("rke2-1.36 version v1.36.3+rke2r1", Some("v1.36.3+rke2r1")),
            (
                "note\nrke2 version v1.36.3+rke2r1 (1)\n",
                Some("v1.36.3+rke2r1"),
            ),
            ("go version go1.26.5\n", None),
            ("rke2 version\n", None),
            ("version v1.36.3+rke2r1\n", None),
            ("", None),
            ("\u{0}\u{ff}", None),
        ] {
            assert_eq!(
                from_version_output(output.as_bytes()).as_deref(),
                version,
                "{output}"
            );
        }
    }

    #[test]
    fn reads_the_data_directorys_name() {
        for (name, version) in [
            ("v1.36.3-rke2r1-0123456789ab", Some("v1.36.3+rke2r1")),
            (
                "v1.31.2-rc3-rke2r1-0123456789ab",
                Some("v1.31.2-rc3+rke2r1"),
            ),
            (
                "v1.30.4-rke2r1-linux-amd64-0123456789ab",
                Some("v1.30.4+rke2r1"),
            ),
            ("0123456789ab", None),
            ("sha256-0123456789ab", None),
            ("v1.36.3-rke2r1", None),
            ("v1.36.3-rke2r1-0123456789AB", None),
            ("v1.36.3-rke2r1-0123456789a", None),
            ("", None),
            ("-", None),
        ] {
            let found = from_data_dir(name).map(|found| found.to_string());
            assert_eq!(found.as_deref(), version, "{name}");
        }
    }

    #[test]
    fn a_development_build_is_the_release_it_is_made_for() {
        for (text, version) in [
            ("v1.30.4+rke2r1", Some(Version::new(30, 4, 1))),
            ("v1.30.4+dev.0a1b2c3d", Some(Version::new(30, 4, 0))),
            ("v1.30.4+dev.0a1b2c3d-dirty", Some(Version::new(30, 4, 0))),
            ("v1.30.4+k3s1", None),
            ("dev", None),
        ] {
            assert_eq!(release(text), version, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_go_quotes_comes_back(text in ".*") {
            let quoted = go::quote(text.as_bytes());
            prop_assert_eq!(unquote(&quoted).unwrap(), text);
        }

        #[test]
        fn no_text_is_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "build\t-ldflags=[-X\"'`\\\\ =\n/a-z]{0,80}") {
            let _ = rke2_version(&bytes);
            let _ = rke2_version(text.as_bytes());
            let _ = from_version_output(&bytes);
            let _ = from_data_dir(&text);
        }
    }
}
