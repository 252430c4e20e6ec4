//! What is read of a cluster's objects: fields of Kubernetes' API that a rule asks for, and nothing else.
//!
//! The data of secrets, the values of environment variables, tokens, and annotations other than RKE2's have no field here,
//! so that they are skipped as the text is read.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// One page of a list. Items are not parsed yet: their text is borrowed.
#[derive(Debug, Deserialize)]
#[serde(bound = "'de: 'a")]
pub(crate) struct Page<'a> {
    /// Where the list goes on.
    #[serde(default)]
    pub(crate) metadata: ListMeta,
    /// The objects.
    #[serde(borrow)]
    pub(crate) items: Option<Vec<&'a RawValue>>,
}

/// What a list that `kubectl get -o json` or the API wrote says beside its items, or an object.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outline {
    /// `PodList`, or `List` where kubectl wrote it.
    pub(crate) kind: Option<String>,
    /// `v1`, `apps/v1`.
    pub(crate) api_version: Option<String>,
    /// Where the list goes on.
    #[serde(default)]
    pub(crate) metadata: ListMeta,
    /// How many objects there are; none where this is an object itself.
    #[serde(default, deserialize_with = "number")]
    pub(crate) items: Option<usize>,
}

/// Counts the elements of a list, and skips them. `null` is a list without any.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    struct Elements;
    impl<'de> Visitor<'de> for Elements {
        type Value = Option<usize>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the items of a list")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Some(0))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
            let mut number = 0_usize;
            while elements.next_element::<IgnoredAny>()?.is_some() {
                number = number.saturating_add(1);
            }
            Ok(Some(number))
        }
    }
    deserializer.deserialize_any(Elements)
}

/// The metadata of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListMeta {
    /// The token for the next page; empty at the end.
    #[serde(rename = "continue")]
    pub(crate) next: Option<String>,
}

/// What an object is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    /// `v1`, `rbac.authorization.k8s.io/v1`.
    pub(crate) api_version: Option<String>,
    /// `Pod`.
    pub(crate) kind: Option<String>,
}

/// The metadata of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) namespace: String,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: Rke2Annotations,
    #[serde(default)]
    pub(crate) owner_references: Vec<OwnerReference>,
    /// There once the object is to be deleted.
    pub(crate) deletion_timestamp: Option<Present>,
}

/// The annotations whose names are RKE2's; the text of others is skipped.
#[derive(Debug, Default)]
pub(crate) struct Rke2Annotations(pub(crate) BTreeMap<String, String>);

/// What RKE2's annotations on namespaces, policies and nodes begin with.
const RKE2_ANNOTATIONS: &[&str] = &["np.rke2.io", "psp.rke2.io/", "rke2.io/node-args"];

impl<'de> Deserialize<'de> for Rke2Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Own;
        impl<'de> Visitor<'de> for Own {
            type Value = Rke2Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("annotations")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Rke2Annotations::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut own = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    if RKE2_ANNOTATIONS.iter().any(|begin| key.starts_with(begin)) {
                        own.insert(key, map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Rke2Annotations(own))
            }
        }
        deserializer.deserialize_any(Own)
    }
}

/// Who made an object, as its controller.
#[derive(Debug, Deserialize)]
pub(crate) struct OwnerReference {
    #[serde(default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) controller: bool,
}

/// That a field is there; its content is skipped.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(from = "IgnoredAny")]
pub(crate) struct Present;

impl From<IgnoredAny> for Present {
    fn from(_: IgnoredAny) -> Self {
        Self
    }
}

/// An object of which only the name counts: `Namespace`, `Service`, `Deployment`.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    #[serde(default)]
    pub(crate) metadata: Meta,
}

/// `v1 ServiceAccount`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceAccount {
    #[serde(default)]
    pub(crate) metadata: Meta,
    pub(crate) automount_service_account_token: Option<bool>,
}

/// `rbac.authorization.k8s.io/v1 Role` and `ClusterRole`.
#[derive(Debug, Deserialize)]
pub(crate) struct Role {
    #[serde(default)]
    pub(crate) metadata: Meta,
    pub(crate) rules: Option<Vec<PolicyRule>>,
}

/// A rule of a role.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyRule {
    #[serde(default)]
    pub(crate) verbs: Vec<String>,
    #[serde(default)]
    pub(crate) api_groups: Vec<String>,
    #[serde(default)]
    pub(crate) resources: Vec<String>,
    #[serde(default)]
    pub(crate) resource_names: Vec<String>,
}

/// `rbac.authorization.k8s.io/v1 RoleBinding` and `ClusterRoleBinding`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Binding {
    #[serde(default)]
    pub(crate) metadata: Meta,
    pub(crate) role_ref: RoleRef,
    pub(crate) subjects: Option<Vec<Subject>>,
}

