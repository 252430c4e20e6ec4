//! Asking a cluster: one thread, and what it has read so far on a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use super::arguments::Common;
use crate::client::{self, ClientError, Cluster, Options};
use crate::facts::Facts;

/// The facts of the cluster, and its address.
pub(super) fn facts(common: &Common) -> Result<(Facts, String), String> {
    with(common, async |cluster| {
        let is_shown = std::io::stderr().is_terminal();
        let read = client::facts(&cluster, |kind, read| {
            if is_shown {
                clear_with(&format!("reading {}: {read}", kind.plural()));
            }
        })
        .await;
        if is_shown {
            clear_with("");
        }
        Ok((read?, cluster.url))
    })
}

/// Replaces the last line of the terminal.
fn clear_with(text: &str) {
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
