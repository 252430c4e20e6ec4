//! What RKE2 itself exits for after it has parsed its flags: network plugins, ingress controllers and cloud
//! providers that do not go together, and an agent that does not know where it belongs.
//!
//! Source: rancher/rke2 `pkg/cli/cmds/server.go` (`validateCNI`, `validateIngress`), `pkg/cli/cmds/root.go` and
//! `pkg/rke2/rke2_linux.go` (cloud provider), v1.18.9 to v1.36.3; k3s-io/k3s `pkg/cli/agent/agent.go` (token,
//! server). Read from every release; what differs is in [`changes`].

use super::changes;
use super::config::{Ground, SettingOrigin, SettingValue, Settings};
use super::role::Role;
use super::start::StartFailure;
use super::version::{Since, Version};
use crate::facts::Source;
use crate::finding::edit::{Change, Edit, Syntax};
use crate::finding::{CheckId, Component, Remedy, Stage};

/// Whether the node has the certificate with which its kubelet has joined a cluster: then an agent needs no token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) enum Joined {
    /// It has none.
    No,
    /// It has one, or that is not known.
    #[default]
    Perhaps,
}

/// The network plugins that a server can deploy, each since which release.
const PLUGINS: [(&str, Since); 4] = [
    ("calico", changes::CNI_LIST),
    ("canal", changes::CNI_FLAG),
    ("cilium", changes::CNI_FLAG),
    ("flannel", changes::CNI_FLANNEL),
];
/// The ingress controllers, each since which release.
const CONTROLLERS: [(&str, Since); 2] = [
    ("ingress-nginx", changes::CHECKED_LISTS),
    ("traefik", changes::INGRESS_TRAEFIK),
];

/// What RKE2 exits for, with these settings.
pub(crate) fn failures(
    settings: &Settings,
    version: &Version,
    joined: Joined,
) -> Vec<StartFailure> {
    // It does not get there.
    if settings.fatal.is_some() {
        return Vec::new();
    }
    let mut all = Vec::from_iter(cloud_provider(settings, version));
    match settings.role {
        Role::Server => {
            all.extend(network_plugins(settings, version));
            all.extend(ingress_controllers(settings, version));
        }
        Role::Agent => all.extend(agent(settings, version, joined)),
    }
    all
}

/// What of this differs from release to release: two releases with the same answers exit for the same.
pub(crate) fn rules(version: &Version) -> [bool; 8] {
    [
        changes::CNI_FLAG,
        changes::CNI_LIST,
        changes::CNI_FLANNEL,
        changes::CHECKED_LISTS,
        changes::INGRESS_TRAEFIK,
        changes::INGRESS_UNCHECKED,
        changes::EXTERNAL_IP_REFUSED,
        changes::CLOUD_PROVIDER_FIRST,
    ]
    .map(|change| change.includes(version))
}

