//! A node below a temporary directory: files, static pods and processes as RKE2 creates them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::audit::waiver::Waiver;
use preflight_rke2::testing::audit::{Audit, ControlOutcome};
use preflight_rke2::testing::examine::{self, Target};
use preflight_rke2::testing::host::HostRoot;
use preflight_rke2::testing::rke2::changes::between;
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::version::Version;
use tempfile::TempDir;

/// The account etcd.
pub(crate) const ETCD: u32 = 52034;
/// RKE2's default data directory.
pub(crate) const DATA: &str = "/var/lib/rancher/rke2";
/// Cipher suites that k3s gives the API server.
const SUITES: &str = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,\
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";

/// How a node was set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// With profile cis, as RKE2 leaves it then.
    Guide,
    /// The same, with everything else that the benchmark requires done manually.
    Full,
    /// With no profile, and with insecure settings.
    Permissive,
}

/// A component's static pod.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) program: &'static str,
    pub(crate) args: Vec<String>,
    uid: String,
}

/// The description of a node to build.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) role: Role,
    pub(crate) version: Version,
    pub(crate) data: String,
    /// `config.yaml`.
    pub(crate) config: String,
    pub(crate) pods: Vec<Pod>,
    pub(crate) kubelet: Vec<String>,
    /// The kubelet's drop-ins by name, from 1.32 on.
    pub(crate) conf_d: BTreeMap<String, String>,
    /// Other files by path.
    pub(crate) files: BTreeMap<String, String>,
    /// Modes and owners that differ from a root's 0600.
    pub(crate) modes: BTreeMap<String, u32>,
    pub(crate) owners: BTreeMap<String, (u32, u32)>,
    /// Whether RKE2 runs.
    pub(crate) running: bool,
}

/// A release for each benchmark.
pub(crate) fn release(benchmark: Benchmark) -> Version {
    let (minor, patch, revision) = match benchmark {
        Benchmark::V1_6 => (22, 17, 1),
        Benchmark::V1_23 => (23, 17, 1),
        Benchmark::V1_24 => (24, 17, 1),
        Benchmark::V1_7 => (25, 16, 2),
        Benchmark::V1_8 => (26, 15, 1),
        Benchmark::V1_9 => (27, 16, 2),
        Benchmark::V1_10 => (28, 15, 1),
        Benchmark::V1_11 => (31, 14, 2),
        // The first of its minor with which the profile sets all flags.
        Benchmark::V1_12 => (34, 2, 1),
        Benchmark::V2_0 => (36, 3, 1),
    };
    Version::new(minor, patch, revision)
}

/// Whether a release has a change of RKE2.
pub(crate) fn has(version: &Version, change: &str) -> bool {
    let changes = between(&Version::new(0, 0, 0), version);
    changes.iter().any(|(name, _)| *name == change)
}

fn words(texts: &[&str], data: &str) -> Vec<String> {
    texts.iter().map(|text| text.replace("$D", data)).collect()
}

impl Node {
    /// A node of the release that `benchmark` is for.
    pub(crate) fn new(benchmark: Benchmark, role: Role, care: Care) -> Self {
        Self::with_data(benchmark, role, care, DATA)
    }

    /// The same, with its data elsewhere.
    pub(crate) fn with_data(benchmark: Benchmark, role: Role, care: Care, data: &str) -> Self {
        Self::of(&release(benchmark), role, care, data)
    }

    /// A node of that release.
    pub(crate) fn of(version: &Version, role: Role, care: Care, data: &str) -> Self {
        let minor = version.minor;
        let profile = if has(version, "GENERIC_CIS") {
            "cis"
        } else if has(version, "ONLY_CIS_1_23") {
            "cis-1.23"
        } else if has(version, "CIS_1_6") {
            "cis-1.6"
        } else {
            "cis-1.5"
        };
        let mut config = match care {
            Care::Permissive => "write-kubeconfig-mode: \"0644\"\n".to_owned(),
            Care::Guide | Care::Full => format!("profile: {profile}\n"),
        };
        if data != DATA {
            let _ = writeln!(config, "data-dir: {data}");
        }
        let mut node = Self {
            role,
            version: version.clone(),
            data: data.to_owned(),
            config,
            pods: Vec::new(),
            kubelet: Vec::new(),
            conf_d: BTreeMap::new(),
            files: BTreeMap::new(),
            modes: BTreeMap::new(),
            owners: BTreeMap::new(),
            running: true,
        };
        node.worker(minor, care);
        if role == Role::Server {
            node.control_plane(minor, care);
        }
        node
    }

