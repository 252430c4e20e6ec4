//! Who the user is, and what the user may do, as the API server sees it.

use serde::Deserialize;
use serde_json::json;

use super::{ClientError, Cluster};
use crate::kind::{Kind, Scope};

/// Who the API server takes the user for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct User {
    /// `system:admin`.
    #[serde(default)]
    pub(crate) username: String,
    /// `system:masters`.
    #[serde(default)]
    pub(crate) groups: Vec<String>,
}

/// The right to list a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Right {
    pub(crate) kind: Kind,
    /// Whether the user has it.
    pub(crate) is_given: bool,
}

#[derive(Debug, Deserialize)]
struct Review<T> {
    status: T,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SelfReview {
    user_info: User,
}

#[derive(Debug, Deserialize)]
struct AccessReview {
    allowed: bool,
}

impl Cluster {
    /// The user; `None` where the API server has no such question, before Kubernetes 1.28.
    pub(crate) async fn user(&self) -> Result<Option<User>, ClientError> {
        let object = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "SelfSubjectReview",
        });
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        match self.post(path, &object).await {
            Ok(body) => {
                let review: Review<SelfReview> = self.parsed(&body)?;
                Ok(Some(review.status.user_info))
            }
            Err(ClientError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the user may list a kind.
    pub(crate) async fn right(&self, kind: Kind) -> Result<Right, ClientError> {
        let namespace = match kind.scope() {
            Scope::Default => "default",
            Scope::Cluster | Scope::Namespaces => "",
        };
        let object = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "verb": "list",
                "group": kind.group(),
                "resource": kind.plural(),
                "namespace": namespace,
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let body = self.post(path, &object).await?;
        let review: Review<AccessReview> = self.parsed(&body)?;
        Ok(Right {
            kind,
            is_given: review.status.allowed,
        })
    }

    fn parsed<T: for<'de> Deserialize<'de>>(&self, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body).map_err(|_| ClientError::NotKubernetes(self.url.clone()))
    }
}
