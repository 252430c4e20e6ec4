//! Each control of each benchmark, broken by itself: its remedy, carried out as it is printed, cures it, and `check` says
//! that the node would start. What has no remedy to carry out is listed with the reason.

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::audit::control::{Criterion, NodeType, Rule};
use preflight_rke2::testing::audit::{Audit, Audited, ControlOutcome, controls};
use preflight_rke2::testing::rke2::releases;
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::version::Version;

use crate::breaking;
use crate::cures::{UNDECIDED, carry_out, is_open, refused};
use crate::node::{Care, DATA, Node, has, release};

/// Why a control has no remedy to carry out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// RKE2 has nothing that the control could be applied to, or the benchmark says so.
    NotApplicable,
    /// Only people can answer it: it is a question.
    Question,
    /// The kubelet of the release reads no files that could be wrong.
    NoFiles,
}

/// Two of the benchmarks, and every one.
const OLDEST: &[Benchmark] = &[Benchmark::V1_6, Benchmark::V1_23];
const ALL: &[Benchmark] = &Benchmark::ALL;

/// Controls without a remedy to carry out.
const LEFT: &[(&str, &[Benchmark], Left)] = &[
    ("cp.client-cert-users", ALL, Left::Question),
    ("cp.sa-token-users", ALL, Left::Question),
    ("cp.bootstrap-token-users", ALL, Left::Question),
    ("kubelet.svc.mode", ALL, Left::NotApplicable),
    ("kubelet.svc.owner", ALL, Left::NotApplicable),
    ("kubelet.config.mode", ALL, Left::NotApplicable),
    ("kubelet.config.owner", ALL, Left::NotApplicable),
    ("kubelet.hostnameOverride", ALL, Left::NotApplicable),
    ("kubelet.kubeconfig.mode", OLDEST, Left::NotApplicable),
    ("kubelet.kubeconfig.owner", OLDEST, Left::NotApplicable),
    ("etcd.cert", OLDEST, Left::NotApplicable),
    ("etcd.client-cert-auth", OLDEST, Left::NotApplicable),
    ("etcd.peer-cert", OLDEST, Left::NotApplicable),
    (
        "etcd.peer-client-cert-auth",
        &[Benchmark::V1_23],
        Left::NotApplicable,
    ),
    (
        "kcm.RotateKubeletServerCertificate",
        OLDEST,
        Left::NotApplicable,
    ),
    (
        "apiserver.SecurityContextDeny",
        &[Benchmark::V1_7, Benchmark::V1_8],
        Left::NotApplicable,
    ),
    ("guide.kubelet-config.mode", ALL, Left::NoFiles),
    ("guide.kubelet-config.owner", ALL, Left::NoFiles),
];

/// The reason that is listed for a control.
fn left(key: &str, version: &Version) -> Option<Left> {
    let benchmark = Benchmark::of(version).benchmark;
    let mut rows = LEFT.iter();
    let row = rows.find(|(name, of, _)| *name == key && of.contains(&benchmark));
    let (.., why) = *row?;
    let has_files = has(version, "KUBELET_CONF_D");
    (why != Left::NoFiles || !has_files).then_some(why)
}

/// The releases that a benchmark is tried with: the first and the last of its range, and some between them whose remedies
/// are written in other ways.
fn releases_of(benchmark: Benchmark) -> Vec<Version> {
    let all: Vec<Version> = (0..releases::count())
        .filter_map(releases::release)
        .filter(|version| Benchmark::of(version).benchmark == benchmark)
        .collect();
    let between = match benchmark {
        // Drop-ins, and lists of flags that no entry adds to.
        Benchmark::V1_6 => Some(Version::new(21, 6, 1)),
        // The last minor with a kubelet that is configured by flags.
        Benchmark::V1_11 => Some(release(benchmark)),
        _ => None,
    };
    let ends = [all.first(), between.as_ref(), all.last()];
    ends.into_iter().flatten().cloned().collect()
}

/// Adds an entry to the end of a list of RKE2's configuration.
fn entry(node: &mut Node, setting: &str, entry: &str) {
    let key = format!("{setting}:");
    let mut lines: Vec<String> = node
        .config
        .lines()
        .map(|line| line.replace("  - ", "- "))
        .collect();
    let at = lines.iter().position(|line| *line == key);
    let at = at.unwrap_or_else(|| {
        lines.push(key);
        lines.len() - 1
    });
    let rest = lines.iter().skip(at + 1);
    let items = rest.take_while(|line| line.starts_with("- ")).count();
    lines.insert(at + 1 + items, format!("- {entry}"));
    node.config = lines.join("\n") + "\n";
}

/// Breaks the control by an entry of RKE2's configuration as well; false where no entry can.
fn break_by_entries(node: &mut Node, whole: &Node) -> bool {
    let mut entries: Vec<(String, String)> = Vec::new();
    for (pod, before) in node.pods.iter().zip(&whole.pods) {
        for word in pod.args.iter().filter(|word| !before.args.contains(word)) {
            // Which needs its limits.
            let word = word
                .replace(",EventRateLimit", "")
                .replace("EventRateLimit,", "");
            entries.push((format!("{}-arg", pod.program), word));
        }
    }
    for word in node
        .kubelet
        .iter()
        .filter(|word| !whole.kubelet.contains(word))
    {
        entries.push(("kubelet-arg".to_owned(), word.clone()));
    }
    for (setting, word) in &entries {
        entry(node, setting, word.trim_start_matches("--"));
    }
    !entries.is_empty()
}

