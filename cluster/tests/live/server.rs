//! etcd, the API server and the controller manager on loopback, and a user of theirs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use http::{Request, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use crate::measured::measured;

/// Longer than a start takes on a machine that is busy with other work.
const PATIENCE: Duration = Duration::from_mins(10);

const CERTIFICATES: &str = "
for name in ca other; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=$name -keyout $name.key -out $name.crt
done
sign() { # NAME SUBJECT AUTHORITY DAYS [EXTENSION]
    openssl req -newkey rsa:2048 -nodes -subj \"$2\" -keyout $1.key -out $1.csr
    openssl x509 -req -in $1.csr -CA $3.crt -CAkey $3.key -CAcreateserial -days $4 -out $1.crt -extfile <(echo \"${5:-extendedKeyUsage=clientAuth}\")
}
sign server /CN=server ca 3650 subjectAltName=IP:127.0.0.1
sign admin /O=system:masters/CN=admin ca 3650
sign reader /CN=reader ca 3650
sign stranger /CN=stranger other 3650
sign expired /CN=expired ca -1
openssl genrsa -out sa.key 2048
openssl rsa -in sa.key -pubout -out sa.pub
";

/// A child that does not outlive its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A cluster without nodes, below a directory that is removed at the end.
pub(crate) struct Server {
    directory: tempfile::TempDir,
    // The servers before their etcd.
    running: Vec<Running>,
    port: u16,
    minor: u32,
    runtime: tokio::runtime::Runtime,
    client: Option<kube::Client>,
}

/// The ports of servers that listen where they are told: free ones now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn programs() -> PathBuf {
    std::env::var_os("PREFLIGHT_LAB")
        .map_or_else(|| PathBuf::from("/var/cache/preflight-lab"), PathBuf::from)
        .join("kubernetes")
}

/// The newest minor of `tests/kubernetes/versions`.
fn newest() -> String {
    let versions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/kubernetes/versions");
    let text = std::fs::read_to_string(versions).unwrap();
    let mut minors = text.lines().filter_map(|line| line.split(' ').next());
    minors
        .rfind(|word| word.starts_with("1."))
        .unwrap()
        .to_owned()
}

impl Server {
    /// Of the newest minor.
    pub(crate) fn start() -> Self {
        Self::start_of(&newest())
    }

