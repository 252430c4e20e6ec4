//! A case: arguments, files, and what the program of each minor does with them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::recordings;

/// The arguments that those of the case follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    /// None.
    Bare,
    /// The least that a server starts with.
    Plain,
    /// The same without `--authorization-mode`.
    NoMode,
    /// Those of RKE2's server under a CIS profile, with secrets encryption.
    Rke2,
}

const LEAST: &[&str] = &[
    "--etcd-servers=http://127.0.0.1:2379",
    "--etcd-prefix=/registry",
    "--bind-address=127.0.0.1",
    "--advertise-address=192.0.2.10",
    "--endpoint-reconciler-type=none",
    "--secure-port=6443",
    "--tls-cert-file=/case/pki/server.crt",
    "--tls-private-key-file=/case/pki/server.key",
    "--client-ca-file=/case/pki/ca.crt",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    "--service-account-key-file=/case/pki/sa.pub",
    "--service-account-signing-key-file=/case/pki/sa.key",
    "--service-cluster-ip-range=10.43.0.0/16",
];

/// In the order in which RKE2 1.36 writes them: its own first, then K3s' by name.
const RKE2: &[&str] = &[
    "--admission-control-config-file=/case/rke2/rke2-pss.yaml",
    "--audit-policy-file=/case/rke2/audit-policy.yaml",
    "--audit-log-maxage=30",
    "--audit-log-maxbackup=10",
    "--audit-log-maxsize=100",
    "--audit-log-path=/case/audit/audit.log",
    "--service-account-extend-token-expiration=false",
    "--allow-privileged=true",
    "--anonymous-auth=false",
    "--api-audiences=https://kubernetes.default.svc.cluster.local,rke2",
    "--authorization-mode=Node,RBAC",
    "--bind-address=127.0.0.1",
    "--cert-dir=/case/certs",
    "--client-ca-file=/case/pki/ca.crt",
    "--egress-selector-config-file=/case/rke2/egress-selector-config.yaml",
    "--enable-admission-plugins=NodeRestriction",
    "--enable-aggregator-routing=true",
    "--enable-bootstrap-token-auth=true",
    "--encryption-provider-config=/case/rke2/encryption-config.json",
    "--etcd-servers=http://127.0.0.1:2379",
    "--etcd-prefix=/registry",
    "--kubelet-certificate-authority=/case/pki/ca.crt",
    "--kubelet-client-certificate=/case/pki/server.crt",
    "--kubelet-client-key=/case/pki/server.key",
    "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
    "--profiling=false",
    "--proxy-client-cert-file=/case/pki/server.crt",
    "--proxy-client-key-file=/case/pki/server.key",
    "--requestheader-allowed-names=system:auth-proxy",
    "--requestheader-client-ca-file=/case/pki/other.crt",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-username-headers=X-Remote-User",
    "--secure-port=6443",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    "--service-account-key-file=/case/pki/sa.pub",
    "--service-account-signing-key-file=/case/pki/sa.key",
    "--service-cluster-ip-range=10.43.0.0/16",
    "--service-node-port-range=30000-32767",
    "--storage-backend=etcd3",
    "--tls-cert-file=/case/pki/server.crt",
    "--tls-private-key-file=/case/pki/server.key",
    // Where the runner of the cases has no such address.
    "--advertise-address=192.0.2.10",
    "--endpoint-reconciler-type=none",
];

const RKE2_FILES: &[(&str, &str)] = &[
    (
        "/case/rke2/rke2-pss.yaml",
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- name: PodSecurity\n  configuration:\n    apiVersion: pod-security.admission.config.k8s.io/v1beta1\n    kind: PodSecurityConfiguration\n    defaults:\n      enforce: \"restricted\"\n      enforce-version: \"latest\"\n      audit: \"restricted\"\n      audit-version: \"latest\"\n      warn: \"restricted\"\n      warn-version: \"latest\"\n    exemptions:\n      usernames: []\n      runtimeClasses: []\n      namespaces: [kube-system, cis-operator-system, tigera-operator]\n",
    ),
    (
        "/case/rke2/audit-policy.yaml",
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nmetadata:\n  creationTimestamp: null\nrules:\n- level: None\n",
    ),
    (
        "/case/rke2/egress-selector-config.yaml",
        "{\"kind\":\"EgressSelectorConfiguration\",\"apiVersion\":\"apiserver.k8s.io/v1beta1\",\"egressSelections\":[{\"name\":\"cluster\",\"connection\":{\"proxyProtocol\":\"HTTPConnect\",\"transport\":{\"tcp\":{\"url\":\"https://127.0.0.1:9345\",\"tlsConfig\":{\"caBundle\":\"/case/pki/ca.crt\",\"clientKey\":\"/case/pki/server.key\",\"clientCert\":\"/case/pki/server.crt\"}}}}}]}",
    ),
    (
        "/case/rke2/encryption-config.json",
        "{\"kind\":\"EncryptionConfiguration\",\"apiVersion\":\"apiserver.config.k8s.io/v1\",\"resources\":[{\"resources\":[\"secrets\"],\"providers\":[{\"aescbc\":{\"keys\":[{\"name\":\"aescbckey\",\"secret\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"}]}},{\"identity\":{}}]}]}",
    ),
];

