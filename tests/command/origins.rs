//! Every remedy that is a change of a file, applied as its data says, in each kind of place that a setting can
//! stand: the finding is gone, nothing else is worse, and the unit would start.

use serde_json::Value;

use super::change::{self, apply};
use super::host::Host;

/// The unit that RKE2's packages install, with `words` after the role.
fn unit(role: &str, words: &str) -> String {
    format!(
        "[Unit]\nDescription=RKE2\n[Service]\nType=notify\nEnvironmentFile=-/etc/default/%N\n\
         ExecStart=/usr/bin/rke2 {role}{words}\n[Install]\nWantedBy=multi-user.target\n"
    )
}

/// Where a setting stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Config,
    JsonConfig,
    DropIn,
    Rancher,
    EnvironmentFile,
    UnitDropIn,
    ServiceManager,
    ExecStart,
    ExecStartInDropIn,
}

impl Place {
    const ALL: [Self; 9] = [
        Self::Config,
        Self::JsonConfig,
        Self::DropIn,
        Self::Rancher,
        Self::EnvironmentFile,
        Self::UnitDropIn,
        Self::ServiceManager,
        Self::ExecStart,
        Self::ExecStartInDropIn,
    ];
}

/// A setting with a value that has a finding.
pub(crate) struct Mistake {
    pub(crate) id: &'static str,
    role: &'static str,
    key: &'static str,
    value: &'static str,
    is_list: bool,
    variable: &'static str,
    version: &'static str,
    /// Other keys that the mistake needs.
    beside: &'static str,
}

const fn text(id: &'static str, key: &'static str, value: &'static str) -> Mistake {
    Mistake {
        id,
        role: "server",
        key,
        value,
        is_list: false,
        variable: "",
        version: "v1.34.1+rke2r1",
        beside: "",
    }
}

const fn list(id: &'static str, key: &'static str, value: &'static str) -> Mistake {
    Mistake {
        is_list: true,
        ..text(id, key, value)
    }
}

pub(crate) const MISTAKES: &[Mistake] = &[
    Mistake {
        variable: "RKE2_CIS_PROFILE",
        ..text("profile.value", "profile", "cis-1.5")
    },
    Mistake {
        variable: "RKE2_CIS_PROFILE",
        version: "v1.29.1+rke2r1",
        ..text("profile.deprecated", "profile", "cis-1.23")
    },
    Mistake {
        beside: "profile: cis\n",
        ..text(
            "profile.protect-kernel-defaults",
            "protect-kernel-defaults",
            "false",
        )
    },
    Mistake {
        variable: "RKE2_SELINUX",
        ..text("config.flag", "selinux", "yess")
    },
    text("config.flag", "etcd-snapshot-retention", "many"),
    text("config.ignored", "Profile", "cis"),
    text("config.ignored", "lb-server-ports", "1"),
    Mistake {
        variable: "RKE2_CNI",
        ..list("config.cni", "cni", "multus+canal")
    },
    Mistake {
        variable: "RKE2_CNI",
        ..list("config.cni", "cni", "multus")
    },
    Mistake {
        variable: "RKE2_INGRESS_CONTROLLER",
        version: "v1.35.3+rke2r1",
        ..list("config.ingress-controller", "ingress-controller", "nginx")
    },
    Mistake {
        beside: "cloud-provider-name: external\n",
        ..list("config.cloud-provider", "node-external-ip", "192.0.2.1")
    },
    Mistake {
        variable: "RKE2_CLOUD_PROVIDER_CONFIG",
        ..text("config.cloud-provider", "cloud-provider-config", "/etc/c")
    },
    Mistake {
        version: "v1.30.4+rke2r1",
        ..list("config.kubelet-arg", "kubelet-arg", "max-podz=9")
    },
    Mistake {
        version: "v1.30.4+rke2r1",
        ..list("config.kubelet-arg", "kubelet-arg", "max-pods=many")
    },
    Mistake {
        version: "v1.30.4+rke2r1",
        ..list(
            "config.component-arg",
            "kube-apiserver-arg",
            "profilings=true",
        )
    },
    list("config.etcd-data-dir", "etcd-arg", "data-dir=/data/etcd"),
];

