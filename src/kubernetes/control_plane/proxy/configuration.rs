//! What is set, by flags or by the file that `--config` names.
//!
//! Upstream: `cmd/kube-proxy/app/options.go` (up to 1.28 `server.go`) and `pkg/proxy/apis/config/v1alpha1`.

use std::collections::BTreeMap;

use super::super::document::{self, Document, Refusal, int, nanoseconds, set, text, texts};
use super::super::logs::Logging;
use super::super::options::Options;
use crate::kubernetes::arguments::network::{parse_ip_sloppily, split_host_port};
use crate::kubernetes::codec::Scheme;
use crate::kubernetes::codec::tree::{Node, Value};

/// Since which minor all modes have the same periods, and fields are arranged as now.
pub(super) const UNIFIED: u32 = 31;

const KINDS: &[(&str, &str)] = &[("kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration")];

const SECOND: i64 = 1_000_000_000;

/// The fields that are checked, with defaults. Times are nanoseconds.
#[derive(Debug)]
pub(super) struct Configuration {
    pub(super) mode: String,
    pub(super) bind_address: String,
    pub(super) healthz_bind_address: String,
    pub(super) metrics_bind_address: String,
    /// `None` where none are set.
    pub(super) cluster_cidr: Option<String>,
    pub(super) detect_mode: String,
    pub(super) bridge: String,
    pub(super) prefix: String,
    pub(super) config_sync_period: i64,
    pub(super) iptables: Backend,
    pub(super) ipvs: Backend,
    pub(super) nftables: Backend,
    pub(super) ipvs_times: [i64; 3],
    pub(super) excluded: Vec<String>,
    pub(super) scheduler: String,
    pub(super) most_per_core: i64,
    pub(super) conntrack_least: i64,
    /// TCP established and close wait, UDP and UDP stream.
    pub(super) conntrack_times: [i64; 4],
    pub(super) oom_score: i64,
    pub(super) node_ports: Vec<String>,
    pub(super) hidden_metrics: String,
    pub(super) udp_idle: i64,
    pub(super) port_range: String,
    pub(super) kubeconfig: String,
    pub(super) rate: f64,
    pub(super) burst: i64,
    pub(super) logging: Logging,
}

/// One way to write rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backend {
    /// The bit of the mark of packets to masquerade.
    pub(super) bit: i64,
    pub(super) period: i64,
    pub(super) least_period: i64,
}

