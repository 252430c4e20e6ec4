//! What the components of Kubernetes are given: arguments, configuration files, logs.

use std::cell::Cell;

use preflight_rke2::testing::kubernetes::kubelet::{Machine, Numbers, Outcome, Presence, outcome};
use preflight_rke2::testing::kubernetes::log::{read, read_container};
use preflight_rke2::testing::kubernetes::{
    Cause, Minor, Program, arguments, codec, control_plane, feature_gates,
};

/// A minor of those that are known, and the ones beside them.
fn minor(data: &[u8], index: usize) -> Minor {
    Minor(23 + u32::from(super::switch(data, index)) % 16)
}

/// Arguments are the parts that begin with `a`; `c` is the file of `--config`, `d` are drop-ins.
pub(super) fn kubelet(data: &[u8]) {
    let minor = minor(data, 0);
    let parts: Vec<(u8, &[u8])> = super::lettered(data).collect();
    let of = |wanted: u8| {
        let of = parts.iter().filter(move |(letter, _)| *letter == wanted);
        of.map(|(_, part)| *part)
    };
    let mut arguments: Vec<String> = ["--config=/c", "--config-dir=/d", "--kubeconfig=/k"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(of(b'a').map(|part| String::from_utf8_lossy(part).into_owned()));
    let files: Vec<&[u8]> = of(b'd').collect();
    let config = of(b'c').next();
    let read = |path: &str| {
        let found = match path {
            "/c" => config,
            _ => path
                .strip_prefix("/d/")
                .and_then(|name| name.strip_suffix(".conf")?.parse().ok())
                .and_then(|at: usize| files.get(at).copied()),
        };
        found
            .map(<[u8]>::to_vec)
            .ok_or_else(|| format!("open {path}: no such file or directory"))
    };
    let walk = |_: &str| Ok((0..files.len()).map(|at| format!("/d/{at}.conf")).collect());
    let asked = Cell::new(0_usize);
    let presence = |path: &str| {
        asked.set(asked.get() + 1);
        match path.len() % 4 {
            0 => Presence::Missing,
            1 => Presence::Directory,
            2 => Presence::Present,
            _ => Presence::Unknown,
        }
    };
    let machine = Machine {
        read: &read,
        walk: &walk,
        presence: &presence,
        has_cgroup_v1: &|| Some(true),
        has_drop_in_variable: super::switch(data, 1) % 2 == 1,
        runtime_answers: true,
        swaps: &|| Some(b"Filename\n/swap\n".to_vec()),
        memory: &|| Some(1 << 34),
        cpus: &|| Numbers::parse("0-3"),
        numa_nodes: &|| Numbers::parse("0"),
    };
    let found = outcome(minor, &arguments, &machine);
    assert!(asked.get() < 100);
    // What Go's maps leave open is decided here, always alike.
    assert_eq!(found, outcome(minor, &arguments, &machine));
    if let Outcome::Exits(failure) = found {
        match failure.cause {
            Cause::Arguments(positions) => {
                assert!(positions.iter().all(|at| *at < arguments.len()));
            }
            Cause::File { path, .. } => assert!(path.starts_with('/'), "{path}"),
        }
    }
}

/// The command line of a program, with feature gates.
pub(super) fn command_line(data: &[u8]) {
    let minor = minor(data, 0);
    let index = usize::from(super::switch(data, 1));
    let program = Program::ALL
        .into_iter()
        .cycle()
        .nth(index)
        .unwrap_or(Program::Kubelet);
    let words = super::parts(data).skip(1);
    let words: Vec<String> = words
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect();
    if let Ok(parsed) = arguments::parse(program, minor, &words) {
        assert!(parsed.iter().all(|parsed| parsed.position < words.len()));
        let gates = arguments::requested_gates(&parsed);
        let mut known = feature_gates::Gates::default(program, minor);
        if known.set(&gates).is_ok() {
            for (name, on) in &gates {
                // `AllAlpha` and `AllBeta` are no gates of their own.
                let is_group = name.starts_with("All");
                assert!(is_group || known.is_enabled(name) == *on, "{name}");
            }
        }
    }
    let read = |path: &str| match path.len() % 3 {
        0 => control_plane::FileState::Missing,
        1 => control_plane::FileState::Unknown,
        _ => control_plane::FileState::Content(data.to_vec()),
    };
    let judged = control_plane::judge(program, minor, &words, &read);
    assert_eq!(judged, control_plane::judge(program, minor, &words, &read));
}

/// A configuration file: of the kubelet, and of a kind that its component does not know.
pub(super) fn file(data: &[u8]) {
    let minor = minor(data, 0);
    let content = super::parts(data).nth(1).unwrap_or_default();
    let scheme = codec::Scheme {
        name: "x",
        kinds: &[("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration")],
    };
    for strictness in [codec::Strictness::Strict, codec::Strictness::Lenient] {
        let decode = || codec::decode(minor, content, 0, scheme, strictness);
        let decoded = decode();
        assert_eq!(decoded, decode());
        // What a strict decoder takes, a lenient one takes without a word.
        if let (Ok(strict), codec::Strictness::Strict) = (decoded, strictness) {
            let lenient = codec::decode(minor, content, 0, scheme, codec::Strictness::Lenient);
            assert_eq!(
                lenient.map(|lenient| (lenient.value, lenient.ignored)),
                Ok((strict.value, Vec::new()))
            );
        }
    }
    let _ = codec::decode_untyped(content, 0);
}

/// A log of the kubelet, and of a container.
pub(super) fn log(data: &[u8]) {
    for end in [read(data), read_container(data)] {
        if let Some(exit) = &end.exit {
            assert!(exit.reason.len() <= data.len().saturating_mul(4).max(64));
        }
        let _ = end.exited_at(1_795_860_000_000_000);
    }
}
