//! What is set is checked together: all errors are reported.
//!
//! Upstream: `pkg/proxy/apis/config/validation/validation.go`.

use super::super::document::shown;
use super::super::errors::FieldErrors;
use super::super::metrics;
use super::super::network::Cidr;
use super::super::options::Options;
use super::configuration::{Backend, Configuration, UNIFIED};
use crate::kubernetes::arguments::network::{check_port_range, parse_ip_sloppily, split_host_port};

/// Since which minor the way to know local pods is checked.
const LOCAL_MODE: u32 = 28;
/// Up to which minor UDP connections of the oldest mode have a time, and that mode is there.
const USERSPACE: u32 = 25;
/// Up to which minor schedulers of IPVS are known.
const SCHEDULERS: u32 = 26;
/// Since which minor errors of metrics name their field.
const METRICS_FIELD: u32 = 36;
/// Since which minor there are more words for addresses of node ports.
const KEYWORDS: u32 = 37;
/// Since which minor there is one word.
const KEYWORD: u32 = 31;

const NOT_NEGATIVE: &str = "must be greater than or equal to 0";
const POSITIVE: &str = "must be greater than 0";

/// Errors, and the flags that cause them where flags do.
#[derive(Debug)]
pub(super) struct Found<'a> {
    options: &'a Options,
    pub(super) errors: FieldErrors,
    pub(super) flags: Vec<&'static str>,
}