    /// The benchmark for the release.
    pub(crate) fn benchmark(&self) -> Benchmark {
        Benchmark::of(&self.version).benchmark
    }

    /// Puts a file below the data directory.
    fn data_file(&mut self, path: &str, content: &str, mode: u32) {
        let path = format!("{}/{path}", self.data);
        self.files.insert(path.clone(), content.to_owned());
        self.modes.insert(path, mode);
    }

    fn pod(&mut self, program: &'static str, args: &[&str]) {
        self.pods.push(Pod {
            program,
            args: words(args, &self.data),
            uid: format!("{:x}0123456789abcdef0123456789abcde", self.pods.len()),
        });
    }

    fn worker(&mut self, minor: u32, care: Care) {
        let full = care == Care::Full;
        for name in [
            "kubelet.kubeconfig",
            "kubeproxy.kubeconfig",
            "client-ca.crt",
        ] {
            let mode = if care == Care::Permissive {
                0o666
            } else {
                0o600
            };
            self.data_file(&format!("agent/{name}"), "x\n", mode);
        }
        let mut flags = words(
            &[
                "--kubeconfig=$D/agent/kubelet.kubeconfig",
                "--hostname-override=node1",
                "--read-only-port=0",
            ],
            &self.data,
        );
        let standard = words(
            &[
                "--anonymous-auth=false",
                "--authorization-mode=Webhook",
                "--client-ca-file=$D/agent/client-ca.crt",
                "--tls-cert-file=$D/agent/serving-kubelet.crt",
                "--tls-private-key-file=$D/agent/serving-kubelet.key",
            ],
            &self.data,
        );
        let mut conf = format!(
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication:\n  \
             anonymous:\n    enabled: false\n  webhook:\n    enabled: true\n  x509:\n    clientCAFile: {0}/agent/client-ca.crt\n\
             authorization:\n  mode: Webhook\nfailSwapOn: false\nstreamingConnectionIdleTimeout: 4h0m0s\n\
             tlsCertFile: {0}/agent/serving-kubelet.crt\ntlsPrivateKeyFile: {0}/agent/serving-kubelet.key\n",
            self.data
        );
        let by_files = minor >= 32;
        if care != Care::Permissive {
            if by_files {
                conf += "protectKernelDefaults: true\n";
            } else {
                flags.push("--protect-kernel-defaults=true".to_owned());
            }
        }
        if by_files {
            flags.push(format!(
                "--config-dir={}/agent/etc/kubelet.conf.d",
                self.data
            ));
            self.conf_d.insert("00-rke2-defaults.conf".to_owned(), conf);
        } else {
            flags.extend(standard);
        }
        if full {
            let mut own = vec![
                "pod-max-pids=4096".to_owned(),
                format!("tls-cipher-suites={SUITES}"),
            ];
            // Older kubelets take it with a feature gate only.
            if minor >= 25 {
                own.push("seccomp-default=true".to_owned());
            }
            for entry in &own {
                flags.push(format!("--{entry}"));
            }
            let _ = writeln!(self.config, "kubelet-arg:");
            for entry in &own {
                let _ = writeln!(self.config, "  - {entry}");
            }
        }
        if care == Care::Permissive {
            for entry in [
                "anonymous-auth=true",
                "authorization-mode=AlwaysAllow",
                "read-only-port=10255",
            ] {
                flags.retain(|flag| {
                    !flag.starts_with(&format!("--{}=", entry.split('=').next().unwrap()))
                });
                flags.push(format!("--{entry}"));
            }
        }
        self.kubelet = flags;
        self.pod(
            "kube-proxy",
            &[
                "--cluster-cidr=10.42.0.0/16",
                "--healthz-bind-address=127.0.0.1",
            ],
        );
    }