impl Base {
    const ALL: [Self; 4] = [Self::Bare, Self::Plain, Self::NoMode, Self::Rke2];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Plain => "plain",
            Self::NoMode => "no mode",
            Self::Rke2 => "RKE2",
        }
    }

    fn arguments(self) -> Vec<String> {
        let mut arguments: Vec<&str> = match self {
            Self::Bare => Vec::new(),
            Self::Plain | Self::NoMode => LEAST.to_vec(),
            Self::Rke2 => RKE2.to_vec(),
        };
        if self == Self::Plain {
            arguments.push("--authorization-mode=Node,RBAC");
        }
        arguments.into_iter().map(str::to_owned).collect()
    }
}

/// What the API server of each minor does.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) base: Base,
    /// Over those of the base.
    pub(super) args: Vec<String>,
    /// By path, over those of the base.
    pub(super) files: BTreeMap<String, String>,
    /// By minor: the error that it exits with, or `None` if it serves. A minor that was not asked, or that does
    /// neither in time, is not in it.
    pub(super) expect: BTreeMap<String, Option<String>>,
}

impl Case {
    pub(super) fn of(base: Base, name: String, args: Vec<String>) -> Self {
        Self {
            name,
            base,
            args,
            files: BTreeMap::new(),
            expect: BTreeMap::new(),
        }
    }

    /// With one more file.
    pub(super) fn with(mut self, path: &str, content: &str) -> Self {
        self.files.insert(path.to_owned(), content.to_owned());
        self
    }

    /// Its whole command line.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = self.base.arguments();
        arguments.extend(self.args.iter().cloned());
        arguments
    }

    /// All files with a content.
    pub(super) fn contents(&self) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> = match self.base {
            Base::Rke2 => RKE2_FILES
                .iter()
                .map(|(path, content)| ((*path).to_owned(), (*content).to_owned()))
                .collect(),
            Base::Bare | Base::Plain | Base::NoMode => BTreeMap::new(),
        };
        files.extend(self.files.clone());
        files
    }

    fn from_value(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let base = text("base");
        Self {
            name: text("name"),
            base: Base::ALL
                .into_iter()
                .find(|known| known.as_str() == base)
                .unwrap_or_else(|| panic!("unknown base {base:?}")),
            args: serde_json::from_value(value["args"].clone()).unwrap(),
            files: value
                .get("files")
                .map(|files| serde_json::from_value(files.clone()).unwrap())
                .unwrap_or_default(),
            expect: serde_json::from_value(value["expect"].clone()).unwrap(),
        }
    }

    fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("name".to_owned(), self.name.clone().into());
        object.insert("base".to_owned(), self.base.as_str().into());
        object.insert("args".to_owned(), self.args.clone().into());
        if !self.files.is_empty() {
            object.insert(
                "files".to_owned(),
                serde_json::to_value(&self.files).unwrap(),
            );
        }
        object.insert(
            "expect".to_owned(),
            serde_json::to_value(&self.expect).unwrap(),
        );
        Value::Object(object)
    }
}

/// The recording.
const FILE: &str = "apiserver.json";

/// The recorded cases.
pub(super) fn recorded() -> Vec<Case> {
    let values: Vec<Value> = recordings::read(FILE);
    values.iter().map(Case::from_value).collect()
}

/// Writes them.
pub(super) fn write(cases: &[Case]) {
    recordings::write(FILE, cases.iter().map(Case::to_value));
}
