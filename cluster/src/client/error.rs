//! Why a cluster could not be asked: one line each.

use std::error::Error as StdError;
use std::time::Duration;

use http::StatusCode;
use kube::client::AuthError;
use preflight_rke2::shared::Day;
use rustls::{AlertDescription, CertificateError};
use serde::Deserialize;

/// Why a cluster could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The kubeconfig does not lead to a cluster.
    #[error("{0}")]
    Kubeconfig(String),
    /// The client certificate is over.
    #[error(
        "the client certificate of {path} ended on {day}: get a new kubeconfig; on a server, restarting rke2-server renews it"
    )]
    Expired { path: String, day: Day },
    /// Nothing listens there, or the way is blocked.
    #[error("cannot reach {url}: {why}")]
    Unreachable { url: String, why: String },
    /// The server's certificate is not to be trusted.
    #[error("{url} cannot be trusted: {why}")]
    Untrusted { url: String, why: String },
    /// The server does not take the client's certificate.
    #[error("{url} refuses the client certificate: {why}")]
    RefusedCertificate { url: String, why: String },
    /// It took too long.
    #[error("{url} did not answer within {seconds} s")]
    NoAnswer { url: String, seconds: u64 },
    /// 401.
    #[error(
        "the API server does not know this user (401): the token or certificate of the kubeconfig is not valid there"
    )]
    Unauthorized,
    /// 403.
    #[error("this user may not (403): {0}")]
    Forbidden(String),
    /// 404.
    #[error("the API server does not have it (404)")]
    NotFound,
    /// 410.
    #[error("the list expired before its end was read (410): run it again")]
    Gone,
    /// 429, again and again.
    #[error("the API server has no time for this user (429), also after {0} repeats")]
    Busy(u32),
    /// Another status.
    #[error("the API server answered with {status}: {message}")]
    Status { status: u16, message: String },
    /// An answer that is not one of Kubernetes.
    #[error("the answer of {0} is not one of Kubernetes")]
    NotKubernetes(String),
    /// A release that is not understood.
    #[error("the API server says that it is \"{0}\", which is no release of Kubernetes or RKE2")]
    NotAVersion(String),
}

/// The part of `meta/v1 Status` that is shown.
#[derive(Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    message: String,
}

impl ClientError {
    /// Of a status other than success.
    pub(super) fn refused(status: StatusCode, body: &[u8]) -> Self {
        let said: Status = serde_json::from_slice(body).unwrap_or_default();
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::Forbidden(said.message),
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::GONE => Self::Gone,
            StatusCode::TOO_MANY_REQUESTS => Self::Busy(super::REPEATS),
            status => Self::Status {
                status: status.as_u16(),
                message: said.message,
            },
        }
    }

    /// Of a request that had no answer.
    pub(super) fn failed(url: &str, timeout: Duration, error: &(dyn StdError + 'static)) -> Self {
        let url = url.to_owned();
        let mut last = String::new();
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(tls) = tls(error) {
                return of_tls(url, tls);
            }
            if let Some(io) = error.downcast_ref::<std::io::Error>()
                && io.kind() == std::io::ErrorKind::TimedOut
            {
                return Self::NoAnswer {
                    url,
                    seconds: timeout.as_secs(),
                };
            }
            last = match error.downcast_ref::<kube::Error>() {
                Some(error) => shown(error),
                None => error.to_string(),
            };
            next = error.source();
        }
        Self::Unreachable { url, why: last }
    }

    /// Whether all other requests would fail as well.
    pub(crate) const fn ends_all(&self) -> bool {
        !matches!(
            self,
            Self::Forbidden(_) | Self::NotFound | Self::Gone | Self::Status { .. }
        )
    }
}

/// An error of `kube` without an exec plugin's arguments and standard output, which may hold secrets.
pub(super) fn shown(error: &kube::Error) -> String {
    let kube::Error::Auth(AuthError::AuthExecRun { out, .. }) = error else {
        return error.to_string();
    };
    let said = String::from_utf8_lossy(&out.stderr);
    let first = said.lines().next().unwrap_or_default();
    format!("the exec plugin ended with {}: {first}", out.status)
}

/// rustls' error, which I/O errors carry inside.
fn tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    let inner = error.downcast_ref::<std::io::Error>()?.get_ref()?;
    match inner.downcast_ref::<rustls::Error>() {
        Some(tls) => Some(tls),
        None => inner
            .downcast_ref::<std::io::Error>()?
            .get_ref()?
            .downcast_ref(),
    }
}

fn of_tls(url: String, error: &rustls::Error) -> ClientError {
    match error {
        rustls::Error::InvalidCertificate(why) => {
            let why = match why {
                CertificateError::UnknownIssuer => {
                    "its certificate is not signed by the authority of the kubeconfig".to_owned()
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "its certificate is over".to_owned()
                }
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => {
                    "its certificate is for another name: add this one to tls-san".to_owned()
                }
                other => other.to_string(),
            };
            ClientError::Untrusted { url, why }
        }
        rustls::Error::AlertReceived(alert) => {
            let why = match alert {
                AlertDescription::CertificateExpired => "it is over".to_owned(),
                AlertDescription::UnknownCA => {
                    "it is not signed by an authority of that cluster".to_owned()
                }
                AlertDescription::CertificateRequired => "there is none".to_owned(),
                other => format!("{other:?}"),
            };
            ClientError::RefusedCertificate { url, why }
        }
        other => ClientError::Unreachable {
            url,
            why: other.to_string(),
        },
    }
}