    fn control_plane(&mut self, minor: u32, care: Care) {
        let (full, hardened) = (care == Care::Full, care != Care::Permissive);
        let old_policies = minor <= 24;
        let mut plugins = "--enable-admission-plugins=NodeRestriction".to_owned();
        if old_policies && hardened {
            plugins += ",PodSecurityPolicy";
        }
        if full {
            plugins += ",EventRateLimit,AlwaysPullImages";
            if minor >= 25 {
                plugins += ",DenyServiceExternalIPs";
            }
        }
        let suites = format!("--tls-cipher-suites={SUITES}");
        let mut api = vec![
            "--allow-privileged=true",
            "--anonymous-auth=false",
            "--authorization-mode=Node,RBAC",
            "--client-ca-file=$D/server/tls/client-ca.crt",
            &plugins,
            "--encryption-provider-config=$D/server/cred/encryption-config.json",
            "--etcd-cafile=$D/server/tls/etcd/server-ca.crt",
            "--etcd-certfile=$D/server/tls/etcd/client.crt",
            "--etcd-keyfile=$D/server/tls/etcd/client.key",
            "--kubelet-certificate-authority=$D/server/tls/server-ca.crt",
            "--kubelet-client-certificate=$D/server/tls/client-kube-apiserver.crt",
            "--kubelet-client-key=$D/server/tls/client-kube-apiserver.key",
            "--profiling=false",
            "--secure-port=6443",
            "--service-account-key-file=$D/server/tls/service.key",
            "--tls-cert-file=$D/server/tls/serving-kube-apiserver.crt",
            "--tls-private-key-file=$D/server/tls/serving-kube-apiserver.key",
            &suites,
        ];
        if minor <= 22 {
            api.push("--insecure-port=0");
        }
        if minor >= 25 {
            api.push("--admission-control-config-file=/etc/rancher/rke2/rke2-pss.yaml");
        }
        if hardened {
            api.extend([
                "--audit-log-maxage=30",
                "--audit-log-maxbackup=10",
                "--audit-log-maxsize=100",
                "--audit-log-path=$D/server/logs/audit.log",
                "--audit-policy-file=/etc/rancher/rke2/audit-policy.yaml",
            ]);
            let setting = "service-account-extend-token-expiration=false";
            let by_rke2 = has(&self.version, "TOKENS_NOT_EXTENDED");
            // Benchmarks ask for it from here on.
            if by_rke2 || (full && minor >= 29) {
                api.push("--service-account-extend-token-expiration=false");
            }
            if full && minor >= 29 && !by_rke2 {
                let _ = writeln!(self.config, "kube-apiserver-arg:\n- {setting}");
            }
        } else {
            api.retain(|flag| !flag.starts_with("--anonymous") && !flag.starts_with("--profiling"));
            api.extend(["--anonymous-auth", "--profiling=true"]);
        }
        self.pod("kube-apiserver", &api);
        self.pod(
            "kube-controller-manager",
            &[
                "--bind-address=127.0.0.1",
                "--profiling=false",
                "--root-ca-file=$D/server/tls/server-ca.crt",
                "--service-account-private-key-file=$D/server/tls/service.current.key",
                "--terminated-pod-gc-threshold=1000",
                "--use-service-account-credentials=true",
            ],
        );
        self.pod(
            "kube-scheduler",
            &["--bind-address=127.0.0.1", "--profiling=false"],
        );
        self.server_files(minor, care);
    }

