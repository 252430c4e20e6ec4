//! Lists, page by page: each object is reduced to facts before the next page is asked for, so that no list is ever held.

use std::fmt::Write as _;

use preflight_rke2::shared::Version;
use serde_json::value::RawValue;

use super::{ClientError, Cluster};
use crate::facts::{Facts, Reading};
use crate::kind::{Kind, Scope};
use crate::objects::Page;

/// How many objects a page has. Pods are the largest: 200 of them take about 2 MB.
const PAGE: usize = 200;

/// Reads the kinds that `kinds` names for the cluster's release. `progress` is told the kind and how many objects of it
/// were read.
///
/// A list that this user may not read is noted as missing; what ends the connection ends the reading.
pub(crate) async fn facts(
    cluster: &Cluster,
    kinds: fn(&Version) -> Vec<Kind>,
    progress: impl Fn(Kind, usize),
) -> Result<Facts, ClientError> {
    let version = cluster.version().await?;
    let mut facts = Facts::new(version.clone());
    for kind in kinds(&version) {
        let reading = match list(cluster, kind, &mut facts, &progress).await {
            Ok(reading) => reading,
            Err(ClientError::Forbidden(_)) => Reading::Missing(format!("{} (403)", right(kind))),
            Err(error) if error.ends_all() => return Err(error),
            Err(error) => Reading::Missing(error.to_string()),
        };
        facts.note(kind, reading);
    }
    facts.settle();
    Ok(facts)
}

/// The right that a list needs, in words.
fn right(kind: Kind) -> String {
    let namespaces = match kind.scope() {
        Scope::Cluster => "",
        Scope::Namespaces => " in all namespaces",
        Scope::Default => " in the namespace default",
    };
    format!(
        "this user needs the right to list {}{namespaces}",
        kind.resource()
    )
}

async fn list(
    cluster: &Cluster,
    kind: Kind,
    facts: &mut Facts,
    progress: &impl Fn(Kind, usize),
) -> Result<Reading, ClientError> {
    let mut next: Option<String> = None;
    let mut read = 0_usize;
    loop {
        let path = path(kind, &facts.version, next.as_deref());
        let body = cluster.get(&path).await?;
        let page: Page<'_> = match serde_json::from_slice(&body) {
            Ok(page) => page,
            Err(error) => {
                return Ok(Reading::Missing(format!(
                    "the answer is not understood: {error}"
                )));
            }
        };
        let items: Vec<&RawValue> = page.items.unwrap_or_default();
        read = read.saturating_add(items.len());
        for item in items {
            if let Err(error) = facts.add(kind, item) {
                return Ok(Reading::Missing(error.to_string()));
            }
        }
        progress(kind, read);
        match page.metadata.next.filter(|token| !token.is_empty()) {
            Some(token) => next = Some(token),
            None => return Ok(Reading::Whole),
        }
    }
}

/// The path of a page, with the token of the server for where it begins.
fn path(kind: Kind, release: &Version, next: Option<&str>) -> String {
    let mut path = format!("{}?limit={PAGE}", kind.path(release));
    if let Some(token) = next {
        path.push_str("&continue=");
        for byte in token.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                path.push(char::from(byte));
            } else {
                let _ = write!(path, "%{byte:02X}");
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_escaped() {
        let release = Version::new(37, 1, 1);
        assert_eq!(path(Kind::Pod, &release, None), "/api/v1/pods?limit=200");
        assert_eq!(
            path(Kind::Service, &release, Some("a-_.b=/+&")),
            "/api/v1/namespaces/default/services?limit=200&continue=a-_.b%3D%2F%2B%26"
        );
    }
}