impl Configuration {
    pub(super) fn of_flags(options: &Options) -> Self {
        let text = |flag: &str, default: &str| options.text(flag, default).to_owned();
        let list = |flag: &str| -> Vec<String> {
            let items = options.list(flag).unwrap_or_default();
            items.into_iter().map(str::to_owned).collect()
        };
        // An address that is empty sets nothing.
        let or_default = |flag: &str, default: &str| match options.text(flag, "") {
            "" => default.to_owned(),
            address => address.to_owned(),
        };
        let address = |flag: &str, port: &str, default: (&str, i64)| {
            let address = or_default(flag, default.0);
            match options.int(port, default.1) {
                _ if !options.text("write-config-to", "").is_empty() => address,
                0 => String::new(),
                port => with_port(&address, port),
            }
        };
        let duration = |flag: &str, default: i64| options.duration(flag, default);
        let iptables = Backend {
            bit: options.int("iptables-masquerade-bit", 14),
            period: duration("iptables-sync-period", SECOND.saturating_mul(30)),
            least_period: duration("iptables-min-sync-period", SECOND),
        };
        // Where all have one period, that of iptables holds for nftables, and is IPVS' default too.
        let is_unified = options.since(UNIFIED);
        Self {
            mode: text("proxy-mode", ""),
            bind_address: or_default("bind-address", "0.0.0.0"),
            healthz_bind_address: address(
                "healthz-bind-address",
                "healthz-port",
                ("0.0.0.0:10256", 10_256),
            ),
            metrics_bind_address: address(
                "metrics-bind-address",
                "metrics-port",
                ("127.0.0.1:10249", 10_249),
            ),
            cluster_cidr: options
                .is_set("cluster-cidr")
                .then(|| text("cluster-cidr", "")),
            detect_mode: text("detect-local-mode", ""),
            bridge: text("pod-bridge-interface", ""),
            prefix: text("pod-interface-name-prefix", ""),
            config_sync_period: duration("config-sync-period", SECOND.saturating_mul(900)),
            iptables,
            ipvs: Backend {
                bit: 0,
                period: duration("ipvs-sync-period", SECOND.saturating_mul(30)),
                least_period: duration("ipvs-min-sync-period", if is_unified { SECOND } else { 0 }),
            },
            nftables: if is_unified {
                Backend {
                    bit: 14,
                    ..iptables
                }
            } else {
                DEFAULT
            },
            ipvs_times: [
                "ipvs-tcp-timeout",
                "ipvs-tcpfin-timeout",
                "ipvs-udp-timeout",
            ]
            .map(|flag| duration(flag, 0)),
            excluded: list("ipvs-exclude-cidrs"),
            scheduler: text("ipvs-scheduler", ""),
            most_per_core: options.int("conntrack-max-per-core", 0),
            conntrack_least: options.int("conntrack-min", 0),
            conntrack_times: [
                "conntrack-tcp-timeout-established",
                "conntrack-tcp-timeout-close-wait",
                "conntrack-udp-timeout",
                "conntrack-udp-timeout-stream",
            ]
            .map(|flag| duration(flag, 0)),
            oom_score: options.int("oom-score-adj", -999),
            node_ports: list("nodeport-addresses"),
            hidden_metrics: text("show-hidden-metrics-for-version", ""),
            udp_idle: duration("udp-timeout", SECOND),
            port_range: String::new(),
            kubeconfig: text("kubeconfig", ""),
            rate: options.float("kube-api-qps", 5.0),
            burst: options.int("kube-api-burst", 10),
            logging: Logging::of_flags(options),
        }
    }

    pub(super) fn of_file(options: &Options, root: &Node) -> Self {
        let empty = Node::default(Value::Map(Vec::new()));
        let part = |name: &str| set(root, name).unwrap_or(&empty);
        let list = |node: &Node, name: &str| -> Vec<String> {
            texts(node, name).into_iter().map(str::to_owned).collect()
        };
        let time = |node: &Node, name: &str| nanoseconds(node, name).unwrap_or(0);
        let or = |value: i64, default: i64| if value == 0 { default } else { value };
        let backend = |name: &str, least_period: i64| {
            let node = part(name);
            Backend {
                bit: int(node, "masqueradeBit").unwrap_or(14),
                period: or(time(node, "syncPeriod"), SECOND.saturating_mul(30)),
                least_period: or(time(node, "minSyncPeriod"), least_period),
            }
        };
        let address = |name: &str, port: i64| match text(root, name) {
            "" => format!("127.0.0.1:{port}"),
            address => with_port(address, port),
        };
        let (ipvs, conntrack, client) = (part("ipvs"), part("conntrack"), part("clientConnection"));
        let bind_address = text(root, "bindAddress");
        Self {
            mode: text(root, "mode").to_owned(),
            bind_address: if bind_address.is_empty() {
                "0.0.0.0".to_owned()
            } else {
                bind_address.to_owned()
            },
            healthz_bind_address: address("healthzBindAddress", 10_256),
            metrics_bind_address: address("metricsBindAddress", 10_249),
            cluster_cidr: Some(text(root, "clusterCIDR").to_owned())
                .filter(|cidr| !cidr.is_empty()),
            detect_mode: text(root, "detectLocalMode").to_owned(),
            bridge: text(part("detectLocal"), "bridgeInterface").to_owned(),
            prefix: text(part("detectLocal"), "interfaceNamePrefix").to_owned(),
            config_sync_period: or(time(root, "configSyncPeriod"), SECOND.saturating_mul(900)),
            iptables: backend("iptables", SECOND),
            ipvs: backend("ipvs", 0),
            nftables: backend("nftables", SECOND),
            ipvs_times: ["tcpTimeout", "tcpFinTimeout", "udpTimeout"].map(|name| time(ipvs, name)),
            excluded: list(ipvs, "excludeCIDRs"),
            scheduler: text(ipvs, "scheduler").to_owned(),
            most_per_core: int(conntrack, "maxPerCore").unwrap_or(0),
            conntrack_least: int(conntrack, "min").unwrap_or(0),
            conntrack_times: [
                "tcpEstablishedTimeout",
                "tcpCloseWaitTimeout",
                "udpTimeout",
                "udpStreamTimeout",
            ]
            .map(|name| time(conntrack, name)),
            oom_score: int(root, "oomScoreAdj").unwrap_or(-999),
            node_ports: list(root, "nodePortAddresses"),
            hidden_metrics: text(root, "showHiddenMetricsForVersion").to_owned(),
            udp_idle: or(time(root, "udpIdleTimeout"), SECOND),
            port_range: text(root, "portRange").to_owned(),
            kubeconfig: text(client, "kubeconfig").to_owned(),
            rate: document::float(client, "qps")
                .filter(|rate| *rate != 0.0)
                .unwrap_or(5.0),
            burst: or(int(client, "burst").unwrap_or(0), 10),
            logging: logging(options, part("logging")),
        }
    }
}