/// What became of the controls of a node.
#[derive(Debug, Default)]
struct Count {
    cured: usize,
    by_entry: usize,
    wrong: Vec<String>,
}

fn of<'a>(audit: &'a Audit, key: &str) -> &'a Audited {
    let mut controls = audit.controls.iter();
    controls.find(|one| one.control.key == key).unwrap()
}

/// From a node on which everything passes, each control broken by itself: in force only, and by an entry.
fn each(version: &Version, role: Role, count: &mut Count) {
    let benchmark = Benchmark::of(version).benchmark;
    let whole = Node::of(version, role, Care::Full, DATA);
    let audit = whole.audit();
    for (control, _) in controls::of(benchmark) {
        let key = control.key;
        let outcome = of(&audit, key).outcome;
        let is_of_role = role == Role::Server || control.node == NodeType::Node;
        let expected = match left(key, version) {
            _ if !is_of_role => Some(ControlOutcome::NotApplicable),
            Some(Left::NotApplicable | Left::NoFiles) => Some(ControlOutcome::NotApplicable),
            Some(Left::Question) => Some(ControlOutcome::Manual),
            None => None,
        };
        if let Some(expected) = expected {
            if outcome != expected {
                count.wrong.push(format!("{version} {key} is {outcome:?}"));
            }
            continue;
        }
        let mut node = whole.clone();
        let can_pass = !is_open(outcome) && outcome != ControlOutcome::NotApplicable;
        if !can_pass || !breaking::one(&mut node, control, benchmark) {
            let found = &of(&audit, key).result;
            count.wrong.push(format!(
                "{version} {key} is {outcome:?}, has no remedy and no reason: {found:?}"
            ));
            continue;
        }
        let mut nodes = vec![node.clone()];
        let is_removal = matches!(control.criterion, Criterion::Flag(_, Rule::Set(_)));
        if !is_removal && break_by_entries(&mut node, &whole) {
            nodes.push(node);
        }
        count.cured += 1;
        count.by_entry += nodes.len() - 1;
        for node in nodes {
            count.wrong.extend(cures(&node, key).err());
        }
    }
}

/// Whether the group of this control cures it, and the node would start.
fn cures(node: &Node, key: &str) -> Result<(), String> {
    let built = node.build();
    let audit = built.audit(node, None, &[]);
    let audited = of(&audit, key);
    let mut groups = audit.groups.iter();
    let group = groups.find(|group| Some(&group.name) == audited.group.as_ref());
    let Some(group) = group.filter(|group| !UNDECIDED.contains(&group.name.as_str())) else {
        return Err(format!("{} {key}: {group:#?}\n{audited:#?}", node.version));
    };
    carry_out(&built, node, group);
    let after = built.audit(node, None, &[]);
    let left = of(&after, key);
    if is_open(left.outcome) {
        let config = std::fs::read_to_string(built.at("/etc/rancher/rke2/config.yaml")).unwrap();
        let result = &left.result;
        return Err(format!(
            "{} {key}: {group:#?}\n{result:#?}\n{config}",
            node.version
        ));
    }
    // Modes and owners do not change what RKE2 starts.
    if !["modes", "owners", "network-plugins", "static-pods"].contains(&group.name.as_str()) {
        return refused(&built, node).map_or(Ok(()), |why| {
            Err(format!("{} {key}: {group:#?}\n{why}", node.version))
        });
    }
    Ok(())
}

/// Tries a benchmark with its releases: servers, and agents of the last one.
fn each_remedy_cures_its_control(benchmark: Benchmark) {
    let mut count = Count::default();
    let releases = releases_of(benchmark);
    for version in &releases {
        each(version, Role::Server, &mut count);
    }
    each(releases.last().unwrap(), Role::Agent, &mut count);
    let Count {
        cured,
        by_entry,
        wrong,
    } = count;
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
    assert!(
        cured > 80 * releases.len() && by_entry > 20 * releases.len(),
        "{cured} {by_entry}"
    );
}

/// Declares the test of each benchmark, and the list of those that have one.
macro_rules! benchmarks {
    ($($name:ident: $benchmark:expr;)+) => {
        $(#[test]
        fn $name() {
            each_remedy_cures_its_control($benchmark);
        })+

        const TESTED: &[Benchmark] = &[$($benchmark),+];
    };
}

benchmarks! {
    of_1_6: Benchmark::V1_6;
    of_1_23: Benchmark::V1_23;
    of_1_24: Benchmark::V1_24;
    of_1_7: Benchmark::V1_7;
    of_1_8: Benchmark::V1_8;
    of_1_9: Benchmark::V1_9;
    of_1_10: Benchmark::V1_10;
    of_1_11: Benchmark::V1_11;
    of_1_12: Benchmark::V1_12;
    of_2_0: Benchmark::V2_0;
}

#[test]
fn each_benchmark_has_its_test() {
    assert_eq!(TESTED, Benchmark::ALL);
    // What is listed is a control, and has no remedy in some release.
    for (key, benchmarks, _) in LEFT {
        for benchmark in *benchmarks {
            let is_control = controls::of(*benchmark)
                .iter()
                .any(|(control, _)| control.key == *key);
            assert!(is_control || *benchmarks == ALL, "{key} {benchmark}");
        }
        assert!(controls::keys().contains(key), "{key}");
    }
}
