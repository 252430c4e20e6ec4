//! What a pod has that a control asks about.

use crate::objects::{Container, PodSecurityPolicySpec, PodSpec, SecurityContext};

/// One thing that a pod can have, or lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trait {
    /// A privileged container.
    Privileged,
    /// The node's process identifiers.
    HostPid,
    /// The node's shared memory and semaphores.
    HostIpc,
    /// The node's network.
    HostNetwork,
    /// A container whose processes may gain rights: the default of Kubernetes.
    Escalation,
    /// A container that may run as root.
    Root,
    /// A container that keeps `NET_RAW`.
    NetRaw,
    /// A container with capabilities beyond those of the runtime.
    AddedCapabilities,
    /// A container that does not drop all capabilities.
    KeptCapabilities,
    /// A Windows `HostProcess` container.
    HostProcess,
    /// A directory of the node.
    HostPath,
    /// A port of the node.
    HostPort,
    /// A secret in a container's environment.
    SecretInEnvironment,
    /// A container without a seccomp profile.
    NoSeccomp,
    /// A container for which no security context says anything.
    NoSecurityContext,
}

impl Trait {
    const ALL: [Self; 15] = [
        Self::Privileged,
        Self::HostPid,
        Self::HostIpc,
        Self::HostNetwork,
        Self::Escalation,
        Self::Root,
        Self::NetRaw,
        Self::AddedCapabilities,
        Self::KeptCapabilities,
        Self::HostProcess,
        Self::HostPath,
        Self::HostPort,
        Self::SecretInEnvironment,
        Self::NoSeccomp,
        Self::NoSecurityContext,
    ];

    fn bit(self) -> u32 {
        let at = Self::ALL.iter().position(|one| *one == self);
        at.and_then(|at| u32::try_from(at).ok())
            .and_then(|at| 1_u32.checked_shl(at))
            .unwrap_or(0)
    }

    fn is_in(self, pod: &PodSpec) -> bool {
        let of_pod = pod.security_context.as_ref();
        let any = |test: &dyn Fn(&Container) -> bool| pod.all_containers().any(test);
        let own = |container: &Container, test: &dyn Fn(&SecurityContext) -> bool| {
            container.security_context.as_ref().is_some_and(test)
        };
        let is_windows = pod.os.as_ref().is_some_and(|os| os.name == "windows");
        match self {
            Self::HostPid => pod.host_pid,
            Self::HostIpc => pod.host_ipc,
            Self::HostNetwork => pod.host_network,
            Self::Privileged => any(&|c| own(c, &|s| s.privileged)),
            Self::AddedCapabilities => any(&|c| own(c, &adds)),
            Self::HostPath => pod.volumes.iter().flatten().any(|v| v.host_path.is_some()),
            Self::HostPort => any(&|c| c.ports.iter().flatten().any(|port| port.host_port != 0)),
            Self::HostProcess => {
                let set = |s: &SecurityContext| {
                    s.windows_options
                        .as_ref()
                        .is_some_and(|windows| windows.host_process)
                };
                of_pod.is_some_and(set) || any(&|c| own(c, &set))
            }
            Self::SecretInEnvironment => any(&|c| {
                let one = c.env.iter().flatten().any(|variable| {
                    let from = variable.value_from.as_ref();
                    from.is_some_and(|from| from.secret_key_ref.is_some())
                });
                one || c
                    .env_from
                    .iter()
                    .flatten()
                    .any(|from| from.secret_ref.is_some())
            }),
            Self::NoSecurityContext => {
                let says = |context: Option<&SecurityContext>| {
                    context.is_some_and(|context| !context.is_empty())
                };
                !says(of_pod) && any(&|c| !says(c.security_context.as_ref()))
            }
            // Linux alone has what follows.
            _ if is_windows => false,
            Self::Escalation => any(&|c| !own(c, &|s| s.allow_privilege_escalation == Some(false))),
            Self::Root => any(&|c| may_be_root(c.security_context.as_ref(), of_pod)),
            Self::NetRaw => any(&|c| !own(c, &drops_net_raw)),
            Self::KeptCapabilities => any(&|c| !own(c, &drops_all)),
            Self::NoSeccomp => {
                let set = |s: &SecurityContext| {
                    let profile = s.seccomp_profile.as_ref();
                    profile.map(|profile| profile.kind != "Unconfined")
                };
                let of_pod = of_pod.and_then(set).unwrap_or(false);
                any(&|c| !c.security_context.as_ref().and_then(set).unwrap_or(of_pod))
            }
        }
    }
}

