//! Writes first inputs for every target, made of the recorded cases in `tests/cases`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

const SEPARATOR: &str = "\u{1e}";

/// Inputs on their way to disk.
struct Corpus {
    directory: PathBuf,
    written: BTreeMap<&'static str, usize>,
}

impl Corpus {
    fn add(&mut self, target: &'static str, input: &[u8]) {
        let count = self.written.entry(target).or_default();
        *count += 1;
        let directory = self.directory.join(target);
        fs::create_dir_all(&directory).expect("a directory for the corpus");
        fs::write(directory.join(format!("seed-{count:04}")), input).expect("a file of the corpus");
    }

    /// A head and parts, each with its letter.
    fn parts(&mut self, target: &'static str, head: &str, parts: &[String]) {
        let mut input = head.to_owned();
        for part in parts {
            input.push_str(SEPARATOR);
            input.push_str(part);
        }
        self.add(target, input.as_bytes());
    }
}

fn cases(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../cases/{name}.json"));
    // Bytes that are not UTF-8 were recorded as halves of surrogates.
    let text = fs::read_to_string(path).expect("the recorded cases");
    let text = text.replace("\\udc", "\\u00");
    let value: Value = serde_json::from_str(&text).expect("JSON in the recorded cases");
    let cases = value.get("cases").unwrap_or(&value);
    cases.as_array().cloned().unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// `rke2`'s files, variables and words as parts.
fn config(case: &Value) -> Vec<String> {
    let mut parts = Vec::new();
    for (name, content) in entries(&case["files"]) {
        let letter = if name.contains(".d/") { 'd' } else { 'm' };
        match content {
            Value::String(content) => parts.push(format!("{letter}{content}")),
            Value::Null => parts.push(format!("{letter}!")),
            _ => parts.push(format!("{letter}!absent")),
        }
    }
    for (name, value) in entries(&case["env"]) {
        parts.push(format!("e{name}={}", text(value)));
    }
    for word in case["args"].as_array().into_iter().flatten() {
        parts.push(format!("a{}", text(word)));
    }
    parts
}

fn sysctl(case: &Value) -> Vec<String> {
    let places = [
        ("/etc/sysctl.d/", '1'),
        ("/run/sysctl.d/", '2'),
        ("/usr/local/lib/sysctl.d/", '3'),
        ("/usr/lib/sysctl.d/", '4'),
        ("/lib/sysctl.d/", '5'),
        ("/etc/sysctl.conf", '6'),
    ];
    let mut parts = Vec::new();
    for (path, content) in entries(&case["files"]) {
        for (directory, letter) in places {
            let Some(name) = path.strip_prefix(directory) else {
                continue;
            };
            let feed = if letter == '6' { "" } else { "\n" };
            match content {
                Value::String(content) => parts.push(format!("{letter}{name}{feed}{content}")),
                _ => parts.push(format!("{letter}{name}")),
            }
        }
    }
    parts
}

const UNIT: &str = "[Unit]\nDescription=Rancher Kubernetes Engine v2 (server)\n[Install]\n\
     WantedBy=multi-user.target\n[Service]\nType=notify\nEnvironmentFile=-/etc/default/%N\n\
     EnvironmentFile=-/etc/sysconfig/%N\nKillMode=process\nDelegate=yes\n\
     ExecStartPre=-/sbin/modprobe overlay\nExecStart=/usr/local/bin/rke2 server\n";

fn units(corpus: &mut Corpus) {
    let drop_ins = [
        "[Service]\nExecStart=\nExecStart=/usr/local/bin/rke2 server \\\n  --profile cis --token 'a b'\n",
        "[Service]\nEnvironment=\"RKE2_CIS_PROFILE=cis\" A=\\x41 'B=c d' %H\nPassEnvironment=HOME\n",
        "[Service]\nUnsetEnvironment=A \"B=c d\"\nExecStart=@/bin/sh sh -c \"exec $A ${B}\" ; /bin/x\n",
        "\u{feff}[Service]\r\nType=oneshot\n# c \\\nEnvironmentFile=/etc/default/*.env\n",
    ];
    let environment = "RKE2_TOKEN=x\n#c \\\nexport A=\"b \\\n c\" d'e'\nB = c\\\n d \n;\nC='\n'";
    let manager = "[Manager]\nDefaultEnvironment=\"PATH=/bin\" LANG=C\n";
    for (at, drop_in) in drop_ins.iter().enumerate() {
        let parts = [
            format!("u{UNIT}"),
            format!("u{drop_in}"),
            format!("e{environment}"),
            format!("m{manager}"),
        ];
        corpus.parts("units", &at.to_string(), &parts);
    }
    corpus.parts("units", "", &drop_ins.map(|text| format!("u{text}")));
}

/// The smallest program that contains its version: one segment, the information at its beginning.
fn elf(wide: bool) -> Vec<u8> {
    let head: u64 = if wide { 64 + 56 } else { 52 + 32 };
    let mut data = b"\xff Go buildinf:\x08\x02".to_vec();
    data.resize(32, 0);
    let go = "go1.24.6 X:boringcrypto";
    let line =
        "build\t-ldflags=\"-X github.com/k3s-io/k3s/pkg/version.Version=v1.34.1+rke2r1 -w\"\n";
    let modules = format!("{}path\tx\n{line}{}", "<".repeat(16), ">".repeat(16));
    for text in [go, &modules] {
        let length = text.len();
        let low = u8::try_from(length % 128).unwrap_or_default();
        match u8::try_from(length / 128).unwrap_or_default() {
            0 => data.push(low),
            high => data.extend([low | 0x80, high]),
        }
        data.extend(text.bytes());
    }
    let address: u64 = 0x40_0000;
    let size = u64::try_from(data.len()).unwrap_or_default();
    let mut file = b"\x7fELF".to_vec();
    file.extend([if wide { 2 } else { 1 }, 1, 1]);
    file.resize(16, 0);
    let word = |file: &mut Vec<u8>, number: u64| {
        let bytes = number.to_le_bytes();
        file.extend(if wide { &bytes[..] } else { &bytes[..4] });
    };
    file.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    word(&mut file, 0);
    word(&mut file, if wide { 64 } else { 52 });
    word(&mut file, 0);
    let (own, entry) = if wide { (64, 56) } else { (52, 32) };
    file.extend([0, 0, 0, 0, own, 0, entry, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    file.extend([1, 0, 0, 0]);
    if wide {
        file.extend([6, 0, 0, 0]);
    }
    for number in [head, address, address, size, size] {
        word(&mut file, number);
    }
    if wide {
        word(&mut file, 4096);
    } else {
        file.extend([6, 0, 0, 0, 0, 16, 0, 0]);
    }
    file.extend(data);
    file
}

fn small(corpus: &mut Corpus) {
    for line in [
        "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet preflight_rke2=report panic=10",
        "sysctl.kernel.panic=10 sysctl/vm/panic_on_oom=0 \"sysctl.vm.overcommit_memory=1\" oops=panic -- x",
        "v1.34.1+rke2r1",
        "rke2 version v1.34.1+rke2r1 (abcdef)\ngo version go1.24.6 X:boringcrypto\n",
        "v1.31.2-rc3+rke2r1-0123456789ab",
    ] {
        corpus.add("cmdline", line.as_bytes());
    }
    for text in [
        "[gate]\nmode = \"report\"\nblock-on = [\"start\", \"next-boot\", \"control\"]\n",
        "[gate]\non-error = \"block\"\nskip = [\"sysctl.kernel.panic\"]\n\u{1e}[gate]\nmode = 'enforce'\n",
        "gate = { mode = \"enforce\", skip = [] }\n\u{1e}# nothing\n\u{1e}[gate]\nmod = 1\n",
    ] {
        corpus.add("settings_toml", text.as_bytes());
    }
    for parts in [
        "k# nothing\u{1e}kprotectKernelDefaults: false\n\u{1e}cfailCgroupV1: null\n",
        "KprotectKernelDefaults: true\u{1e}Kkind: [x]\nfailCgroupV1: yes\n\u{1e}k!absent",
        "m- protect-kernel-defaults=false\n- fail-cgroupv1+=1\n- --x\n- -y=\n\u{1e}c!denied\u{1e}Ubroken",
    ] {
        corpus.add("kubelet_conf", format!("a\u{1e}{parts}").as_bytes());
        corpus.add("kubelet_conf", format!("0\u{1e}{parts}").as_bytes());
    }
    for wide in [false, true] {
        corpus.add("elf", &elf(wide));
    }
}

/// The recorded cases of Kubernetes' components, each for the oldest and the newest minor.
fn kubernetes(corpus: &mut Corpus) {
    let words = |case: &Value| -> Vec<String> {
        let words = case["args"].as_array().into_iter().flatten();
        words.map(|word| text(word).to_owned()).collect()
    };
    let arguments = |case: &Value| -> Vec<String> {
        words(case).iter().map(|word| format!("a{word}")).collect()
    };
    for head in ["1", ">"] {
        for case in cases("kubernetes/kubelet-arguments") {
            corpus.parts(
                "kubernetes_command_line",
                &format!("{head}0"),
                &words(&case),
            );
            corpus.parts("kubernetes_kubelet", head, &arguments(&case));
        }
        for case in cases("kubernetes/component-arguments") {
            corpus.parts(
                "kubernetes_command_line",
                &format!("{head}1"),
                &words(&case),
            );
        }
        for case in cases("kubernetes/kubelet-files") {
            let mut parts = Vec::new();
            for (path, content) in entries(&case["files"]) {
                let content = text(content);
                corpus.parts("kubernetes_file", head, &[content.to_owned()]);
                let letter = if path.ends_with(".yaml") { 'c' } else { 'd' };
                parts.push(format!("{letter}{content}"));
            }
            parts.extend(arguments(&case));
            corpus.parts("kubernetes_kubelet", head, &parts);
        }
        let runtime = &cases("kubernetes/kubelet-runtime");
        for case in runtime {
            let lines = text(&case["lines"]);
            let mut parts = vec![format!(
                "capiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n{lines}\n"
            )];
            parts.extend(arguments(case));
            corpus.parts("kubernetes_kubelet", head, &parts);
        }
    }
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases/kubernetes/logs");
    for log in fs::read_dir(logs).expect("the recorded logs") {
        let content = fs::read(log.expect("a recorded log").path()).expect("a recorded log");
        corpus.add("kubernetes_log", &content);
    }
}

/// Nodes as RKE2 leaves them, in a few words, for each benchmark.
fn audits(corpus: &mut Corpus) {
    let parts: Vec<String> = [
        "a--anonymous-auth=false",
        "a--enable-admission-plugins=NodeRestriction,EventRateLimit",
        "a--authorization-mode=Node,RBAC",
        "a--feature-gates=RotateKubeletServerCertificate=false",
        "a--tls-cipher-suites=TLS_AES_128_GCM_SHA256",
        "a--request-timeout=300s",
        "m--bind-address=127.0.0.1",
        "m--profiling",
        "eaudit-log-maxage=30",
        "eenable-admission-plugins+=AlwaysPullImages",
        "k--config-dir",
        "k/d/agent/etc/kubelet.conf.d",
        "k--read-only-port=0",
        "fauthentication:\n  anonymous:\n    enabled: false\nauthorization: {mode: Webhook}\n",
        "gfeatureGates: {RotateKubeletServerCertificate: true}\nauthentication: null\ntlsCipherSuites: [x]\n",
        "cclient-transport-security:\n  cert-file: /d/server/tls/etcd/server-client.crt\n  client-cert-auth: true\n",
        "ospec: {securityContext: {runAsUser: 1, runAsGroup: 1}}\n",
        "n{\"resources\":[{\"resources\":[\"secrets\"],\"providers\":[{\"aescbc\":{}}]}]}",
        "prules:\n- level: None\n",
        "qplugins:\n- name: PodSecurity\n  configuration:\n    defaults: {enforce: restricted}\n    exemptions: {namespaces: [kube-system, x]}\n",
        "sx",
        "sxy",
        "!too many",
    ]
    .map(str::to_owned)
    .to_vec();
    for (role, benchmark) in (0..18_u8).map(|at| (at % 2, at / 2)) {
        let head = String::from_utf8(vec![b'0' + role, benchmark + 63]).unwrap_or_default();
        corpus.parts("audit", &head, &parts);
        for part in &parts {
            corpus.parts("audit", &head, std::slice::from_ref(part));
        }
    }
}

/// Nodes with what keeps RKE2 from running, and with what advice is about. Each is one input for each target that knows
/// its files.
fn nodes(corpus: &mut Corpus) {
    let tables = [
        ("node_network", super::targets::node::NETWORK),
        ("node_state", super::targets::node::STATE),
        ("node_advice", super::targets::node::ADVICE),
    ];
    for (at, case) in cases("host").iter().enumerate() {
        let head = format!("{}0", char::from(b'A' + (at % 26) as u8));
        for (target, files) in tables {
            let of_target = |(path, content): (&String, &Value)| {
                let (letter, _) = files.iter().find(|(_, known)| path[1..] == **known)?;
                Some(format!("{}{}", char::from(*letter), text(content)))
            };
            let mut parts: Vec<String> = entries(&case["files"]).filter_map(of_target).collect();
            if let Some(config) = case["files"]["/etc/rancher/rke2/config.yaml"].as_str() {
                parts.push(format!("C{config}"));
            }
            corpus.parts(target, &head, &parts);
        }
    }
    let certificates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases/certificates");
    for name in ["2021.pem", "2020-2090.pem", "2090-2099.pem"] {
        let pem = fs::read_to_string(certificates.join(name)).expect("a certificate");
        corpus.parts(
            "node_state",
            "A0",
            &[format!("s{pem}"), format!("p{pem}{pem}")],
        );
    }
    let encoded = fs::read_to_string(certificates.join("2021.pem.base64")).expect("a certificate");
    let dynamic = format!("d{{\"data\":{{\"tls.crt\":\"{}\"}}}}", encoded.trim());
    corpus.parts("node_state", "50", &[dynamic]);
    for parts in [
        &[
            "rmirrors:\n  docker.io: {endpoint: [https://a]}\nconfigs:\n  a: {auth: {username: u, password: PASSWORD}, tls: {insecure_skip_verify: yes}}\n",
        ][..],
        &["rmirrors: [x]\n", "wPASSWORD,server\nPASSWORD\n"],
        &[
            "c{\"policyName\":\"none\",\"defaultCpuSet\":\"0-3\",\"checksum\":1}",
            "m",
            "k\0\0",
            "a{\"data\":",
            "Ckubelet-arg: [cpu-manager-policy=static]\n",
        ],
        &[
            "eapiVersion: v1\nmetadata: {annotations: {etcd.k3s.io/initial: '{x'}}\n",
            "lx",
            "b/bootstrap/0123456789ab",
        ],
        &[
            "xSELINUX=enforcing\nSELINUXTYPE=targeted\n",
            "Cselinux: true\n",
            "o#subsys_name\thierarchy\nmemory\t0\t1\t0\n",
            "ucpu io pids\n",
        ],
    ] {
        corpus.parts(
            "node_state",
            "A0",
            &parts
                .iter()
                .map(|&part| part.to_owned())
                .collect::<Vec<_>>(),
        );
    }
    let advice = [
        "n[main]\nplugins=ifcfg-rh,keyfile\n[keyfile]\nunmanaged-devices=interface-name:cali*;interface-name:flannel*\n",
        "N[device-cni]\nmatch-device=interface-name:cni0\nmanaged=0\n",
        "fDefaultZone=trusted\nFirewallBackend=nftables\n",
        "z<zone target=\"ACCEPT\"><source address=\"10.42.0.0/16\"/></zone>",
        "uENABLED=yes\n",
        "ttable inet filter { chain input { type filter hook input priority 0; policy drop; } }\n",
        "binstall br_netfilter /bin/true\nblacklist overlay\nalias a b\noptions x y=z \\\n more\n",
        "dkernel/fs/overlayfs/overlay.ko.xz:\nkernel/net/bridge/br_netfilter.ko: kernel/net/bridge/bridge.ko\n",
        "ikernel/net/netfilter/nf_conntrack.ko\n",
        "lbr_netfilter 32768 0 - Live 0x0\n",
        "ynodev\tsysfs\n\text4\nnodev\toverlay\n",
        "k6.1.0\n",
        "oID=rhel\nVERSION_ID=\"10.0\"\nID_LIKE=\"fedora\"\n",
        "h127.0.0.1 localhost # x\n::1 a\n",
        "rnameserver 127.0.0.53\nsearch a\noptions edns0\n",
        "ppermissive = 0\n",
        "Pallow perm=any all : dir=/var/lib/rancher/\n",
        "c{\"cniVersion\":\"1.0.0\"}",
        "eHTTPS_PROXY=http://u:PASSWORD@proxy:3128\nNO_PROXY=127.0.0.0/8,.svc\n",
    ]
    .map(str::to_owned);
    corpus.parts("node_advice", "A0", &advice);
    for part in &advice {
        corpus.parts("node_advice", ">1", std::slice::from_ref(part));
    }
}

/// Writes them, one directory a target below `directory`.
pub(crate) fn write(directory: PathBuf) {
    let mut corpus = Corpus {
        directory,
        written: BTreeMap::new(),
    };
    let configs = cases("config");
    for (at, case) in configs.iter().enumerate() {
        // Versions, roles and the secret's ways in turn.
        let role = if case["role"] == "agent" { '1' } else { '0' };
        let head = format!("{}{role}{}0", char::from(b'A' + (at % 26) as u8), at % 6);
        corpus.parts("config", &head, &config(case));
    }
    let trees = cases("sysctl");
    for case in &trees {
        corpus.parts("sysctl_d", "~", &sysctl(case));
    }
    for case in cases("accounts") {
        for table in ["passwd", "group"] {
            if let Some(content) = case[table].as_str() {
                corpus.add("accounts", format!("@{content}").as_bytes());
            }
        }
    }
    for (at, case) in cases("gate").iter().enumerate() {
        let mut parts = vec![format!("mprofile: {}\n", text(&case["profile"]))];
        for (letter, table) in [('p', "passwd"), ('g', "group")] {
            let content = case[table].as_str().unwrap_or("!absent");
            parts.push(format!("{letter}{content}"));
        }
        for (_, content) in entries(&case["sysctl"]) {
            parts.push(format!("l{}", content.as_str().unwrap_or("!absent")));
        }
        parts.extend(trees.get(at).map(sysctl).unwrap_or_default());
        parts.extend(configs.get(at).map(config).unwrap_or_default());
        let role = if case["role"] == "agent" { '1' } else { '0' };
        let head = format!(
            "{}{role}{}{}",
            char::from(b'A' + (at % 26) as u8),
            at % 6,
            at % 3
        );
        corpus.parts("whole", &head, &parts);
    }
    units(&mut corpus);
    audits(&mut corpus);
    kubernetes(&mut corpus);
    small(&mut corpus);
    nodes(&mut corpus);
    for (target, count) in &corpus.written {
        println!("{target}: {count} inputs");
    }
}