/// A host that would start, with the mistake at that place; `None` where it cannot stand there.
fn host(mistake: &Mistake, place: Place) -> Option<Host> {
    let Mistake {
        role, key, value, ..
    } = mistake;
    let host = Host::like(if *role == "server" {
        "healthy-server"
    } else {
        "healthy-agent"
    });
    let is_known = !mistake.id.starts_with("config.ignored");
    let yaml = if mistake.is_list {
        format!("{key}:\n- {value}\n")
    } else {
        format!("{key}: {value}\n")
    };
    let json = if mistake.is_list {
        format!("{{\"{key}\": [\"{value}\"]}}")
    } else {
        format!("{{\"{key}\": \"{value}\"}}")
    };
    let variable = mistake.variable;
    let has_variable = !variable.is_empty();
    let path = format!("/usr/lib/systemd/system/rke2-{role}.service");
    let drop_in = format!("/etc/systemd/system/rke2-{role}.service.d/10-site.conf");
    let mut words = String::new();
    let main = format!("token: t\n{}", mistake.beside);
    host.file("/etc/rancher/rke2/config.yaml", &main);
    match place {
        Place::Config => host.file("/etc/rancher/rke2/config.yaml", format!("{main}{yaml}")),
        Place::JsonConfig => {
            if !mistake.beside.is_empty() {
                return None;
            }
            host.file("/etc/rancher/rke2/config.yaml", &json);
        }
        Place::DropIn => host.file("/etc/rancher/rke2/config.yaml.d/10-site.yaml", &yaml),
        Place::Rancher => host.file("/etc/rancher/rke2/config.yaml.d/50-rancher.yaml", &json),
        Place::EnvironmentFile if has_variable => host.file(
            &format!("/etc/default/rke2-{role}"),
            format!("# ours\nHOME=/root\n{variable}=\"{value}\"\n"),
        ),
        Place::UnitDropIn if has_variable => host.file(
            &drop_in,
            format!("[Service]\nEnvironment={variable}={value}\n"),
        ),
        Place::ServiceManager if has_variable => host.file(
            "/etc/systemd/system.conf",
            format!("[Manager]\nDefaultEnvironment={variable}={value}\n"),
        ),
        Place::ExecStart if is_known => words = format!(" --{key}={value}"),
        Place::ExecStartInDropIn if is_known => host.file(
            &drop_in,
            format!("[Service]\nExecStart=\nExecStart=/usr/bin/rke2 {role} --{key}={value}\n"),
        ),
        _ => return None,
    }
    host.file(&path, unit(role, &words));
    Some(host)
}

fn report(host: &Host, version: &str) -> Value {
    let (document, _) = host.json(&["check", "--rke2-version", version]);
    document["units"][0].clone()
}

fn texts<'a>(unit: &'a Value, id: &str) -> Vec<&'a Value> {
    let findings = unit["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["id"] == id).collect()
}

#[test]
fn each_remedy_cures_in_each_place() {
    let (mut cured, mut wrong) = (0, Vec::new());
    for mistake in MISTAKES {
        let mut places = 0;
        for place in Place::ALL {
            let what = format!("{} {}={} {place:?}", mistake.id, mistake.key, mistake.value);
            let Some(sick) = host(mistake, place) else {
                continue;
            };
            let before = report(&sick, mistake.version);
            let found = texts(&before, mistake.id);
            let Some(finding) = found.first() else {
                wrong.push(format!("{what}: not found: {before}"));
                continue;
            };
            let remedies = finding["remedies"].as_array().unwrap();
            let mut count = 0;
            for edits in remedies.iter().map(change::edits) {
                let [edit] = edits.as_slice() else {
                    continue;
                };
                let host = host(mistake, place).unwrap();
                apply(&host, edit);
                let after = report(&host, mistake.version);
                let mut left: Vec<&Value> = after["findings"].as_array().unwrap().iter().collect();
                let known = before["findings"].as_array().unwrap();
                left.retain(|finding| {
                    finding["id"] == mistake.id || !known.iter().any(|k| k["id"] == finding["id"])
                });
                if !left.is_empty() || after["verdict"] != "would-start" {
                    wrong.push(format!("{what}: {edit}: {left:?} {}", after["verdict"]));
                }
                count += 1;
            }
            if count == 0 {
                wrong.push(format!("{what}: no remedy is a change: {finding}"));
            }
            places += 1;
            cured += count;
        }
        if places < 4 {
            wrong.push(format!("{}: in {places} places", mistake.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cured >= 90, "{cured}");
}