    fn server_files(&mut self, minor: u32, care: Care) {
        let (full, hardened) = (care == Care::Full, care != Care::Permissive);
        for name in ["admin", "scheduler", "controller"] {
            self.data_file(&format!("server/cred/{name}.kubeconfig"), "x\n", 0o600);
        }
        let json = r#"{"kind":"EncryptionConfiguration","apiVersion":"apiserver.config.k8s.io/v1","resources":[{"resources":["secrets"],"providers":[{"aescbc":{"keys":[{"name":"k","secret":"c2VjcmV0"}]}},{"identity":{}}]}]}"#;
        self.data_file("server/cred/encryption-config.json", json, 0o600);
        let certificate = if full { 0o600 } else { 0o644 };
        for name in [
            "client-ca",
            "server-ca",
            "serving-kube-apiserver",
            "client-kube-apiserver",
        ] {
            self.data_file(&format!("server/tls/{name}.crt"), "x\n", certificate);
            self.data_file(&format!("server/tls/{name}.key"), "x\n", 0o600);
        }
        let etcd = if hardened { (ETCD, ETCD) } else { (0, 0) };
        for name in [
            "client",
            "server-client",
            "peer-server-client",
            "peer-ca",
            "server-ca",
        ] {
            for end in ["crt", "key"] {
                let inner = format!("server/tls/etcd/{name}.{end}");
                self.data_file(&inner, "x\n", 0o600);
                self.owners.insert(format!("{}/{inner}", self.data), etcd);
            }
        }
        let config = format!(
            "name: node1\ndata-dir: {0}/server/db/etcd\nclient-transport-security:\n  cert-file: {0}/server/tls/etcd/server-client.crt\n  \
             key-file: {0}/server/tls/etcd/server-client.key\n  client-cert-auth: true\n  trusted-ca-file: {0}/server/tls/etcd/server-ca.crt\n\
             peer-transport-security:\n  cert-file: {0}/server/tls/etcd/peer-server-client.crt\n  key-file: {0}/server/tls/etcd/peer-server-client.key\n  \
             client-cert-auth: true\n  trusted-ca-file: {0}/server/tls/etcd/peer-ca.crt\n",
            self.data
        );
        self.data_file("server/db/etcd/config", &config, 0o600);
        self.owners
            .insert(format!("{}/server/db/etcd", self.data), etcd);
        self.modes
            .insert(format!("{}/server/db/etcd", self.data), 0o700);
        let cni = if full { 0o600 } else { 0o644 };
        for path in [
            "/etc/cni/net.d/10-canal.conflist",
            "/etc/cni/net.d/calico-kubeconfig",
            "/var/lib/cni/networks/x/10.42.0.2",
        ] {
            self.files.insert(path.to_owned(), "{}\n".to_owned());
            self.modes.insert(path.to_owned(), cni);
        }
        if hardened {
            let level = if full { "Metadata" } else { "None" };
            self.files.insert(
                "/etc/rancher/rke2/audit-policy.yaml".to_owned(),
                format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nmetadata:\n  creationTimestamp: null\nrules:\n- level: {level}\n"),
            );
        }
        if minor >= 25 {
            let (level, mut exempt) = if hardened {
                (
                    "restricted",
                    "    exemptions:\n      usernames: []\n      runtimeClasses: []\n      namespaces: [kube-system, tigera-operator]\n".to_owned(),
                )
            } else {
                ("privileged", String::new())
            };
            if !has(&self.version, "TIGERA_EXEMPT") {
                exempt = exempt.replace("tigera-operator", "cis-operator-system");
            }
            self.files.insert(
                "/etc/rancher/rke2/rke2-pss.yaml".to_owned(),
                format!("apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- name: PodSecurity\n  configuration:\n    apiVersion: pod-security.admission.config.k8s.io/v1beta1\n    kind: PodSecurityConfiguration\n    defaults:\n      enforce: \"{level}\"\n      enforce-version: \"latest\"\n{exempt}"),
            );
        }
        let context = if hardened {
            format!("  securityContext:\n    runAsUser: {ETCD}\n    runAsGroup: {ETCD}\n")
        } else {
            String::new()
        };
        let manifest = format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: etcd\nspec:\n{context}  containers:\n  - name: etcd\n    command:\n    - etcd\n    args:\n    - --config-file={}/server/db/etcd/config\n",
            self.data
        );
        let mode = self.manifest_mode(care);
        self.data_file("agent/pod-manifests/etcd.yaml", &manifest, mode);
        for program in [
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
        ] {
            let path = format!("{}/agent/pod-manifests/{program}.yaml", self.data);
            self.modes.insert(path, mode);
        }
    }

    /// RKE2 closes manifests with a profile.
    fn manifest_mode(&self, care: Care) -> u32 {
        match care {
            Care::Full => 0o600,
            Care::Guide if has(&self.version, "MANIFESTS_CLOSED") => 0o600,
            Care::Guide | Care::Permissive => 0o644,
        }
    }

    /// The component's words.
    pub(crate) fn args(&mut self, program: &str) -> &mut Vec<String> {
        let mut pods = self.pods.iter_mut();
        &mut pods.find(|pod| pod.program == program).unwrap().args
    }

    /// Creates the node's files: there are thousands of these, in memory where that can be.
    pub(crate) fn build(&self) -> Built {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        self.build_in(dir.unwrap())
    }

    fn build_in(&self, dir: TempDir) -> Built {
        assert!(
            nix::unistd::geteuid().is_root(),
            "these nodes hold files of several owners: run the tests as root"
        );
        let built = Built(dir);
        built.file(
            "/etc/passwd",
            format!(
                "root:x:0:0:root:/root:/bin/bash\netcd:x:{ETCD}:{ETCD}:etcd user:/:/sbin/nologin\n"
            ),
        );
        built.file("/etc/group", format!("root:x:0:\netcd:x:{ETCD}:\n"));
        built.file("/etc/rancher/rke2/config.yaml", &self.config);
        for (path, content) in &self.files {
            built.file(path, content);
        }
        for (name, content) in &self.conf_d {
            built.file(
                &format!("{}/agent/etc/kubelet.conf.d/{name}", self.data),
                content,
            );
        }
        for pod in &self.pods {
            let path = format!("{}/agent/pod-manifests/{}.yaml", self.data, pod.program);
            built.file(&path, pod.manifest());
        }
        for (path, mode) in &self.modes {
            built.mode(path, *mode);
        }
        for (path, (uid, gid)) in &self.owners {
            chown(built.at(path), Some(*uid), Some(*gid)).unwrap();
        }
        if self.running {
            self.processes(&built);
        }
        built
    }

    pub(crate) fn processes(&self, built: &Built) {
        let bin = format!("{}/data/v1.0.0-rke2r1-0123456789ab/bin", self.data);
        let unit = format!("0::/system.slice/{}\n", self.role.unit());
        built.process(
            1,
            0,
            "/usr/lib/systemd/systemd",
            "0::/init.scope\n",
            &["/sbin/init".to_owned()],
        );
        built.process(
            100,
            1,
            "/usr/local/bin/rke2",
            &unit,
            &[
                "/usr/local/bin/rke2".to_owned(),
                self.role.as_str().to_owned(),
            ],
        );
        let mut kubelet = vec!["kubelet".to_owned()];
        kubelet.extend(self.kubelet.iter().cloned());
        built.process(110, 100, &format!("{bin}/kubelet"), &unit, &kubelet);
        for (number, pod) in (0..).zip(&self.pods) {
            let shim = 200 + 10 * number;
            built.process(
                shim,
                1,
                &format!("{bin}/containerd-shim-runc-v2"),
                &unit,
                &["containerd-shim-runc-v2".to_owned()],
            );
            let mut line = vec![pod.program.to_owned()];
            line.extend(pod.args.iter().cloned());
            built.process(
                shim + 1,
                shim,
                &format!("/usr/local/bin/{}", pod.program),
                &pod.groups(),
                &line,
            );
        }
    }

    /// Builds and audits it.
    pub(crate) fn audit(&self) -> Audit {
        self.build().audit(self, None, &[])
    }

    /// The outcomes of its audit, by key.
    pub(crate) fn outcomes(&self) -> BTreeMap<&'static str, ControlOutcome> {
        outcomes(&self.audit())
    }
}