/// The names that a release of RKE2 knows.
fn known(names: &'static [(&str, Since)], version: &Version) -> Vec<&'static str> {
    let known = names.iter().filter(|(_, since)| since.includes(version));
    known.map(|(name, _)| *name).collect()
}

/// A name in the value of a list flag, and the item that it stands in.
struct Selected {
    name: String,
    item: String,
    origin: SettingOrigin,
}

/// The names that a flag selects: each item is split at its commas.
fn selected(settings: &Settings, flag: &str) -> Vec<Selected> {
    let Some(setting) = settings.get(flag) else {
        return Vec::new();
    };
    let items: Vec<(String, SettingOrigin)> = match &setting.value {
        // One text, up to 1.20.
        SettingValue::Text(text) if setting.set => setting
            .sources
            .first()
            .map(|origin| (text.clone(), origin.clone()))
            .into_iter()
            .collect(),
        _ => settings.list(flag),
    };
    items
        .iter()
        .flat_map(|(item, origin)| {
            item.split(',').map(|name| Selected {
                name: name.to_owned(),
                item: item.clone(),
                origin: origin.clone(),
            })
        })
        .collect()
}

/// A refusal of a flag whose values do not go together.
fn refusal(
    check: CheckId,
    flag: &str,
    message: String,
    ground: Ground,
    culprit: &Selected,
    change: &Change,
) -> StartFailure {
    // What stands in a file or on a command line is an item; a variable holds the whole list.
    let remedies = culprit.origin.remedies(flag, Some(&culprit.item), change);
    StartFailure {
        check,
        component: Component::Rke2,
        stage: Stage::Selection,
        message,
        subject: flag.to_owned(),
        source: culprit.origin.source(),
        ground,
        remedies,
    }
}

fn network_plugins(settings: &Settings, version: &Version) -> Option<StartFailure> {
    const FLAG: &str = "cni";
    if !changes::CNI_FLAG.includes(version) {
        return None;
    }
    let chosen = selected(settings, FLAG);
    let (first, last) = (chosen.first()?, chosen.last()?);
    let is_list = changes::CNI_LIST.includes(version);
    let is_new = changes::CHECKED_LISTS.includes(version);
    let known = known(&PLUGINS, version);
    let failed = |message: String, ground, culprit: &Selected, change: &Change| {
        refusal(CheckId::ConfigCni, FLAG, message, ground, culprit, change)
    };
    let combination = |old: &str, new: &str| {
        if is_new {
            format!("Failed to validate --cni flag: {new}")
        } else {
            old.to_owned()
        }
    };
    // An older release takes the whole text for one name.
    if is_list {
        let has_multus = first.name == "multus";
        match chosen.len() {
            1 if has_multus => {
                let message = combination(
                    "invalid value provided for --cni flag: multus must be used alongside another primary \
                     cni selection",
                    "multus must be used alongside another primary cni selection",
                );
                let change = Change::Set("multus,canal".to_owned());
                return Some(failed(message, Ground::Settled, first, &change));
            }
            2 if !has_multus => {
                let message = combination(
                    "invalid values provided for --cni flag: may only provide multiple values if multus is \
                     the first value",
                    "may only provide multiple values if multus is the first value",
                );
                let change = one_of_two(first, last);
                return Some(failed(message, Ground::Settled, last, &change));
            }
            1 | 2 => {}
            _ => {
                let message = combination(
                    "invalid values provided for --cni flag: may not provide more than two values",
                    "must specify 1 or 2 values",
                );
                return Some(failed(message, Ground::Settled, last, &Change::Correct));
            }
        }
    }
    let named = if is_list && chosen.len() == 2 {
        last
    } else {
        first
    };
    let name = if is_list {
        named.name.as_str()
    } else {
        named.item.as_str()
    };
    // Releases differ in what they make of spaces around a name.
    let is_known = |name: &str| name == "none" || known.contains(&name);
    if is_known(name) || is_known(name.trim()) {
        return None;
    }
    let message = if is_new {
        format!(
            "Invalid value {name} for --cni flag: must be one of {}",
            known.join(",")
        )
    } else {
        "invalid value provided for --cni flag".to_owned()
    };
    let change = meant_plugins(&named.item, &known, is_list);
    Some(failed(message, Ground::Names, named, &change))
}

/// Of two names of which multus is not the first: multus goes first, or the second one goes.
fn one_of_two(first: &Selected, second: &Selected) -> Change {
    let is_one_item = first.item == second.item && first.origin == second.origin;
    match (is_one_item, second.name.as_str()) {
        (true, "multus") => Change::Set(format!("multus,{}", first.name)),
        (true, _) => Change::Set(first.name.clone()),
        (false, _) => Change::Correct,
    }
}

/// What a text that names no plugin is most likely meant to be.
fn meant_plugins(item: &str, known: &[&'static str], is_list: bool) -> Change {
    let lower = item.to_lowercase();
    let names: Vec<&str> = lower
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|name| !name.is_empty())
        .collect();
    let nearest = |name: &str| crate::text::nearest(name, known);
    let meant = match names.as_slice() {
        ["multus", name] if is_list => nearest(name).map(|name| format!("multus,{name}")),
        [name] => nearest(name).map(str::to_owned),
        _ => None,
    };
    meant.map_or(Change::Correct, Change::Set)
}

fn ingress_controllers(settings: &Settings, version: &Version) -> Option<StartFailure> {
    const FLAG: &str = "ingress-controller";
    let checked =
        changes::CHECKED_LISTS.includes(version) && !changes::INGRESS_UNCHECKED.includes(version);
    if !checked {
        return None;
    }
    let known = known(&CONTROLLERS, version);
    let is_known = |name: &str| name == "none" || known.contains(&name);
    let chosen = selected(settings, FLAG);
    let wrong = chosen
        .iter()
        .find(|chosen| !is_known(&chosen.name) && !is_known(chosen.name.trim()))?;
    let message = format!(
        "Invalid value {} for --ingress-controller flag: must be one of {}",
        wrong.name,
        known.join(",")
    );
    let change = match wrong.name.to_lowercase().as_str() {
        "nginx" | "ingress" | "rke2-ingress-nginx" => Change::Set("ingress-nginx".to_owned()),
        "rke2-traefik" if known.contains(&"traefik") => Change::Set("traefik".to_owned()),
        name => crate::text::nearest(name, &known)
            .map_or(Change::Correct, |name| Change::Set(name.to_owned())),
    };
    let change = if wrong.item == wrong.name {
        change
    } else {
        Change::Correct
    };
    let check = CheckId::ConfigIngressController;
    Some(refusal(check, FLAG, message, Ground::Names, wrong, &change))
}

/// The words with which an error ends RKE2 that its start returns.
fn returned(version: &Version, message: &str) -> String {
    if changes::ERROR_PREFIX.includes(version) {
        format!("Error: {message}")
    } else {
        message.to_owned()
    }
}

fn cloud_provider(settings: &Settings, version: &Version) -> Option<StartFailure> {
    let set = |name: &str| {
        let setting = settings.get(name).filter(|setting| setting.set)?;
        setting.sources.first()
    };
    let failed = |flag: &str, origin: &SettingOrigin, stage: Stage, message: &str, ways| {
        let early = stage == Stage::Configuration;
        let wrapped = changes::ERROR_PREFIX.includes(version) && !early;
        let message = if wrapped {
            format!("failed to initialize executor: {message}")
        } else {
            message.to_owned()
        };
        StartFailure {
            check: CheckId::ConfigCloudProvider,
            component: Component::Rke2,
            stage,
            message: returned(version, &message),
            subject: flag.to_owned(),
            source: origin.source(),
            ground: Ground::Settled,
            remedies: ways,
        }
    };
    let (name, config) = (set("cloud-provider-name"), set("cloud-provider-config"));
    if changes::EXTERNAL_IP_REFUSED.includes(version)
        && (name.is_some() || config.is_some())
        && let Some(address) = set("node-external-ip")
    {
        let stage = if changes::CLOUD_PROVIDER_FIRST.includes(version) {
            Stage::Configuration
        } else {
            Stage::ProfileRefused
        };
        let items = settings.list("node-external-ip");
        let mut ways = Vec::new();
        for (item, origin) in &items {
            ways.extend(origin.remedies("node-external-ip", Some(item), &Change::Remove));
        }
        let message = "can't set node-external-ip while using cloud provider";
        return Some(failed("node-external-ip", address, stage, message, ways));
    }
    let config = config.filter(|_| !settings.text("cloud-provider-config").is_empty())?;
    if !settings.text("cloud-provider-name").is_empty() {
        return None;
    }
    let ways = config.remedies("cloud-provider-config", None, &Change::Remove);
    let message = "--cloud-provider-config requires --cloud-provider-name to be provided";
    let stage = Stage::ProfileRefused;
    Some(failed(
        "cloud-provider-config",
        config,
        stage,
        message,
        ways,
    ))
}

/// An agent without the address of a server, or without a token. It exits for the token first.
fn agent(settings: &Settings, version: &Version, joined: Joined) -> Vec<StartFailure> {
    let missing = |flag: &'static str, change: &Change| {
        // It may be set to nothing, which is corrected there.
        let origin = settings
            .get(flag)
            .and_then(|setting| setting.sources.first());
        let origin = origin.unwrap_or(&SettingOrigin::Default);
        StartFailure {
            check: CheckId::ConfigJoin,
            component: Component::Rke2,
            stage: Stage::Joining,
            message: returned(version, &format!("--{flag} is required")),
            subject: flag.to_owned(),
            source: origin.source(),
            ground: Ground::Settled,
            remedies: match origin {
                SettingOrigin::Default => vec![Remedy::Edit(Edit::entry(
                    Source::file(settings.config_file()),
                    Syntax::Yaml,
                    flag,
                    change.clone(),
                ))],
                origin => origin.remedies(flag, None, change),
            },
        }
    };
    let mut all = Vec::new();
    let has_token = !settings.text("token").is_empty() || !settings.text("token-file").is_empty();
    if !has_token && joined == Joined::No {
        all.push(missing(
            "token",
            &Change::Ask {
                example: "TOKEN-OF-THE-CLUSTER",
                hint: "a server has it in server/node-token below its data directory",
            },
        ));
    }
    if settings.text("server").is_empty() {
        all.push(missing(
            "server",
            &Change::Ask {
                example: "https://ADDRESS-OF-A-SERVER:9345",
                hint: "",
            },
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::config::{self, Argument, ConfigFiles, Invocation, ParserRules, Variable};

    fn settings(version: &Version, role: Role, text: &str, variables: &[(&str, &str)]) -> Settings {
        let mut files = ConfigFiles::none("/c.yaml");
        files.main = Ok(text.as_bytes().to_vec());
        let variables = variables.iter();
        let invocation = Invocation {
            args: vec![Argument::new(role.as_str())],
            env: variables
                .map(|(name, value)| Variable::new(*name, *value))
                .collect(),
        };
        config::resolve(&invocation, &files, role, &ParserRules::of(version))
    }

    fn messages(version: &Version, role: Role, text: &str) -> Vec<String> {
        let settings = settings(version, role, text, &[]);
        assert_eq!(settings.fatal, None, "{text}");
        let failures = failures(&settings, version, Joined::No);
        failures
            .into_iter()
            .map(|failure| failure.message)
            .collect()
    }

    #[test]
    fn plugins_are_refused_in_the_words_of_the_release() {
        let refused =
            |version: Version, text: &str| messages(&version, Role::Server, text).join("|");
        let old = Version::new(21, 3, 1);
        let new = Version::new(34, 1, 1);
        for (text, in_old, in_new) in [
            ("cni: canal", "", ""),
            ("cni: []", "", ""),
            ("cni: none", "", ""),
            ("cni: multus,canal", "", ""),
            ("cni: [multus, calico]", "", ""),
            (
                "cni: multus+canal",
                "invalid value provided for --cni flag",
                "Invalid value multus+canal for --cni flag: must be one of calico,canal,cilium,flannel",
            ),
            (
                "cni: multus",
                "invalid value provided for --cni flag: multus must be used alongside another primary cni \
                 selection",
                "Failed to validate --cni flag: multus must be used alongside another primary cni selection",
            ),
            (
                "cni: canal,multus",
                "invalid values provided for --cni flag: may only provide multiple values if multus is the \
                 first value",
                "Failed to validate --cni flag: may only provide multiple values if multus is the first value",
            ),
            (
                "cni: [multus, canal, cilium]",
                "invalid values provided for --cni flag: may not provide more than two values",
                "Failed to validate --cni flag: must specify 1 or 2 values",
            ),
            ("cni: flannel", "invalid value provided for --cni flag", ""),
            (
                "cni: \"\"",
                "invalid value provided for --cni flag",
                "Invalid value  for --cni flag: must be one of calico,canal,cilium,flannel",
            ),
        ] {
            assert_eq!(refused(old.clone(), text), in_old, "{text}");
            assert_eq!(refused(new.clone(), text), in_new, "{text}");
        }
        // One name, and two plugins.
        let first = || Version::new(20, 7, 1);
        assert_eq!(refused(first(), "cni: cilium"), "");
        for text in ["cni: calico", "cni: multus,canal"] {
            assert_eq!(
                refused(first(), text),
                "invalid value provided for --cni flag"
            );
        }
        assert_eq!(
            messages(&new, Role::Agent, "cni: x\nserver: s\ntoken: t"),
            [""; 0]
        );
    }

    #[test]
    fn ingress_controllers_were_checked_for_some_releases() {
        let refused =
            |version: Version, text: &str| messages(&version, Role::Server, text).join("|");
        let nginx = "ingress-controller: nginx";
        assert_eq!(
            refused(Version::new(29, 7, 1), "ingress-controller: traefik"),
            "Invalid value traefik for --ingress-controller flag: must be one of ingress-nginx"
        );
        assert_eq!(
            refused(Version::new(34, 1, 1), nginx),
            "Invalid value nginx for --ingress-controller flag: must be one of ingress-nginx,traefik"
        );
        for (version, text) in [
            (Version::new(36, 0, 1), nginx),
            (Version::new(29, 6, 1), nginx),
            (
                Version::new(34, 1, 1),
                "ingress-controller: [traefik, ingress-nginx]",
            ),
            (Version::new(34, 1, 1), "ingress-controller: none"),
        ] {
            assert_eq!(refused(version, text), "", "{text}");
        }
    }

    #[test]
    fn an_agent_needs_a_server_and_a_token() {
        let version = Version::new(34, 1, 1);
        let refused = |text: &str| messages(&version, Role::Agent, text);
        let (token, server) = ("Error: --token is required", "Error: --server is required");
        assert_eq!(refused(""), [token, server]);
        assert_eq!(refused("token: t"), [server]);
        assert_eq!(refused("server: s\ntoken: \"\""), [token]);
        assert_eq!(refused("server: s\ntoken-file: /t"), [""; 0]);
        let joined = settings(&version, Role::Agent, "server: s", &[]);
        assert_eq!(failures(&joined, &version, Joined::Perhaps), []);
        let old = messages(&Version::new(30, 0, 1), Role::Agent, "token: t");
        assert_eq!(old, ["--server is required"]);
        let by_environment = settings(
            &version,
            Role::Agent,
            "",
            &[("RKE2_URL", "s"), ("RKE2_TOKEN", "t")],
        );
        assert_eq!(failures(&by_environment, &version, Joined::No), []);
    }

    #[test]
    fn a_cloud_provider_takes_no_external_address() {
        let text = "cloud-provider-name: external\nnode-external-ip: 192.0.2.1";
        let words = "can't set node-external-ip while using cloud provider";
        for (version, message) in [
            (Version::new(30, 0, 1), words.to_owned()),
            (
                Version::new(34, 1, 1),
                format!("Error: failed to initialize executor: {words}"),
            ),
            (Version::new(36, 0, 1), format!("Error: {words}")),
        ] {
            assert_eq!(messages(&version, Role::Server, text).join("|"), message);
        }
        let text = "cloud-provider-config: /etc/cloud.conf";
        assert_eq!(
            messages(&Version::new(30, 0, 1), Role::Server, text),
            ["--cloud-provider-config requires --cloud-provider-name to be provided"]
        );
    }
}