/// What no flag sets.
const DEFAULT: Backend = Backend {
    bit: 14,
    period: SECOND.saturating_mul(30),
    least_period: SECOND,
};

/// Decodes the file, leniently, as kube-proxy does in the end. `None`: what becomes of it is not known.
pub(super) fn decode(options: &Options, content: &[u8]) -> Option<Result<Document, Refusal>> {
    let scheme = Scheme {
        name: document::scheme_name(options),
        kinds: KINDS,
    };
    document::decode(options, content, scheme, false)
}

/// `featureGates`.
pub(super) fn gates(root: &Node) -> BTreeMap<String, bool> {
    let Some(Value::Map(entries)) = set(root, "featureGates").map(|node| &node.value) else {
        return BTreeMap::new();
    };
    let gates = entries.iter().filter_map(|(name, node)| match node.value {
        Value::Bool(on) => Some((name.clone(), on)),
        _ => None,
    });
    gates.collect()
}

/// `copyLogsFromFlags`: flags go before the file, but patterns of both count. Whether streams are split is the flags'
/// alone, which have defaults.
fn logging(options: &Options, node: &Node) -> Logging {
    let mut logging = Logging::of_flags(options);
    if !options.is_set("log-flush-frequency") {
        let frequency = match node.get("flushFrequency").map(|node| &node.value) {
            Some(Value::Number(text)) => text.parse().unwrap_or(0),
            _ => nanoseconds(node, "flushFrequency").unwrap_or(0),
        };
        if frequency != 0 {
            logging.frequency = frequency;
        }
    }
    if !options.is_set("logging-format") && !text(node, "format").is_empty() {
        text(node, "format").clone_into(&mut logging.format);
    }
    logging.has_patterns |= !document::list(node, "vmodule").is_empty();
    for form in &mut logging.forms {
        let name = form.name();
        let Some(set) = node.at(&format!("options.{name}")) else {
            continue;
        };
        if !options.is_set(&format!("log-{name}-info-buffer-size")) {
            form.size = match set.get("infoBufferSize").map(|node| &node.value) {
                Some(Value::Text(text) | Value::Number(text)) => text.clone(),
                _ => "0".to_owned(),
            };
        }
    }
    logging
}

/// `AppendPortIfNeeded`.
fn with_port(address: &str, port: i64) -> String {
    if split_host_port(address).is_ok() || parse_ip_sloppily(address).is_none() {
        return address.to_owned();
    }
    if address.contains(':') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}
