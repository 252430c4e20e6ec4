//! Following docs/installing.md exactly on a fresh host results in a gated node.

use std::collections::BTreeMap;
use std::path::Path;

use crate::lab::Lab;

/// The blocks of a document that begin with `<!-- run: NAME -->`, by name.
fn blocks(document: &str) -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(path).expect("a document");
    let mut blocks = BTreeMap::new();
    for part in text.split("<!-- run: ").skip(1) {
        let (name, rest) = part.split_once(" -->\n```sh\n").expect("a block of shell");
        let (block, _) = rest.split_once("```\n").expect("its end");
        assert!(
            blocks.insert(name.to_owned(), block.to_owned()).is_none(),
            "{name} twice"
        );
    }
    blocks
}

#[test]
fn getting_started_leads_to_a_gated_node() {
    let blocks = blocks("docs/installing.md");
    let mut steps = String::new();
    for (name, block) in &blocks {
        steps.extend([
            "cat >/tmp/",
            name,
            ".sh <<'END_OF_BLOCK'\n",
            block,
            "END_OF_BLOCK\n",
        ]);
    }
    let outcome = Lab::new("bookworm")
        .config("profile: cis\n")
        .kernel_defaults()
        .no_etcd()
        .not_installed()
        .script(&format!(
            r#"{steps}
            cd /root
            cp /packages/preflight-rke2.deb preflight-rke2_1_amd64.deb
            mkdir -p image/etc/rancher/rke2
            grep -v ^etcd: /etc/passwd >image/etc/passwd
            grep -v ^etcd: /etc/group >image/etc/group
            cp /etc/rancher/rke2/config.yaml image/etc/rancher/rke2
            step() {{ rec "$1" bash -e "/tmp/$1.sh"; }}
            step install-deb
            step verdict
            step verdict-before
            step fix
            step start
            rec running systemctl is-active rke2-server
            step try
            rec held systemctl show rke2-server --property=ActiveState,NRestarts
            sysctl -w kernel.panic=10
            eventually systemctl is-active --quiet rke2-server
            rec back systemctl is-active rke2-server
            step image
            step cloud-init
            rec user-data cat user-data"#
        ))
        .boot();
    let done: Vec<&str> = blocks.keys().map(String::as_str).collect();
    assert_eq!(
        done,
        [
            "cloud-init",
            "fix",
            "image",
            "install-deb",
            "start",
            "try",
            "verdict",
            "verdict-before"
        ]
    );
    for (step, status) in [
        ("install-deb", 0),
        ("verdict", 3),
        ("verdict-before", 3),
        ("fix", 0),
        ("start", 0),
        ("back", 0),
        ("image", 0),
        ("cloud-init", 0),
    ] {
        assert_eq!(
            outcome.status(step),
            status,
            "{step}: {}",
            outcome.text(step)
        );
    }
    outcome.has("verdict", &["rke2-server.service would not start"]);
    assert_eq!(outcome.line("running"), "active");
    outcome.has("held", &["ActiveState=inactive", "NRestarts=0"]);
    outcome.has("user-data", &["#cloud-config", "vm.overcommit_memory = 1"]);
}