/// The role that a binding gives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct RoleRef {
    #[serde(default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) name: String,
}

/// Who gets it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Subject {
    /// `User`, `Group`, `ServiceAccount`.
    #[serde(default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) namespace: String,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind.as_str() {
            "User" => "user",
            "Group" => "group",
            "ServiceAccount" => {
                return write!(f, "service account {}/{}", self.namespace, self.name);
            }
            other => other,
        };
        write!(f, "{kind} {}", self.name)
    }
}

/// `v1 Pod`.
#[derive(Debug, Deserialize)]
pub(crate) struct Pod {
    #[serde(default)]
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: PodSpec,
    #[serde(default)]
    pub(crate) status: PodStatus,
}

/// As much of a pod's status as tells whether it can run.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PodStatus {
    #[serde(default)]
    pub(crate) phase: String,
}

/// A pod's specification.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodSpec {
    #[serde(default)]
    pub(crate) node_name: String,
    pub(crate) service_account_name: Option<String>,
    pub(crate) automount_service_account_token: Option<bool>,
    #[serde(default)]
    pub(crate) host_network: bool,
    #[serde(default, rename = "hostPID")]
    pub(crate) host_pid: bool,
    #[serde(default, rename = "hostIPC")]
    pub(crate) host_ipc: bool,
    pub(crate) security_context: Option<SecurityContext>,
    pub(crate) volumes: Option<Vec<Volume>>,
    pub(crate) containers: Option<Vec<Container>>,
    pub(crate) init_containers: Option<Vec<Container>>,
    pub(crate) ephemeral_containers: Option<Vec<Container>>,
    pub(crate) os: Option<Os>,
}

/// The system that a pod is for.
#[derive(Debug, Deserialize)]
pub(crate) struct Os {
    #[serde(default)]
    pub(crate) name: String,
}

impl PodSpec {
    /// Containers of all kinds: they have the same rights.
    pub(crate) fn all_containers(&self) -> impl Iterator<Item = &Container> {
        [
            &self.init_containers,
            &self.containers,
            &self.ephemeral_containers,
        ]
        .into_iter()
        .flatten()
        .flatten()
    }
}

/// A volume of a pod.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Volume {
    pub(crate) host_path: Option<Present>,
}

/// A container of a pod, of any kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Container {
    pub(crate) security_context: Option<SecurityContext>,
    pub(crate) ports: Option<Vec<Port>>,
    pub(crate) env: Option<Vec<Variable>>,
    pub(crate) env_from: Option<Vec<VariablesFrom>>,
}

/// A port of a container.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Port {
    #[serde(default)]
    pub(crate) host_port: u32,
}

/// An environment variable: only where its value comes from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Variable {
    pub(crate) value_from: Option<ValueFrom>,
}

/// Where a value comes from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ValueFrom {
    pub(crate) secret_key_ref: Option<Present>,
}

/// Where a set of variables comes from.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariablesFrom {
    pub(crate) secret_ref: Option<Present>,
}

/// The security context of a pod or of a container.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecurityContext {
    #[serde(default)]
    pub(crate) privileged: bool,
    pub(crate) allow_privilege_escalation: Option<bool>,
    pub(crate) run_as_user: Option<i64>,
    pub(crate) run_as_non_root: Option<bool>,
    pub(crate) capabilities: Option<Capabilities>,
    pub(crate) seccomp_profile: Option<SeccompProfile>,
    pub(crate) windows_options: Option<WindowsOptions>,
    // No rule asks for these, but they make a context that says something.
    fs_group: Option<Present>,
    proc_mount: Option<Present>,
    read_only_root_filesystem: Option<Present>,
    run_as_group: Option<Present>,
    se_linux_options: Option<Present>,
    supplemental_groups: Option<Present>,
    sysctls: Option<Present>,
    app_armor_profile: Option<Present>,
}

impl SecurityContext {
    /// Whether it says nothing: the API server gives every pod such a one.
    pub(crate) fn is_empty(&self) -> bool {
        let others = [
            self.fs_group,
            self.proc_mount,
            self.read_only_root_filesystem,
            self.run_as_group,
            self.se_linux_options,
            self.supplemental_groups,
            self.sysctls,
            self.app_armor_profile,
        ];
        !self.privileged
            && self.allow_privilege_escalation.is_none()
            && self.run_as_user.is_none()
            && self.run_as_non_root.is_none()
            && self.capabilities.is_none()
            && self.seccomp_profile.is_none()
            && self.windows_options.is_none()
            && others.iter().all(Option::is_none)
    }
}

/// Capabilities added to those of the runtime, and dropped from them.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Capabilities {
    pub(crate) add: Option<Vec<String>>,
    pub(crate) drop: Option<Vec<String>>,
}