impl Found<'_> {
    /// An error about a field, whose value is printed already.
    fn invalid(&mut self, path: &str, value: &str, detail: &str, flags: &[&'static str]) {
        self.errors
            .invalid(&format!("KubeProxyConfiguration.{path}"), value, detail);
        self.flags.extend(flags);
    }

    /// An error about a text.
    fn invalid_text(&mut self, path: &str, value: &str, detail: &str, flags: &[&'static str]) {
        let value = super::super::errors::quote(value);
        self.invalid(path, &value, detail, flags);
    }

    fn not_negative(&mut self, path: &str, value: i64, flag: &'static str) {
        if value < 0 {
            self.invalid(path, &value.to_string(), NOT_NEGATIVE, &[flag]);
        }
    }

    fn invalid_time(&mut self, path: &str, time: i64, detail: &str, flags: &[&'static str]) {
        let path = format!("KubeProxyConfiguration.{path}");
        self.errors.invalid_time(self.options, &path, time, detail);
        self.flags.extend(flags);
    }

    fn time_not_negative(&mut self, path: &str, time: i64, flag: &'static str) {
        if time < 0 {
            self.invalid_time(path, time, NOT_NEGATIVE, &[flag]);
        }
    }

    fn time_positive(&mut self, path: &str, time: i64, flags: &[&'static str]) {
        if time <= 0 {
            self.invalid_time(path, time, POSITIVE, flags);
        }
    }
}

const IPTABLES_PERIODS: [&str; 2] = ["iptables-sync-period", "iptables-min-sync-period"];
const IPVS_PERIODS: [&str; 2] = ["ipvs-sync-period", "ipvs-min-sync-period"];

/// `Validate`.
pub(super) fn validate<'a>(options: &'a Options, set: &Configuration) -> Found<'a> {
    let mut found = Found {
        options,
        errors: FieldErrors::default(),
        flags: Vec::new(),
    };
    let is_unified = options.since(UNIFIED);
    let name = "KubeProxyIPTablesConfiguration";
    masquerade_bit(name, set.iptables.bit, &mut found);
    if !is_unified {
        periods(name, set.iptables, IPTABLES_PERIODS, &mut found);
    }
    match set.mode.as_str() {
        "ipvs" => ipvs(options, set, &mut found),
        "nftables" if options.since(29) => {
            let name = "KubeProxyNFTablesConfiguration";
            masquerade_bit(name, set.nftables.bit, &mut found);
            if !is_unified {
                periods(name, set.nftables, IPTABLES_PERIODS, &mut found);
            }
        }
        _ => {}
    }
    conntrack(options, set, &mut found);
    if is_unified {
        oom_score("KubeProxyLinuxConfiguration.OOMScoreAdj", set, &mut found);
    }
    mode(options, set, &mut found);
    if set.burst < 0 {
        let path = "ClientConnection.Burst";
        found.not_negative(path, set.burst, "kube-api-burst");
    }
    if !is_unified {
        oom_score("OOMScoreAdj", set, &mut found);
    }
    if options.minor().0 <= USERSPACE {
        found.time_positive("UDPIdleTimeout", set.udp_idle, &["udp-timeout"]);
    }
    let flag = "config-sync-period";
    found.time_positive("ConfigSyncPeriod", set.config_sync_period, &[flag]);
    if is_unified {
        let (backend, flags) = match set.mode.as_str() {
            "ipvs" => (set.ipvs, IPVS_PERIODS),
            "nftables" => (set.nftables, IPTABLES_PERIODS),
            _ => (set.iptables, IPTABLES_PERIODS),
        };
        periods("", backend, flags, &mut found);
    }
    addresses(set, &mut found);
    if !is_unified {
        cluster_cidr(set, &mut found);
        if check_port_range(&set.port_range).is_err() {
            let detail = "must be a valid port range (e.g. 300-2000)";
            found.invalid_text("PortRange", &set.port_range, detail, &["proxy-port-range"]);
        }
    }
    node_ports(options, set, &mut found);
    hidden_metrics(options, set, &mut found);
    local_mode(options, set, &mut found);
    found
}

fn masquerade_bit(name: &str, bit: i64, found: &mut Found<'_>) {
    if !(0..=31).contains(&bit) {
        let path = format!("{name}.MasqueradeBit");
        let detail = "must be within the range [0, 31]";
        found.invalid(
            &path,
            &bit.to_string(),
            detail,
            &["iptables-masquerade-bit"],
        );
    }
}

fn periods(name: &str, backend: Backend, flags: [&'static str; 2], found: &mut Found<'_>) {
    let at = |field: &str| {
        if name.is_empty() {
            field.to_owned()
        } else {
            format!("{name}.{field}")
        }
    };
    let (period, least) = (backend.period, backend.least_period);
    found.time_positive(&at("SyncPeriod"), period, &flags);
    found.time_not_negative(&at("MinSyncPeriod"), least, flags[1]);
    if least > period {
        let detail = format!(
            "must be greater than or equal to KubeProxyConfiguration.{}",
            at("MinSyncPeriod")
        );
        found.invalid_time(&at("SyncPeriod"), least, &detail, &flags);
    }
}

fn ipvs(options: &Options, set: &Configuration, found: &mut Found<'_>) {
    let name = "KubeProxyIPVSConfiguration";
    if !options.since(UNIFIED) {
        periods(name, set.ipvs, IPVS_PERIODS, found);
    }
    let fields = [
        ("TCPTimeout", "ipvs-tcp-timeout"),
        ("TCPFinTimeout", "ipvs-tcpfin-timeout"),
        ("UDPTimeout", "ipvs-udp-timeout"),
    ];
    for ((field, flag), time) in fields.into_iter().zip(set.ipvs_times) {
        found.time_not_negative(&format!("{name}.{field}"), time, flag);
    }
    let known = [
        "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "",
    ];
    if options.minor().0 <= SCHEDULERS && !known.contains(&set.scheduler.as_str()) {
        let detail = format!(
            "must be in [{}], blank means the default algorithm method (currently rr)",
            known.join(" ")
        );
        let path = format!("{name}.Scheduler.Scheduler");
        found.invalid_text(&path, &set.scheduler, &detail, &["ipvs-scheduler"]);
    }
    for (index, cidr) in set.excluded.iter().enumerate() {
        if Cidr::parse(cidr).is_none() {
            let path = format!("{name}.ExcludeCidrs[{index}]");
            found.invalid_text(&path, cidr, "must be a valid CIDR", &["ipvs-exclude-cidrs"]);
        }
    }
}

fn conntrack(options: &Options, set: &Configuration, found: &mut Found<'_>) {
    let name = if options.since(UNIFIED) {
        "KubeProxyLinuxConfiguration.KubeProxyConntrackConfiguration"
    } else {
        "KubeProxyConntrackConfiguration"
    };
    let path = |field: &str| format!("{name}.{field}");
    found.not_negative(
        &path("MaxPerCore"),
        set.most_per_core,
        "conntrack-max-per-core",
    );
    found.not_negative(&path("Min"), set.conntrack_least, "conntrack-min");
    let fields = [
        ("TCPEstablishedTimeout", "conntrack-tcp-timeout-established"),
        ("TCPCloseWaitTimeout", "conntrack-tcp-timeout-close-wait"),
        ("UDPTimeout", "conntrack-udp-timeout"),
        ("UDPStreamTimeout", "conntrack-udp-timeout-stream"),
    ];
    for ((field, flag), time) in fields.into_iter().zip(set.conntrack_times) {
        found.time_not_negative(&path(field), time, flag);
    }
}

fn oom_score(path: &str, set: &Configuration, found: &mut Found<'_>) {
    let score = set.oom_score;
    if !(-1000..=1000).contains(&score) {
        let detail = "must be within the range [-1000, 1000]";
        found.invalid(path, &score.to_string(), detail, &["oom-score-adj"]);
    }
}

/// `validateProxyModeLinux`.
fn mode(options: &Options, set: &Configuration, found: &mut Found<'_>) {
    let mut known = vec!["iptables"];
    // Since 1.35 a gate turns it off.
    if !options.has_gate("KubeProxyIPVS") || options.gate("KubeProxyIPVS") {
        known.push("ipvs");
    }
    if options.since(33) || options.gate("NFTablesProxyMode") {
        known.push("nftables");
    }
    if options.minor().0 <= USERSPACE {
        known.push("userspace");
    }
    if set.mode.is_empty() || known.contains(&set.mode.as_str()) {
        return;
    }
    let separator = if options.since(28) { ", " } else { "," };
    let detail = format!(
        "must be {} or blank (blank means the best-available proxy [currently iptables])",
        known.join(separator)
    );
    found.invalid_text("Mode.ProxyMode", &set.mode, &detail, &["proxy-mode"]);
}

fn addresses(set: &Configuration, found: &mut Found<'_>) {
    if parse_ip_sloppily(&set.bind_address).is_none() {
        let detail = "not a valid textual representation of an IP address";
        found.invalid_text("BindAddress", &set.bind_address, detail, &["bind-address"]);
    }
    if !set.healthz_bind_address.is_empty() {
        let flags = ["healthz-bind-address", "healthz-port"];
        host_port(
            "HealthzBindAddress",
            &set.healthz_bind_address,
            &flags,
            found,
        );
    }
    let flags = ["metrics-bind-address", "metrics-port"];
    host_port(
        "MetricsBindAddress",
        &set.metrics_bind_address,
        &flags,
        found,
    );
}

/// `validateHostPort`.
fn host_port(path: &str, address: &str, flags: &[&'static str], found: &mut Found<'_>) {
    let Ok((host, port)) = split_host_port(address) else {
        found.invalid_text(path, address, "must be IP:port", flags);
        return;
    };
    if parse_ip_sloppily(host).is_none() {
        found.invalid_text(path, host, "must be a valid IP", flags);
    }
    // `strconv.Atoi` takes a sign.
    let digits = port.strip_prefix('+').unwrap_or(port);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_port = is_number
        && digits
            .parse()
            .is_ok_and(|number: u32| (1..=65_535).contains(&number));
    if !is_port {
        found.invalid_text(path, port, "must be a valid port", flags);
    }
}

/// Up to 1.30.
fn cluster_cidr(set: &Configuration, found: &mut Found<'_>) {
    let Some(text) = set.cluster_cidr.as_deref().filter(|text| !text.is_empty()) else {
        return;
    };
    let cidrs: Vec<Option<Cidr>> = text.split(',').map(Cidr::parse).collect();
    let detail = match cidrs[..] {
        [Some(_)] => return,
        [Some(one), Some(other)] if one.is_v4() != other.is_v4() => return,
        [None] => "must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)",
        [_, _] => "must be a valid DualStack CIDR (e.g. 10.100.0.0/16,fde4:8dba:82e1::/48)",
        _ => {
            "only one CIDR allowed or a valid DualStack CIDR (e.g. 10.100.0.0/16,fde4:8dba:82e1::/48)"
        }
    };
    found.invalid_text("ClusterCIDR", text, detail, &["cluster-cidr"]);
}

/// `validateKubeProxyNodePortAddress`.
fn node_ports(options: &Options, set: &Configuration, found: &mut Found<'_>) {
    let flags = ["nodeport-addresses"];
    let count = set.node_ports.len();
    let mut seen: Vec<&str> = Vec::new();
    for (index, address) in set.node_ports.iter().enumerate() {
        let path = format!("NodePortAddresses[{index}]");
        if options.since(KEYWORDS) {
            if matches!(address.as_str(), "primary" | "localhost" | "all") {
                if seen.contains(&address.as_str()) {
                    let path = format!("KubeProxyConfiguration.{path}");
                    found.errors.duplicate(&path, address);
                    found.flags.extend(flags);
                }
                seen.push(address);
                continue;
            }
        } else if options.since(KEYWORD) && address == "primary" {
            if count != 1 {
                let detail = "can't use both 'primary' and CIDRs";
                found.invalid_text(&path, address, detail, &flags);
            }
            break;
        }
        if Cidr::parse(address).is_none() {
            let detail = if options.since(KEYWORDS) {
                "must be a valid CIDR or one of the keywords 'primary', 'localhost', 'all'"
            } else {
                "must be a valid CIDR"
            };
            found.invalid_text(&path, address, detail, &flags);
        }
    }
}

fn hidden_metrics(options: &Options, set: &Configuration, found: &mut Found<'_>) {
    let version = &set.hidden_metrics;
    let Some(error) = metrics::version_error(options, version) else {
        return;
    };
    let detail = if options.since(METRICS_FIELD) {
        let version = super::super::errors::quote(version);
        format!(
            "invalid showHiddenMetricsForVersion: showHiddenMetricsForVersion: Invalid value: {version}: {error}"
        )
    } else {
        error
    };
    let flags = ["show-hidden-metrics-for-version"];
    found.invalid_text("ShowHiddenMetricsForVersion", version, &detail, &flags);
}

/// `validateDetectLocalMode` and `validateDetectLocalConfiguration`.
fn local_mode(options: &Options, set: &Configuration, found: &mut Found<'_>) {
    let mode = set.detect_mode.as_str();
    let known = [
        "ClusterCIDR",
        "NodeCIDR",
        "BridgeInterface",
        "InterfaceNamePrefix",
        "",
    ];
    let flag = "detect-local-mode";
    if options.since(LOCAL_MODE) && !known.contains(&mode) {
        let path = "KubeProxyConfiguration.DetectLocalMode";
        found.errors.not_supported(path, mode, &known);
        found.flags.push(flag);
    }
    let name = if options.since(UNIFIED) {
        "DetectLocalConfiguration."
    } else {
        ""
    };
    let empty = "must not be empty";
    match mode {
        "BridgeInterface" if set.bridge.is_empty() => {
            let flags = [flag, "pod-bridge-interface"];
            found.invalid_text(&format!("{name}InterfaceName"), "", empty, &flags);
        }
        "InterfaceNamePrefix" if set.prefix.is_empty() => {
            let flags = [flag, "pod-interface-name-prefix"];
            found.invalid_text(&format!("{name}InterfacePrefix"), "", empty, &flags);
        }
        "" | "ClusterCIDR" if options.since(UNIFIED) => {
            cluster_cidrs(options, set, found);
        }
        _ => {}
    }
}

/// `validateDualStackCIDRStrings`.
fn cluster_cidrs(options: &Options, set: &Configuration, found: &mut Found<'_>) {
    let Some(text) = &set.cluster_cidr else {
        return;
    };
    let path = "DetectLocalConfiguration.ClusterCIDRs";
    let flags = ["cluster-cidr"];
    let items: Vec<&str> = text.split(',').collect();
    let cidrs: Vec<Option<Cidr>> = items.iter().map(|item| Cidr::parse(item)).collect();
    let is_pair = match cidrs[..] {
        [Some(one), Some(other)] => one.is_v4() != other.is_v4(),
        _ => items.len() <= 2,
    };
    if items.len() <= 2 {
        for (index, (item, cidr)) in items.iter().zip(&cidrs).enumerate() {
            if cidr.is_none() {
                let detail =
                    "must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)";
                found.invalid_text(&format!("{path}[{index}]"), item, detail, &flags);
            }
        }
    }
    if !is_pair {
        let detail = "must be a either a single CIDR or dual-stack pair of CIDRs (e.g. [10.100.0.0/16, fde4:8dba:82e1::/48]";
        found.invalid(path, &shown(options, &items), detail, &flags);
    }
}
