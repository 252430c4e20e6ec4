//! The API server of a cluster.

mod connect;
mod error;
mod list;
mod review;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use preflight_rke2::shared::{Day, Version, base64, validities};

pub(crate) use error::ClientError;
pub(crate) use list::facts;
pub(crate) use review::{Right, User};

use crate::objects::ServerVersion;

/// What a user says of the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// `--kubeconfig`.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// `--context`.
    pub(crate) context: Option<String>,
    /// How long one answer may take.
    pub(crate) timeout: Duration,
}

/// The kubeconfig that RKE2 writes on a server.
const ON_A_SERVER: &str = "/etc/rancher/rke2/rke2.yaml";

/// How the API server takes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patch {
    /// Server-side apply: the fields belong to the field manager afterwards, and a field that another manager has set
    /// otherwise is a conflict (409).
    Apply,
    /// A JSON merge patch, in which `null` removes a field.
    Merge,
}

/// How often a request is repeated that the server had no time for.
const REPEATS: u32 = 5;

/// A cluster, not asked yet.
pub(crate) struct Cluster {
    client: Client,
    timeout: Duration,
    /// Where the API server is.
    pub(crate) url: String,
    /// The last second of the client certificate, since 1970; `None` without one.
    pub(crate) certificate_ends: Option<u64>,
}

impl Cluster {
    /// Reads the kubeconfig, and the client certificate that it names: an expired one is an error before anything is
    /// asked. Needs a tokio runtime.
    pub(crate) async fn open(options: &Options) -> Result<Self, ClientError> {
        let found = kubeconfig(options)?;
        let path = match &found {
            Found::File(path, _) => path.clone(),
            Found::Account => ACCOUNT.to_owned(),
        };
        let broken =
            |error: &dyn std::fmt::Display| ClientError::Kubeconfig(format!("{path}: {error}"));
        let config = match found {
            Found::File(_, kubeconfig) => {
                let chosen = KubeConfigOptions {
                    context: options.context.clone(),
                    ..KubeConfigOptions::default()
                };
                Config::from_custom_kubeconfig(*kubeconfig, &chosen)
                    .await
                    .map_err(|error| broken(&error))?
            }
            Found::Account => Config::incluster_env().map_err(|error| broken(&error))?,
        };
        let certificate_ends = certificate_ends(&config.auth_info);
        if let Some(end) = certificate_ends
            && end < now()
        {
            return Err(ClientError::Expired {
                path,
                day: Day::of_epoch(end),
            });
        }
        let url = config.cluster_url.to_string();
        let client = connect::client(&config).map_err(|error| broken(&error::shown(&error)))?;
        Ok(Self {
            client,
            timeout: options.timeout,
            url: url.trim_end_matches('/').to_owned(),
            certificate_ends,
        })
    }

    /// The release of the API server.
    pub(crate) async fn version(&self) -> Result<Version, ClientError> {
        let body = self.get("/version").await?;
        let version: Option<ServerVersion> = serde_json::from_slice(&body).ok();
        let text = version.and_then(|version| version.git_version);
        let text = text.ok_or_else(|| ClientError::NotKubernetes(self.url.clone()))?;
        text.parse()
            .map_err(|_| ClientError::NotAVersion(text.escape_debug().to_string()))
    }

    /// Asks for a path.
    async fn get(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        self.ask(|| Request::get(path).body(Body::empty())).await
    }

