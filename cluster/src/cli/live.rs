//! Asking a cluster: one thread, and what it has read so far on a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use preflight_rke2::shared::Version;

use super::arguments::Common;
use crate::client::{self, ClientError, Cluster, Options};
use crate::facts::Facts;
use crate::kind::Kind;

/// The facts of the cluster, and its address.
pub(super) fn facts(
    common: &Common,
    kinds: fn(&Version) -> Vec<Kind>,
) -> Result<(Facts, String), String> {
    with(common, async |cluster| {
        let read = read(&cluster, kinds).await?;
        Ok((read, cluster.url))
    })
}

/// Reads lists, and says how far on a terminal.
pub(super) async fn read(
    cluster: &Cluster,
    kinds: fn(&Version) -> Vec<Kind>,
) -> Result<Facts, ClientError> {
    let read = client::facts(cluster, kinds, |kind, read| {
        progress(&format!("reading {}: {read}", kind.plural()));
    })
    .await;
    progress("");
    read
}

/// Replaces the last line of standard error, where that is a terminal.
pub(super) fn progress(text: &str) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "\r\x1b[K{text}");
    let _ = err.flush();
}

/// Opens the cluster, and does `work` with it.
pub(super) fn with<T>(
    common: &Common,
    work: impl AsyncFnOnce(Cluster) -> Result<T, ClientError>,
) -> Result<T, String> {
    let options = Options {
        kubeconfig: common.kubeconfig.clone(),
        context: common.context.clone(),
        timeout: Duration::from_secs(common.timeout),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime
        .block_on(async { work(Cluster::open(&options).await?).await })
        .map_err(|error| error.to_string())
}