/// The container's word counts before the pod's. A user other than 0 is no root, whatever else is said.
fn may_be_root(own: Option<&SecurityContext>, pod: Option<&SecurityContext>) -> bool {
    let user = own
        .and_then(|s| s.run_as_user)
        .or_else(|| pod.and_then(|s| s.run_as_user));
    let non_root = own
        .and_then(|s| s.run_as_non_root)
        .or_else(|| pod.and_then(|s| s.run_as_non_root));
    match user {
        Some(user) => user == 0,
        None => non_root != Some(true),
    }
}

/// Whether a context adds capabilities. Binding ports below 1024 is among those of every runtime.
fn adds(context: &SecurityContext) -> bool {
    let add = context.capabilities.as_ref().and_then(|c| c.add.as_ref());
    add.into_iter()
        .flatten()
        .any(|name| capability(name) != "NET_BIND_SERVICE")
}

fn names(list: Option<&Vec<String>>, wanted: &[&str]) -> bool {
    list.into_iter()
        .flatten()
        .any(|name| wanted.contains(&capability(name).as_str()))
}

/// Whether a context drops all capabilities. Single ones that it adds again are those of [`adds`].
fn drops_all(context: &SecurityContext) -> bool {
    let of = context.capabilities.as_ref();
    names(of.and_then(|c| c.drop.as_ref()), &["ALL"])
        && !names(of.and_then(|c| c.add.as_ref()), &["ALL"])
}

/// Whether a container is without `NET_RAW`: runtimes drop first and add then.
fn drops_net_raw(context: &SecurityContext) -> bool {
    let of = context.capabilities.as_ref();
    let wanted = ["ALL", "NET_RAW"];
    names(of.and_then(|c| c.drop.as_ref()), &wanted)
        && !names(of.and_then(|c| c.add.as_ref()), &wanted)
}

