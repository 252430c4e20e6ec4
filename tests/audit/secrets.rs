//! No key and no token reaches a report, even if its file is malformed.

use std::fmt::Write as _;

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::rke2::role::Role;

use crate::command::run;
use crate::node::{Care, DATA, Node};

const SECRET: &str = "CANARY5e7a";

#[test]
fn what_is_secret_stays_so() {
    let encryption = format!("{DATA}/server/cred/encryption-config.json");
    let good = Node::new(Benchmark::V1_12, Role::Server, Care::Guide).files[&encryption]
        .replace("c2VjcmV0", "@");
    for content in [
        good.as_str(),
        "@",
        "[\"@\"]",
        "{\"resources\":[{\"resources\":[\"secrets\"],\"providers\":[\"@\"]}]}",
        "{\"resources\": @",
        "resources: !!int @\n",
        "@: [\n",
        "resources: {@: 1}\nresources: [{resources: [secrets], providers: [{identity: {x: @}}]}]\n",
    ] {
        let mut node = Node::new(Benchmark::V1_12, Role::Server, Care::Guide);
        node.files
            .insert(encryption.clone(), content.replace('@', SECRET));
        let _ = writeln!(
            node.config,
            "token: {SECRET}\nkube-apiserver-arg: [etcd-servers=https://u:{SECRET}@h]"
        );
        node.args("kube-apiserver")
            .push(format!("--oidc-client-secret={SECRET}"));
        node.kubelet.push(format!("--token={SECRET}"));
        let built = node.build();
        for format in ["text", "json", "kube-bench", "junit", "sarif", "metrics"] {
            let ran = run(&built, &node, &["--format", format, "--show", "all"]);
            for text in [&ran.out, &ran.err] {
                assert!(!text.contains(&SECRET[6..]), "{content} {format}\n{text}");
            }
        }
    }
}
