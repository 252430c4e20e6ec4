//! What the API server is started with.

use crate::audit::ciphers;
use crate::audit::control::Criterion::{Encryption, Flag};
use crate::audit::control::{Control, KubeComponent, NodeType, Rule};

/// Admission plugins that are turned on.
const ENABLED: &str = "enable-admission-plugins";
/// Admission plugins that are turned off.
const DISABLED: &str = "disable-admission-plugins";
/// The flag with the authorizers of a request.
const MODES: &str = "authorization-mode";

pub(super) const CONTROLS: &[Control] = &[
    Control {
        key: "apiserver.anonymous-auth",
        node: NodeType::Master,
        ids: "1.2.1 1.2.1u 1.2.1u 1.2.1m 1.2.1 1.2.1 1.2.1 1.2.1 1.2.1 1.2.1",
        title: "the API server takes no anonymous requests",
        criterion: Flag(KubeComponent::ApiServer, Rule::Off("anonymous-auth")),
    },
    Control {
        key: "apiserver.token-auth-file",
        node: NodeType::Master,
        ids: "1.2.3 1.2.2 1.2.2 1.2.2 1.2.2 1.2.2 1.2.2 1.2.2 1.2.2 1.2.2",
        title: "the API server has no file of static tokens",
        criterion: Flag(KubeComponent::ApiServer, Rule::Unset("token-auth-file")),
    },
    Control {
        key: "apiserver.basic-auth-file",
        node: NodeType::Master,
        ids: "1.2.2 - - - - - - - - -",
        title: "the API server has no file of passwords",
        criterion: Flag(KubeComponent::ApiServer, Rule::Unset("basic-auth-file")),
    },
    Control {
        key: "apiserver.DenyServiceExternalIPs.absent",
        node: NodeType::Master,
        ids: "- 1.2.3 1.2.3 - - - - - - -",
        title: "the plugin DenyServiceExternalIPs is off, as this benchmark had it",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Lacks(ENABLED, "DenyServiceExternalIPs"),
        ),
    },
    Control {
        key: "apiserver.DenyServiceExternalIPs",
        node: NodeType::Master,
        ids: "- - - 1.2.3u 1.2.3u 1.2.3u 1.2.3u 1.2.3u 1.2.3u 1.2.3u",
        title: "services cannot name external addresses (plugin DenyServiceExternalIPs)",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Has(ENABLED, "DenyServiceExternalIPs"),
        ),
    },
    Control {
        key: "apiserver.kubelet-https",
        node: NodeType::Master,
        ids: "1.2.4 1.2.4 1.2.4 - - - - - - -",
        title: "the API server speaks TLS to kubelets",
        criterion: Flag(KubeComponent::ApiServer, Rule::OnOrUnset("kubelet-https")),
    },
    Control {
        key: "apiserver.kubelet-client-cert",
        node: NodeType::Master,
        ids: "1.2.5 1.2.5 1.2.5 1.2.4 1.2.4 1.2.4 1.2.4 1.2.4 1.2.4 1.2.4",
        title: "the API server shows kubelets a certificate",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Set(&["kubelet-client-certificate", "kubelet-client-key"]),
        ),
    },
    Control {
        key: "apiserver.kubelet-ca",
        node: NodeType::Master,
        ids: "1.2.6 1.2.6 1.2.6 1.2.5 1.2.5 1.2.5 1.2.5 1.2.5 1.2.5 1.2.5",
        title: "the API server checks certificates of kubelets",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Set(&["kubelet-certificate-authority"]),
        ),
    },
    Control {
        key: "apiserver.authz.not-AlwaysAllow",
        node: NodeType::Master,
        ids: "1.2.7 1.2.7 1.2.7 1.2.6 1.2.6 1.2.6 1.2.6 1.2.6 1.2.6 1.2.6",
        title: "the API server does not allow everything",
        criterion: Flag(KubeComponent::ApiServer, Rule::Lacks(MODES, "AlwaysAllow")),
    },
    Control {
        key: "apiserver.authz.Node",
        node: NodeType::Master,
        ids: "1.2.8 1.2.8 1.2.8 1.2.7 1.2.7 1.2.7 1.2.7 1.2.7 1.2.7 1.2.7",
        title: "kubelets are authorized as nodes",
        criterion: Flag(KubeComponent::ApiServer, Rule::Has(MODES, "Node")),
    },
    Control {
        key: "apiserver.authz.RBAC",
        node: NodeType::Master,
        ids: "1.2.9 1.2.9 1.2.9 1.2.8 1.2.8 1.2.8 1.2.8 1.2.8 1.2.8 1.2.8",
        title: "users are authorized by role",
        criterion: Flag(KubeComponent::ApiServer, Rule::Has(MODES, "RBAC")),
    },
    Control {
        key: "apiserver.EventRateLimit",
        node: NodeType::Master,
        ids: "1.2.10u 1.2.10u 1.2.10u 1.2.9u 1.2.9u 1.2.9u 1.2.9u 1.2.9u 1.2.9u 1.2.9u",
        title: "events are limited in rate (plugin EventRateLimit)",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Has(ENABLED, "EventRateLimit"),
        ),
    },
    Control {
        key: "apiserver.AlwaysAdmit",
        node: NodeType::Master,
        ids: "1.2.11 1.2.11 1.2.11 1.2.10 1.2.10 1.2.10 1.2.10 1.2.10 1.2.10 1.2.10",
        title: "the plugin AlwaysAdmit is off",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Lacks(ENABLED, "AlwaysAdmit"),
        ),
    },
    Control {
        key: "apiserver.AlwaysPullImages",
        node: NodeType::Master,
        ids: "1.2.12u 1.2.12u 1.2.12u 1.2.11u 1.2.11u 1.2.11u 1.2.11u 1.2.11u 1.2.11u 1.2.11u",
        title: "images are pulled at each start (plugin AlwaysPullImages)",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Has(ENABLED, "AlwaysPullImages"),
        ),
    },
    Control {
        key: "apiserver.SecurityContextDeny",
        node: NodeType::Master,
        ids: "1.2.13 1.2.13u 1.2.13u 1.2.12s 1.2.12s - - - - -",
        title: "security contexts are denied where pod security policies are not used",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::HasOneOf(ENABLED, &["SecurityContextDeny", "PodSecurityPolicy"]),
        ),
    },
    Control {
        key: "apiserver.ServiceAccount",
        node: NodeType::Master,
        ids: "1.2.14 1.2.14 1.2.14 1.2.13 1.2.13 1.2.12 1.2.12 1.2.12 1.2.12 1.2.12",
        title: "the plugin ServiceAccount is not turned off",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Lacks(DISABLED, "ServiceAccount"),
        ),
    },
    Control {
        key: "apiserver.NamespaceLifecycle",
        node: NodeType::Master,
        ids: "1.2.15 1.2.15 1.2.15 1.2.14 1.2.14 1.2.13 1.2.13 1.2.13 1.2.13 1.2.13",
        title: "the plugin NamespaceLifecycle is not turned off",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Lacks(DISABLED, "NamespaceLifecycle"),
        ),
    },
    Control {
        key: "apiserver.NodeRestriction",
        node: NodeType::Master,
        ids: "1.2.17 1.2.16 1.2.16 1.2.15 1.2.15 1.2.14 1.2.14 1.2.14 1.2.14 1.2.14",
        title: "kubelets can change their own node only (plugin NodeRestriction)",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Has(ENABLED, "NodeRestriction"),
        ),
    },
    Control {
        key: "apiserver.PodSecurityPolicy",
        node: NodeType::Master,
        ids: "1.2.16 - - - - - - - - -",
        title: "pod security policies are enforced (plugin PodSecurityPolicy)",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Has(ENABLED, "PodSecurityPolicy"),
        ),
    },
    Control {
        key: "apiserver.insecure-bind-address",
        node: NodeType::Master,
        ids: "1.2.18 - - - - - - - - -",
        title: "the API server binds no address without TLS",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Unset("insecure-bind-address"),
        ),
    },
    Control {
        key: "apiserver.insecure-port",
        node: NodeType::Master,
        ids: "1.2.19 - - - - - - - - -",
        title: "the API server has no port without TLS",
        criterion: Flag(KubeComponent::ApiServer, Rule::Zero("insecure-port")),
    },
    Control {
        key: "apiserver.secure-port",
        node: NodeType::Master,
        ids: "1.2.20 1.2.17 1.2.17 1.2.16 - - - - - -",
        title: "the API server has its port with TLS",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::PositiveOrUnset("secure-port"),
        ),
    },
    Control {
        key: "apiserver.profiling",
        node: NodeType::Master,
        ids: "1.2.21 1.2.18 1.2.18 1.2.17 1.2.16 1.2.15 1.2.15 1.2.15 1.2.15 1.2.15",
        title: "the API server cannot be profiled",
        criterion: Flag(KubeComponent::ApiServer, Rule::Off("profiling")),
    },
    Control {
        key: "apiserver.audit-log-path",
        node: NodeType::Master,
        ids: "1.2.22 1.2.19 1.2.19 1.2.18 1.2.17 1.2.16 1.2.16 1.2.16 1.2.16 1.2.16",
        title: "the API server writes an audit log",
        criterion: Flag(KubeComponent::ApiServer, Rule::Set(&["audit-log-path"])),
    },
    Control {
        key: "apiserver.audit-log-maxage",
        node: NodeType::Master,
        ids: "1.2.23 1.2.20 1.2.20 1.2.19 1.2.18 1.2.17 1.2.17 1.2.17 1.2.17 1.2.17",
        title: "audit logs are kept for 30 days",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::AtLeast("audit-log-maxage", 30),
        ),
    },
    Control {
        key: "apiserver.audit-log-maxbackup",
        node: NodeType::Master,
        ids: "1.2.24 1.2.21 1.2.21 1.2.20 1.2.19 1.2.18 1.2.18 1.2.18 1.2.18 1.2.18",
        title: "ten audit logs are kept",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::AtLeast("audit-log-maxbackup", 10),
        ),
    },
    Control {
        key: "apiserver.audit-log-maxsize",
        node: NodeType::Master,
        ids: "1.2.25 1.2.22 1.2.22 1.2.21 1.2.20 1.2.19 1.2.19 1.2.19 1.2.19 1.2.19",
        title: "an audit log grows to 100 MB",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::AtLeast("audit-log-maxsize", 100),
        ),
    },
    Control {
        key: "apiserver.request-timeout",
        node: NodeType::Master,
        ids: "1.2.26 1.2.23 1.2.23 1.2.22 1.2.21 1.2.20 1.2.20 1.2.20 1.2.20 1.2.20",
        title: "requests to the API server end in time",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::DurationOrUnset("request-timeout"),
        ),
    },
    Control {
        key: "apiserver.service-account-lookup",
        node: NodeType::Master,
        ids: "1.2.27 1.2.24 1.2.24 1.2.23 1.2.22 1.2.21 1.2.21 1.2.21 1.2.21 1.2.21",
        title: "tokens of deleted service accounts are refused",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::OnOrUnset("service-account-lookup"),
        ),
    },
    Control {
        key: "apiserver.service-account-key-file",
        node: NodeType::Master,
        ids: "1.2.28 1.2.25 1.2.25 1.2.24 1.2.23 1.2.22 1.2.22 1.2.22 1.2.22 1.2.22",
        title: "tokens of service accounts are checked with a key of their own",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Set(&["service-account-key-file"]),
        ),
    },
    Control {
        key: "apiserver.etcd-client-cert",
        node: NodeType::Master,
        ids: "1.2.29 1.2.26 1.2.26 1.2.25 1.2.24 1.2.23 1.2.23 1.2.23 1.2.23 1.2.23",
        title: "the API server shows etcd a certificate",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Set(&["etcd-certfile", "etcd-keyfile"]),
        ),
    },
    Control {
        key: "apiserver.tls-cert",
        node: NodeType::Master,
        ids: "1.2.30 1.2.27 1.2.27 1.2.26 1.2.25 1.2.24 1.2.24 1.2.24 1.2.24 1.2.24",
        title: "the API server has a certificate and its key",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Set(&["tls-cert-file", "tls-private-key-file"]),
        ),
    },
    Control {
        key: "apiserver.client-ca-file",
        node: NodeType::Master,
        ids: "1.2.31 1.2.28 1.2.28 1.2.27 1.2.26 1.2.25 1.2.25 1.2.25 1.2.25 1.2.25",
        title: "the API server checks certificates of clients",
        criterion: Flag(KubeComponent::ApiServer, Rule::Set(&["client-ca-file"])),
    },
    Control {
        key: "apiserver.etcd-cafile",
        node: NodeType::Master,
        ids: "1.2.32 1.2.29 1.2.29 1.2.28 1.2.27 1.2.26 1.2.26 1.2.26 1.2.26 1.2.26",
        title: "the API server checks the certificate of etcd",
        criterion: Flag(KubeComponent::ApiServer, Rule::Set(&["etcd-cafile"])),
    },
    Control {
        key: "apiserver.encryption-provider-config",
        node: NodeType::Master,
        ids: "1.2.33 1.2.30 1.2.30 1.2.29 1.2.28 1.2.27 1.2.27 1.2.27 1.2.27 1.2.27",
        title: "secrets are encrypted in etcd",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Set(&["encryption-provider-config"]),
        ),
    },
    Control {
        key: "encryption.provider",
        node: NodeType::Master,
        ids: "1.2.34 1.2.31 1.2.33 1.2.30 1.2.29 1.2.28 1.2.28 1.2.28 1.2.28 1.2.28",
        title: "secrets are written with a provider that encrypts",
        criterion: Encryption,
    },
    Control {
        key: "apiserver.tls-cipher-suites",
        node: NodeType::Master,
        ids: "1.2.35u 1.2.32 1.2.32 1.2.31 1.2.30 1.2.29 1.2.29 1.2.29 1.2.29 1.2.29",
        title: "the API server offers strong ciphers only",
        criterion: Flag(KubeComponent::ApiServer, Rule::Ciphers(ciphers::API_SERVER)),
    },
    Control {
        key: "apiserver.sa-extend-token-expiration",
        node: NodeType::Master,
        ids: "- - - - - - - 1.2.30 1.2.30 1.2.30",
        title: "tokens of service accounts are not extended",
        criterion: Flag(
            KubeComponent::ApiServer,
            Rule::Off("service-account-extend-token-expiration"),
        ),
    },
];