/// Outcomes by key.
pub(crate) fn outcomes(audit: &Audit) -> BTreeMap<&'static str, ControlOutcome> {
    audit
        .controls
        .iter()
        .map(|audited| (audited.control.key, audited.outcome))
        .collect()
}

impl Pod {
    pub(crate) fn manifest(&self) -> String {
        let args = self.args.iter().fold(String::new(), |mut args, arg| {
            let _ = writeln!(args, "    - {arg}");
            args
        });
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {0}\n  uid: {1}\nspec:\n  containers:\n  - name: {0}\n    command:\n    - {0}\n    args:\n{args}  hostNetwork: true\n",
            self.program, self.uid
        )
    }

    fn groups(&self) -> String {
        format!(
            "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{}.slice/cri-containerd-0.scope\n",
            self.uid
        )
    }
}

/// A node that was built.
#[derive(Debug)]
pub(crate) struct Built(TempDir);

impl Built {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where a path of the node is.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.path().join(path.trim_start_matches('/'))
    }

    /// Puts a file there, root's and closed; directories in between are closed too.
    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let at = self.at(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(&at, content).unwrap();
        self.mode(path, 0o600);
    }

    pub(crate) fn mode(&self, path: &str, mode: u32) {
        std::fs::set_permissions(self.at(path), PermissionsExt::from_mode(mode)).unwrap();
    }

    /// Puts a process there.
    pub(crate) fn process(&self, pid: u32, parent: u32, exe: &str, groups: &str, line: &[String]) {
        let file = |name: &str, content: &str| self.file(&format!("/proc/{pid}/{name}"), content);
        file("cmdline", &(line.join("\0") + "\0"));
        file("cgroup", groups);
        file(
            "stat",
            &format!(
                "{pid} (x) y) S {parent} 1 1 0 -1 4194304 1 0 0 0 2 1 0 0 20 0 9 0 {} 1 2 3\n",
                1000 + pid
            ),
        );
        file("status", "Name:\tx\nUid:\t0\t0\t0\t0\n");
        let point = |name: &str, to: &str| {
            let place = self.at(&format!("/proc/{pid}/{name}"));
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            let _ = std::fs::remove_file(&place);
            symlink(to, place).unwrap();
        };
        point("exe", exe);
        point("ns/mnt", "mnt:[1]");
        if !exe.ends_with(" (deleted)") && !self.at(exe).exists() {
            self.file(exe, "a program");
        }
    }

    /// Audits the built files as that node.
    pub(crate) fn audit(&self, node: &Node, asked: Option<Benchmark>, waivers: &[Waiver]) -> Audit {
        let question = Target {
            version: Some(node.version.clone()),
            ..Target::of(node.role)
        };
        let root = HostRoot::open(self.path()).unwrap();
        examine::audit::node(&root, &question, asked, waivers)
    }
}