/// A capability's name as runtimes compare it: in capitals, without `CAP_`.
fn capability(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

/// A set of traits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traits(u32);

impl Traits {
    /// What a pod has.
    pub(crate) fn of(pod: &PodSpec) -> Self {
        Self::collect(|one| one.is_in(pod))
    }

    /// What a pod security policy lets pods have.
    pub(crate) fn allowed_by(policy: &PodSecurityPolicySpec) -> Self {
        let drops = |wanted: &[&str]| {
            let drops = policy.required_drop_capabilities.iter().flatten();
            drops
                .map(|name| capability(name))
                .any(|name| wanted.contains(&name.as_str()))
        };
        Self::collect(|one| match one {
            Trait::Privileged => policy.privileged,
            Trait::HostPid => policy.host_pid,
            Trait::HostIpc => policy.host_ipc,
            Trait::HostNetwork => policy.host_network,
            // Not set, it allows.
            Trait::Escalation => policy.allow_privilege_escalation != Some(false),
            Trait::Root => policy
                .run_as_user
                .as_ref()
                .is_none_or(|user| user.rule != "MustRunAsNonRoot"),
            Trait::NetRaw => !drops(&["ALL", "NET_RAW"]),
            Trait::KeptCapabilities => !drops(&["ALL"]),
            Trait::AddedCapabilities => policy
                .allowed_capabilities
                .iter()
                .flatten()
                .next()
                .is_some(),
            Trait::HostPath => policy
                .volumes
                .iter()
                .flatten()
                .any(|volume| volume == "*" || volume == "hostPath"),
            Trait::HostPort => policy.host_ports.iter().flatten().next().is_some(),
            Trait::HostProcess
            | Trait::SecretInEnvironment
            | Trait::NoSeccomp
            | Trait::NoSecurityContext => false,
        })
    }

    fn collect(has: impl Fn(Trait) -> bool) -> Self {
        let mut bits = 0;
        for one in Trait::ALL {
            if has(one) {
                bits |= one.bit();
            }
        }
        Self(bits)
    }

    /// Whether it is among them.
    pub(crate) fn has(self, one: Trait) -> bool {
        self.0 & one.bit() != 0
    }

    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pod: &str) -> Vec<Trait> {
        let pod: PodSpec = serde_json::from_str(pod).unwrap();
        let traits = Traits::of(&pod);
        Trait::ALL
            .into_iter()
            .filter(|one| traits.has(*one))
            .collect()
    }

    /// A container that no control objects to, with one more field.
    fn hardened(more: &str) -> String {
        format!(
            r#"{{"name":"a","securityContext":{{"allowPrivilegeEscalation":false,"runAsNonRoot":true,
               "capabilities":{{"drop":["ALL"]}},"seccompProfile":{{"type":"RuntimeDefault"}}{more}}}}}"#
        )
    }

    #[test]
    fn pods_have_what_they_say() {
        use Trait::*;
        let plain = vec![
            Escalation,
            Root,
            NetRaw,
            KeptCapabilities,
            NoSeccomp,
            NoSecurityContext,
        ];
        assert_eq!(of(r#"{"containers":[{"name":"a"}]}"#), plain);
        let good = hardened("");
        for (pod, expected) in [
            (format!(r#"{{"containers":[{good}]}}"#), vec![]),
            (
                format!(r#"{{"hostPID":true,"containers":[{good}]}}"#),
                vec![HostPid],
            ),
            (
                format!(r#"{{"hostIPC":true,"containers":[{good}]}}"#),
                vec![HostIpc],
            ),
            (
                format!(r#"{{"hostNetwork":true,"containers":[{good}]}}"#),
                vec![HostNetwork],
            ),
            (
                format!(
                    r#"{{"volumes":[{{"name":"v","hostPath":{{"path":"/"}}}}],"containers":[{good}]}}"#
                ),
                vec![HostPath],
            ),
            (
                format!(
                    r#"{{"containers":[{}]}}"#,
                    hardened(r#","privileged":true"#)
                ),
                vec![Privileged],
            ),
            (
                format!(r#"{{"containers":[{}]}}"#, hardened(r#","runAsUser":0"#)),
                vec![Root],
            ),
            (
                format!(
                    r#"{{"containers":[{}]}}"#,
                    hardened(r#","windowsOptions":{"hostProcess":true}"#)
                ),
                vec![HostProcess],
            ),
            (
                format!(
                    r#"{{"containers":[{good},{{"name":"b","securityContext":{{"allowPrivilegeEscalation":false,
                       "runAsUser":7,"capabilities":{{"drop":["cap_net_raw"],"add":["SYS_ADMIN"]}},
                       "seccompProfile":{{"type":"Unconfined"}}}}}}]}}"#
                ),
                vec![AddedCapabilities, KeptCapabilities, NoSeccomp],
            ),
        ] {
            assert_eq!(of(&pod), expected, "{pod}");
        }
        // The pod's word holds where the container says nothing.
        let pod = r#"{"securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},
            "containers":[{"name":"a","ports":[{"containerPort":80,"hostPort":80}],
            "env":[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}},{"name":"B","value":"x"}]}]}"#;
        assert_eq!(
            of(pod),
            vec![
                Escalation,
                NetRaw,
                KeptCapabilities,
                HostPort,
                SecretInEnvironment
            ]
        );
        let from = r#"{"os":{"name":"windows"},"containers":[{"name":"a","securityContext":{},"envFrom":[{"secretRef":{}}]}]}"#;
        // The API server gives every pod an empty context.
        assert_eq!(of(from), vec![SecretInEnvironment, NoSecurityContext]);
        let group = r#"{"os":{"name":"windows"},"securityContext":{"fsGroup":7},"containers":[{"name":"a"}]}"#;
        assert_eq!(of(group), vec![]);
    }

    #[test]
    fn what_is_added_is_not_dropped() {
        use Trait::*;
        for (capabilities, expected) in [
            (r#""drop":["ALL"]"#, vec![]),
            (r#""drop":["ALL"],"add":["NET_BIND_SERVICE"]"#, vec![]),
            (
                r#""drop":["ALL"],"add":["NET_RAW"]"#,
                vec![NetRaw, AddedCapabilities],
            ),
            (
                r#""drop":["NET_RAW"],"add":["cap_net_raw"]"#,
                vec![NetRaw, AddedCapabilities, KeptCapabilities],
            ),
            (
                r#""drop":["ALL"],"add":["ALL"]"#,
                vec![NetRaw, AddedCapabilities, KeptCapabilities],
            ),
            (
                r#""drop":["ALL"],"add":["SYS_TIME"]"#,
                vec![AddedCapabilities],
            ),
        ] {
            let container = hardened("").replace(r#""drop":["ALL"]"#, capabilities);
            let pod = format!(r#"{{"containers":[{container}]}}"#);
            assert_eq!(of(&pod), expected, "{capabilities}");
        }
    }

    #[test]
    fn policies_allow_what_they_say() {
        let of = |policy: &str| Traits::allowed_by(&serde_json::from_str(policy).unwrap());
        let restricted = of(
            r#"{"allowPrivilegeEscalation":false,"requiredDropCapabilities":["ALL"],"volumes":["secret"],
               "runAsUser":{"rule":"MustRunAsNonRoot"}}"#,
        );
        assert_eq!(restricted, Traits::default());
        let open = of(
            r#"{"privileged":true,"hostPID":true,"hostIPC":true,"hostNetwork":true,"allowedCapabilities":["*"],
               "volumes":["*"],"hostPorts":[{"min":0,"max":65535}],"runAsUser":{"rule":"RunAsAny"}}"#,
        );
        for one in [
            Trait::Privileged,
            Trait::HostPid,
            Trait::Escalation,
            Trait::Root,
            Trait::NetRaw,
            Trait::HostPath,
        ] {
            assert!(open.has(one), "{one:?}");
        }
    }
}
