//! The signals that systemd sends the monitor.
//!
//! Waited for by a thread rather than by tokio's `signal`: that would give each runtime a pair of
//! sockets, the gate's too, and panic where they cannot be had.

use std::io;
use std::thread;

use nix::sys::signal::{SigSet, Signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// `SIGHUP`, `SIGTERM` and `SIGINT`, which no longer come in any other way.
pub(super) struct Signals(UnboundedReceiver<Signal>);

impl Signals {
    /// To be called while the process has one thread: later ones inherit what is blocked.
    pub(super) fn new() -> io::Result<Self> {
        let set: SigSet = [Signal::SIGHUP, Signal::SIGTERM, Signal::SIGINT]
            .into_iter()
            .collect();
        set.thread_block()?;
        let (to, from) = unbounded_channel();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || while set.wait().is_ok_and(|signal| to.send(signal).is_ok()) {})?;
        Ok(Self(from))
    }

    /// The next one; none is lost when this is dropped before it is done.
    pub(super) async fn next(&mut self) -> Signal {
        match self.0.recv().await {
            Some(signal) => signal,
            // The thread ends with the process only.
            None => std::future::pending().await,
        }
    }
}
