//! The Unix signals that systemd sends to the monitor.
//!
//! A thread waits for them rather than tokio's `signal`, which would give each runtime a pair of sockets,
//! the gate's too, and panic where there are none.

use std::io;
use std::thread;

use nix::sys::signal::{SigSet, Signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Receives `SIGHUP`, `SIGTERM` and `SIGINT`, which are blocked for every thread.
pub(super) struct Signals(UnboundedReceiver<Signal>);

impl Signals {
    /// To be called while the process has one thread: later threads inherit the blocked signals.
    #[expect(
        clippy::disallowed_methods,
        reason = "waiting for a signal blocks the thread"
    )]
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

    /// The next signal. Cancel safe.
    pub(super) async fn next(&mut self) -> Signal {
        match self.0.recv().await {
            Some(signal) => signal,
            // The thread ends only with the process.
            None => std::future::pending().await,
        }
    }
}