    /// Sends an object, which the server answers with one.
    async fn post(&self, path: &str, object: &serde_json::Value) -> Result<Vec<u8>, ClientError> {
        let body = serde_json::to_vec(object).unwrap_or_default();
        self.ask(|| {
            Request::post(path)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.clone()))
        })
        .await
    }

    /// Changes the object at `path`, which includes the query. `change` is of the type `kind`.
    pub(crate) async fn patch(
        &self,
        path: &str,
        kind: Patch,
        change: &serde_json::Value,
    ) -> Result<(), ClientError> {
        let body = serde_json::to_vec(change).unwrap_or_default();
        let kind = match kind {
            // The type's name is of YAML, which JSON is part of.
            Patch::Apply => "application/apply-patch+yaml",
            Patch::Merge => "application/merge-patch+json",
        };
        self.ask(|| {
            Request::patch(path)
                .header(header::CONTENT_TYPE, kind)
                .body(Body::from(body.clone()))
        })
        .await
        .map(drop)
    }

    /// One answer, repeated as long as the server says that it has no time, as often as it says how long to wait.
    async fn ask(
        &self,
        request: impl Fn() -> Result<Request<Body>, http::Error>,
    ) -> Result<Vec<u8>, ClientError> {
        let mut repeats = 0;
        loop {
            let request = request().map_err(|error| ClientError::Kubeconfig(error.to_string()))?;
            let asked = tokio::time::timeout(self.timeout, self.once(request)).await;
            let (status, wait, body) = asked.map_err(|_| self.no_answer())??;
            match status {
                StatusCode::TOO_MANY_REQUESTS if repeats < REPEATS => {
                    repeats = repeats.saturating_add(1);
                    tokio::time::sleep(wait.min(self.timeout)).await;
                }
                status if status.is_success() => return Ok(body),
                status => return Err(ClientError::refused(status, &body)),
            }
        }
    }

    async fn once(
        &self,
        request: Request<Body>,
    ) -> Result<(StatusCode, Duration, Vec<u8>), ClientError> {
        let failed = |error: &(dyn std::error::Error + 'static)| {
            ClientError::failed(&self.url, self.timeout, error)
        };
        let response = self
            .client
            .send(request)
            .await
            .map_err(|error| failed(&error))?;
        let (status, wait) = (response.status(), retry_after(&response));
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| failed(&error))?;
        Ok((status, wait, body.to_bytes().into()))
    }

    fn no_answer(&self) -> ClientError {
        ClientError::NoAnswer {
            url: self.url.clone(),
            seconds: self.timeout.as_secs(),
        }
    }
}

/// How long to wait, as the server says; a second where it does not.
fn retry_after(response: &Response<Body>) -> Duration {
    let header = response.headers().get(header::RETRY_AFTER);
    let seconds = header.and_then(|text| text.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1))
}

/// What leads to a cluster.
enum Found {
    /// A kubeconfig, and the name of its file.
    File(String, Box<Kubeconfig>),
    /// The service account of the pod that this runs in.
    Account,
}

/// Where the kubelet mounts the token of a pod's account, the authority of the API server and the namespace.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The kubeconfig: as given, as `KUBECONFIG` says, of the home directory; in a pod its account; or RKE2's own on a server.
#[expect(
    clippy::disallowed_methods,
    reason = "kubectl takes these from the environment"
)]
fn kubeconfig(options: &Options) -> Result<Found, ClientError> {
    let read = |path: &Path| {
        let shown = path.display().to_string();
        match Kubeconfig::read_from(path) {
            Ok(kubeconfig) => Ok(Found::File(shown, Box::new(kubeconfig))),
            Err(error) => Err(ClientError::Kubeconfig(format!("{shown}: {error}"))),
        }
    };
    if let Some(path) = &options.kubeconfig {
        return read(path);
    }
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("KUBECONFIG") {
        let found = Kubeconfig::from_env()
            .map_err(|error| ClientError::Kubeconfig(format!("KUBECONFIG: {error}")))?;
        if let Some(kubeconfig) = found {
            return Ok(Found::File("KUBECONFIG".to_owned(), Box::new(kubeconfig)));
        }
    }
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".kube/config"));
    if let Some(path) = home.filter(|path| path.exists()) {
        return read(&path);
    }
    // A context is one of a kubeconfig.
    let is_in_pod = is_set("KUBERNETES_SERVICE_HOST") && Path::new(ACCOUNT).join("token").exists();
    if is_in_pod && options.context.is_none() {
        return Ok(Found::Account);
    }
    let own = Path::new(ON_A_SERVER);
    if own.exists() {
        return read(own);
    }
    Err(ClientError::Kubeconfig(format!(
        "no kubeconfig: neither --kubeconfig nor KUBECONFIG names one, neither ~/.kube/config nor {ON_A_SERVER} exists, and \
         this is no pod with a service account"
    )))
}

/// The end of the client certificate: of the data, or of the file, as kubectl prefers them.
#[expect(clippy::disallowed_methods, reason = "the kubeconfig names the file")]
fn certificate_ends(user: &AuthInfo) -> Option<u64> {
    let pem = match (&user.client_certificate_data, &user.client_certificate) {
        (Some(data), _) => base64(data)?,
        (None, Some(path)) => std::fs::read(path).ok()?,
        (None, None) => return None,
    };
    // The first is the client's own; those behind signed it.
    let first = validities(&pem)?.into_iter().next()?;
    Some(first.not_after)
}

/// Seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "certificates end at a point in time"
)]
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}
