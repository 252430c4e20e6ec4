//! etcd's configuration.

use crate::audit::control::Criterion::Etcd;
use crate::audit::control::{Control, EtcdRule, NodeType};

/// Towards clients.
const CLIENT: &str = "client-transport-security";
/// Towards its peers.
const PEER: &str = "peer-transport-security";

pub(super) const CONTROLS: &[Control] = &[
    Control {
        key: "etcd.cert",
        node: NodeType::Etcd,
        ids: "2.1s 2.1s 2.1 2.1 2.1 2.1 2.1 2.1 2.1 2.1",
        title: "etcd has its certificate and key",
        criterion: Etcd(EtcdRule::Files(
            CLIENT,
            &[
                ("cert-file", "server/tls/etcd/server-client.crt"),
                ("key-file", "server/tls/etcd/server-client.key"),
            ],
        )),
    },
    Control {
        key: "etcd.client-cert-auth",
        node: NodeType::Etcd,
        ids: "2.5s 2.2s 2.2 2.2 2.2 2.2 2.2 2.2 2.2 2.2",
        title: "etcd asks clients for a certificate",
        criterion: Etcd(EtcdRule::On(CLIENT, "client-cert-auth")),
    },
    Control {
        key: "etcd.auto-tls",
        node: NodeType::Etcd,
        ids: "2.3 2.3 2.3 2.3 2.3 2.3 2.3 2.3 2.3 2.3",
        title: "etcd makes no certificate of its own for clients",
        criterion: Etcd(EtcdRule::OffOrUnset(CLIENT, "auto-tls")),
    },
    Control {
        key: "etcd.peer-cert",
        node: NodeType::Etcd,
        ids: "2.4s 2.4s 2.4 2.4 2.4 2.4 2.4 2.4 2.4 2.4",
        title: "etcd has a certificate and key for its peers",
        criterion: Etcd(EtcdRule::Files(
            PEER,
            &[
                ("cert-file", "server/tls/etcd/peer-server-client.crt"),
                ("key-file", "server/tls/etcd/peer-server-client.key"),
            ],
        )),
    },
    Control {
        key: "etcd.peer-client-cert-auth",
        node: NodeType::Etcd,
        ids: "- 2.5s 2.5 2.5 2.5 2.5 2.5 2.5 2.5 2.5",
        title: "etcd asks its peers for a certificate",
        criterion: Etcd(EtcdRule::On(PEER, "client-cert-auth")),
    },
    Control {
        key: "etcd.peer-auto-tls",
        node: NodeType::Etcd,
        ids: "2.6 2.6 2.6 2.6 2.6 2.6 2.6 2.6 2.6 2.6",
        title: "etcd makes no certificate of its own for peers",
        criterion: Etcd(EtcdRule::OffOrUnset(PEER, "auto-tls")),
    },
    Control {
        key: "etcd.unique-ca",
        node: NodeType::Etcd,
        ids: "2.7 2.7 2.7 2.7 2.7 2.7 2.7 2.7 2.7 2.7",
        title: "etcd's peers are checked with a CA that is theirs alone",
        criterion: Etcd(EtcdRule::Files(
            PEER,
            &[("trusted-ca-file", "server/tls/etcd/peer-ca.crt")],
        )),
    },
];