    /// Of a minor that `tests/kubernetes/build` built.
    pub(crate) fn start_of(minor: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = Command::new("bash")
            .args(["-ec", CERTIFICATES])
            .current_dir(directory.path())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "openssl");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut server = Self {
            directory,
            running: Vec::new(),
            port: free_port(),
            minor: minor.strip_prefix("1.").unwrap().parse().unwrap(),
            runtime,
            client: None,
        };
        let (client, peer) = (
            format!("http://127.0.0.1:{}", free_port()),
            format!("http://127.0.0.1:{}", free_port()),
        );
        server.spawn(
            &programs().join("etcd/bin/etcd"),
            &[
                "--unsafe-no-fsync".to_owned(),
                "--data-dir=etcd".to_owned(),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster=default={peer}"),
            ],
        );
        let bin = programs().join(minor).join("bin");
        server.spawn(
            &bin.join("kube-apiserver"),
            &[
                format!("--etcd-servers={client}"),
                "--bind-address=127.0.0.1".to_owned(),
                "--advertise-address=192.0.2.10".to_owned(),
                "--endpoint-reconciler-type=none".to_owned(),
                format!("--secure-port={}", server.port),
                "--tls-cert-file=server.crt".to_owned(),
                "--tls-private-key-file=server.key".to_owned(),
                "--client-ca-file=ca.crt".to_owned(),
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local".to_owned(),
                "--service-account-key-file=sa.pub".to_owned(),
                "--service-account-signing-key-file=sa.key".to_owned(),
                "--authorization-mode=Node,RBAC".to_owned(),
                "--allow-privileged=true".to_owned(),
                "--service-cluster-ip-range=10.43.0.0/16".to_owned(),
            ],
        );
        let admin = server.kubeconfig("admin");
        server.client = Some(server.runtime.block_on(async {
            let kubeconfig = Kubeconfig::read_from(&admin).unwrap();
            let config =
                kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                    .await
                    .unwrap();
            kube::Client::try_from(config).unwrap()
        }));
        server.until("the API server serves", || server.get("/readyz").is_some());
        server.spawn(
            &bin.join("kube-controller-manager"),
            &[
                format!("--kubeconfig={}", admin.display()),
                "--controllers=serviceaccount,namespace,clusterrole-aggregation".to_owned(),
                "--service-account-private-key-file=sa.key".to_owned(),
                "--root-ca-file=ca.crt".to_owned(),
                "--leader-elect=false".to_owned(),
                "--kube-api-qps=1000".to_owned(),
                "--kube-api-burst=2000".to_owned(),
                "--concurrent-serviceaccount-token-syncs=5".to_owned(),
                "--secure-port=0".to_owned(),
            ],
        );
        for namespace in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            server.until_account(namespace);
        }
        server
    }

    /// The minor of Kubernetes that serves: 37.
    pub(crate) fn minor(&self) -> u32 {
        self.minor
    }

    fn spawn(&mut self, program: &Path, arguments: &[String]) {
        let name = program.file_name().unwrap().to_str().unwrap();
        let log = File::create(self.directory.path().join(format!("{name}.log"))).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("tests/kubernetes/build {name}: {error}"));
        self.running.insert(0, Running(child));
    }

    /// Waits for a state of the servers.
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed() > PATIENCE {
                for name in ["kube-apiserver", "kube-controller-manager"] {
                    let log = self.directory.path().join(format!("{name}.log"));
                    let text = std::fs::read_to_string(log).unwrap_or_default();
                    let lines: Vec<&str> = text.lines().rev().take(20).collect();
                    eprintln!("{name}:\n{}", lines.join("\n"));
                }
                panic!("not so: {what}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for the account that the controller manager gives a namespace.
    pub(crate) fn until_account(&self, namespace: &str) {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
        self.until(&path, || self.get(&path).is_some());
    }

    fn send(&self, request: Request<Body>) -> Option<Result<Value, String>> {
        let client = self.client.as_ref().unwrap();
        self.runtime.block_on(async {
            let response = client.send(request).await.ok()?;
            let status = response.status();
            let body = response.into_body().collect().await.ok()?.to_bytes();
            let text = String::from_utf8_lossy(&body);
            Some(if status.is_success() {
                Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
            } else {
                Err(format!("{status}: {text}"))
            })
        })
    }

    fn must(&self, request: Request<Body>) -> Value {
        let what = format!("{} {}", request.method(), request.uri());
        match self.send(request) {
            Some(Ok(value)) => value,
            other => panic!("{what}: {other:?}"),
        }
    }

    /// An object or list, if it is there.
    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.send(Request::get(path).body(Body::empty()).unwrap())?
            .ok()
    }

    pub(crate) fn create(&self, path: &str, object: &Value) -> Value {
        self.write("POST", path, "application/json", object.to_string())
    }

    pub(crate) fn create_yaml(&self, path: &str, object: &str) -> Value {
        self.write("POST", path, "application/yaml", object.to_owned())
    }

    pub(crate) fn patch(&self, path: &str, patch: &Value) -> Value {
        self.write(
            "PATCH",
            path,
            "application/merge-patch+json",
            patch.to_string(),
        )
    }

    /// Server-side apply by another field manager; nothing is stored where `is_trial`.
    pub(crate) fn apply(&self, path: &str, manager: &str, object: &str, is_trial: bool) -> Value {
        let trial = if is_trial { "&dryRun=All" } else { "" };
        self.write(
            "PATCH",
            &format!("{path}?fieldManager={manager}{trial}"),
            "application/apply-patch+yaml",
            object.to_owned(),
        )
    }

    fn write(&self, method: &str, path: &str, kind: &str, body: String) -> Value {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::CONTENT_TYPE, kind);
        self.must(request.body(Body::from(body.into_bytes())).unwrap())
    }

    /// Creates many objects, a few at a time.
    pub(crate) fn create_all(&self, objects: Vec<(String, Value)>) {
        let client = self.client.as_ref().unwrap();
        let left = std::sync::Arc::new(std::sync::Mutex::new(objects));
        self.runtime.block_on(async {
            let mut workers = tokio::task::JoinSet::new();
            for _ in 0..16 {
                let (client, left) = (client.clone(), std::sync::Arc::clone(&left));
                workers.spawn(async move {
                    loop {
                        let Some((path, object)) = left.lock().unwrap().pop() else {
                            break;
                        };
                        let request = Request::post(&path)
                            .header(header::CONTENT_TYPE, "application/json")
                            .body(Body::from(object.to_string().into_bytes()))
                            .unwrap();
                        let response = client.send(request).await.unwrap();
                        let status = response.status();
                        let body = response.into_body().collect().await.unwrap().to_bytes();
                        assert!(
                            status.is_success(),
                            "{path}: {}",
                            String::from_utf8_lossy(&body)
                        );
                    }
                });
            }
            while let Some(done) = workers.join_next().await {
                done.unwrap();
            }
        });
    }

    /// Deletes an object at once.
    pub(crate) fn delete(&self, path: &str) {
        let path = format!("{path}?gracePeriodSeconds=0");
        self.must(Request::delete(path).body(Body::empty()).unwrap());
    }

    /// A kubeconfig of a user by the name of the certificate.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.write_kubeconfig(user, "ca", &format!("https://127.0.0.1:{}", self.port))
    }

    pub(crate) fn kubeconfig_with_authority(&self, user: &str, authority: &str) -> PathBuf {
        self.write_kubeconfig(user, authority, &format!("https://127.0.0.1:{}", self.port))
    }

    pub(crate) fn kubeconfig_at(&self, user: &str, server: &str) -> PathBuf {
        self.write_kubeconfig(user, "ca", server)
    }

    fn write_kubeconfig(&self, user: &str, authority: &str, server: &str) -> PathBuf {
        let path = self
            .directory
            .path()
            .join(format!("{user}-{authority}.yaml"));
        let text = format!(
            "apiVersion: v1\nkind: Config\n\
             clusters: [{{name: a, cluster: {{server: '{server}', certificate-authority: {authority}.crt}}}}]\n\
             users: [{{name: a, user: {{client-certificate: {user}.crt, client-key: {user}.key}}}}]\n\
             contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\ncurrent-context: a\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs the program as the administrator.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_as(&self.kubeconfig("admin"), arguments)
    }

    /// How many lists were asked for by the program, as the API server counts them.
    pub(crate) fn requests(&self) -> u64 {
        self.counted(&["verb=\"LIST\""])
    }

    /// How many requests with these labels the API server has counted.
    pub(crate) fn counted(&self, labels: &[&str]) -> u64 {
        let path = "/metrics";
        let client = self.client.as_ref().unwrap();
        let text = self.runtime.block_on(async {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = client.send(request).await.unwrap();
            let body = response.into_body().collect().await.unwrap();
            String::from_utf8_lossy(&body.to_bytes()).into_owned()
        });
        text.lines()
            .filter(|line| {
                line.starts_with("apiserver_request_total{")
                    && labels.iter().all(|label| line.contains(label))
            })
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }

    /// Runs a shell script of kubectl commands as the administrator; `None` where there is no kubectl.
    pub(crate) fn script(&self, text: &str) -> Option<Output> {
        Command::new("kubectl").arg("options").output().ok()?;
        let path = self.directory.path().join("script");
        std::fs::write(&path, text).unwrap();
        let output = Command::new("sh")
            .arg(&path)
            .env("KUBECONFIG", self.kubeconfig("admin"))
            .output()
            .unwrap();
        Some(output)
    }

    /// kubectl with these arguments, its output thrown away; `false` where there is none.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> bool {
        let status = Command::new("kubectl")
            .args(arguments)
            .arg("--kubeconfig")
            .arg(self.kubeconfig("admin"))
            .stdout(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }

    /// What the program prints, and the most memory that it had, in kB.
    pub(crate) fn measured(&self, arguments: &[&str]) -> (Vec<u8>, u64) {
        measured(
            Command::new(env!("CARGO_BIN_EXE_preflight-rke2-cluster"))
                .args(arguments)
                .arg("--kubeconfig")
                .arg(self.kubeconfig("admin"))
                .env_clear(),
            &self.directory.path().join("measured"),
        )
    }

    pub(crate) fn run_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_preflight-rke2-cluster"))
            .args(arguments)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .current_dir(self.directory.path())
            .env_clear()
            .output()
            .unwrap()
    }

    /// Runs the program as in a pod whose account has this token: with what the kubelet mounts and sets there. The mount
    /// is in a name space of the program's own.
    pub(crate) fn run_in_pod(&self, token: &str, arguments: &[&str]) -> Output {
        let directory = self.directory.path();
        std::fs::write(directory.join("token"), token).unwrap();
        let mount = "
            account=/run/secrets/kubernetes.io/serviceaccount
            mount -t tmpfs none /run
            mkdir -p $account
            cp token $account/token
            cp ca.crt $account/ca.crt
            printf web >$account/namespace
            exec \"$@\"
        ";
        Command::new("unshare")
            .args(["--mount", "sh", "-ec", mount, "sh"])
            .arg(env!("CARGO_BIN_EXE_preflight-rke2-cluster"))
            .args(arguments)
            .current_dir(directory)
            .env_remove("KUBECONFIG")
            .env("HOME", directory)
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", self.port.to_string())
            .output()
            .unwrap()
    }
}
