//! Files that an earlier start of a server left, and that this one cannot go on with.
//!
//! Source: rancher/rke2 `pkg/rke2/rke2_linux.go` (`CurrentETCDOptions`), k3s-io/k3s `pkg/passwd/passwd.go` and
//! `pkg/etcd/etcd.go`.

use crate::facts::node::File;
use crate::facts::{Evidence, Part, Source};
use crate::finding::edit::Change;
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::rke2::layout;
use crate::yaml;

use super::{Node, NodeProblem, Start};

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let mut all = Vec::new();
    if start.is_server() {
        let data_dir = start.data_dir();
        all.extend(passwd(node, &data_dir));
        if start.has_etcd() {
            all.extend(manifest(node, &data_dir));
            all.extend(reset(start, node, &data_dir));
        }
    }
    all
}

/// The accounts of the server: rows of commas.
fn passwd(node: &dyn Node, data_dir: &str) -> Option<NodeProblem> {
    let path = format!("{data_dir}/server/cred/passwd");
    let File::Content(content) = node.file(&path)? else {
        return None;
    };
    // A quoted field can have commas and line feeds.
    if content.contains(&b'"') {
        return None;
    }
    let mut lines = content.split(|byte| *byte == b'\n').zip(1_u32..);
    let is_short = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        !line.is_empty() && !line.contains(&b',')
    };
    let (_, number) = lines.find(|(line, _)| is_short(line))?;
    let place = Source::line(&path, number);
    Some(NodeProblem {
        predicted: Some(format!(
            "password file '{path}' must have at least 2 columns (password, name), found 1"
        )),
        evidence: vec![Evidence::place(place.clone(), Part::Read)],
        remedies: vec![Remedy::manual(format!(
            "restore {path} from a backup, or move it away: a server that has the token in its configuration makes a new \
             one"
        ))],
        ..NodeProblem::new(
            CheckId::HostStatePasswd,
            &path,
            Component::Rke2,
            Stage::Datastore,
            format!(
                "RKE2 cannot read its accounts: {place} has no password and name, separated by a comma"
            ),
        )
    })
}

/// The static pod of etcd, from which RKE2 reads how etcd was started before.
fn manifest(node: &dyn Node, data_dir: &str) -> Option<NodeProblem> {
    let path = layout::static_pod(data_dir, "etcd");
    let File::Content(content) = node.file(&path)? else {
        return None;
    };
    let error = yaml::check_syntax(&content).err()?;
    // RKE2 reads it only where etcd has data.
    let wal = format!("{data_dir}/server/db/etcd/member/wal");
    if error.is_limit || node.exists(&wal) != Some(true) {
        return None;
    }
    Some(NodeProblem {
        evidence: vec![Evidence::place(Source::file(&path), Part::Read)],
        notes: vec![format!(
            "RKE2 reads from it how etcd was started before, and ends: {}",
            error.message
        )],
        remedies: vec![Remedy::Manual {
            summary: format!("remove {path}, which RKE2 writes again"),
            commands: vec![format!("rm {}", crate::text::shell_word(&path))],
        }],
        ..NodeProblem::new(
            CheckId::HostStateManifest,
            &path,
            Component::Rke2,
            Stage::Datastore,
            format!("the manifest of etcd, {path}, is not YAML"),
        )
    })
}

/// A reset of the cluster that was done, and is still configured.
fn reset(start: &Start<'_>, node: &dyn Node, data_dir: &str) -> Option<NodeProblem> {
    let settings = start.settings;
    let flag = format!("{data_dir}/server/db/reset-flag");
    if !settings.is_on("cluster-reset")
        || !settings.text("cluster-reset-restore-path").is_empty()
        || node.exists(&flag) != Some(true)
    {
        return None;
    }
    let origin = settings.get("cluster-reset")?.sources.last()?;
    let mut evidence = vec![Evidence::place(Source::file(&flag), Part::Read)];
    evidence.extend(
        origin
            .source()
            .map(|source| Evidence::place(source, Part::Sets)),
    );
    Some(NodeProblem {
        evidence,
        notes: vec![
            "RKE2 ends: cluster-reset was successfully performed, please remove the cluster-reset flag and start rke2 \
             normally"
                .to_owned(),
        ],
        remedies: origin.remedies("cluster-reset", None, &Change::Remove),
        ..NodeProblem::new(
            CheckId::HostStateReset,
            "cluster-reset",
            Component::Rke2,
            Stage::Datastore,
            format!("the cluster was reset ({flag} says so), and cluster-reset is still set"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::node::tests::{Files, of, with};
    use crate::rke2::role::Role;
    use crate::rke2::version::Version;

    const DATA: &str = "/var/lib/rancher/rke2";

    fn found(name: &str, content: &str, config: &str) -> Vec<CheckId> {
        let file = |text: &str| File::Content(text.as_bytes().to_vec());
        let node = Files::from([
            (format!("{DATA}/{name}"), file(content)),
            (format!("{DATA}/server/db/etcd/member/wal"), file("")),
        ]);
        let agent = of(
            Role::Agent,
            &Version::new(34, 1, 1),
            "server: https://192.0.2.1:9345\ntoken: x",
            |start| problems(start, &node),
        );
        assert_eq!(agent, []);
        let problems = with(config, |start| problems(start, &node));
        problems.into_iter().map(|problem| problem.check).collect()
    }

    #[test]
    fn accounts_have_two_columns() {
        for (content, is_wrong) in [
            ("", false),
            ("\n\n", false),
            ("a,server,server,rke2:server\nb,node\n", false),
            ("a,server\r\n\r\n", false),
            ("\"a\nb\",c\n", false),
            ("a\n", true),
            ("a,b\nc", true),
            ("\0\0\0", true),
        ] {
            let wrong = is_wrong.then_some(CheckId::HostStatePasswd);
            let of = found("server/cred/passwd", content, "");
            assert_eq!(of, Vec::from_iter(wrong), "{content:?}");
        }
    }

    #[test]
    fn the_manifest_of_etcd_is_yaml() {
        let name = "agent/pod-manifests/etcd.yaml";
        let broken = [CheckId::HostStateManifest];
        assert_eq!(found(name, "", ""), []);
        assert_eq!(found(name, "kind: Pod\n", ""), []);
        assert_eq!(found(name, "kind: Pod\nspec: [\n", ""), broken);
        assert_eq!(found(name, "\0\0\0", ""), broken);
        assert_eq!(found(name, "\0\0\0", "disable-etcd: true"), []);
    }

    #[test]
    fn a_reset_is_done_once() {
        let name = "server/db/reset-flag";
        assert_eq!(found(name, "", ""), []);
        assert_eq!(found("x", "", "cluster-reset: true"), []);
        let reset = [CheckId::HostStateReset];
        assert_eq!(found(name, "", "cluster-reset: true"), reset);
        let restored = "cluster-reset: true\ncluster-reset-restore-path: /x";
        assert_eq!(found(name, "", restored), []);
    }
}