/// The seccomp profile.
#[derive(Debug, Deserialize)]
pub(crate) struct SeccompProfile {
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
}

/// What is set for Windows alone.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WindowsOptions {
    #[serde(default)]
    pub(crate) host_process: bool,
}

/// `networking.k8s.io/v1 NetworkPolicy`.
#[derive(Debug, Deserialize)]
pub(crate) struct NetworkPolicy {
    #[serde(default)]
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: NetworkPolicySpec,
}

/// A network policy's specification.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NetworkPolicySpec {
    #[serde(default)]
    pub(crate) pod_selector: Selector,
    pub(crate) policy_types: Option<Vec<String>>,
    pub(crate) ingress: Option<Vec<IngressRule>>,
}

/// A label selector: whether it selects everything.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Selector {
    #[serde(default)]
    pub(crate) match_labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) match_expressions: Option<Vec<IgnoredAny>>,
}

impl Selector {
    /// Whether it selects every pod.
    pub(crate) fn is_empty(&self) -> bool {
        self.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
            && self.match_expressions.as_ref().is_none_or(Vec::is_empty)
    }
}

/// A rule of a network policy: what may come in.
#[derive(Debug, Deserialize)]
pub(crate) struct IngressRule {
    from: Option<Vec<Peer>>,
    ports: Option<Vec<IgnoredAny>>,
}

/// Who may come in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Peer {
    ip_block: Option<IpBlock>,
}

/// A range of addresses, and parts of it that may not.
#[derive(Debug, Deserialize)]
struct IpBlock {
    #[serde(default)]
    cidr: String,
    except: Option<Vec<IgnoredAny>>,
}

impl IngressRule {
    /// Whether it lets in everything: from everywhere, or from every address of IPv4 or of IPv6, on every port.
    pub(crate) fn allows_all(&self) -> bool {
        let is_every_address = |peer: &Peer| {
            peer.ip_block.as_ref().is_some_and(|block| {
                // Of a range of length 0 every address is the same.
                block
                    .cidr
                    .split_once('/')
                    .is_some_and(|(_, length)| length == "0")
                    && block.except.as_ref().is_none_or(Vec::is_empty)
            })
        };
        let from = self.from.as_deref().unwrap_or_default();
        (from.is_empty() || from.iter().any(is_every_address))
            && self.ports.as_ref().is_none_or(Vec::is_empty)
    }
}

/// `v1 Node`.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    #[serde(default)]
    pub(crate) metadata: Meta,
}

/// `policy/v1beta1 PodSecurityPolicy`.
#[derive(Debug, Deserialize)]
pub(crate) struct PodSecurityPolicy {
    #[serde(default)]
    pub(crate) metadata: Meta,
    #[serde(default)]
    pub(crate) spec: PodSecurityPolicySpec,
}

/// What a pod security policy allows.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the fields of the API are such"
)]
pub(crate) struct PodSecurityPolicySpec {
    #[serde(default)]
    pub(crate) privileged: bool,
    #[serde(default)]
    pub(crate) host_network: bool,
    #[serde(default, rename = "hostPID")]
    pub(crate) host_pid: bool,
    #[serde(default, rename = "hostIPC")]
    pub(crate) host_ipc: bool,
    pub(crate) allow_privilege_escalation: Option<bool>,
    pub(crate) run_as_user: Option<RunAsUser>,
    pub(crate) required_drop_capabilities: Option<Vec<String>>,
    pub(crate) allowed_capabilities: Option<Vec<String>>,
    pub(crate) volumes: Option<Vec<String>>,
    pub(crate) host_ports: Option<Vec<IgnoredAny>>,
}

/// Whom containers may run as.
#[derive(Debug, Deserialize)]
pub(crate) struct RunAsUser {
    #[serde(default)]
    pub(crate) rule: String,
}

/// `admissionregistration.k8s.io/v1` webhook configurations.
#[derive(Debug, Deserialize)]
pub(crate) struct WebhookConfiguration {
    #[serde(default)]
    pub(crate) metadata: Meta,
    pub(crate) webhooks: Option<Vec<Webhook>>,
}

/// A webhook: what it is asked about.
#[derive(Debug, Deserialize)]
pub(crate) struct Webhook {
    pub(crate) rules: Option<Vec<WebhookRule>>,
}

/// A rule of a webhook.
#[derive(Debug, Deserialize)]
pub(crate) struct WebhookRule {
    #[serde(default)]
    pub(crate) resources: Vec<String>,
}

/// `/version`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerVersion {
    pub(crate) git_version: Option<String>,
    /// What `kubectl version -o json` writes around it.
    pub(crate) server_version: Option<Box<ServerVersion>>,
}
