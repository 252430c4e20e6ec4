//! Telling: the journal, without ever waiting for it, and systemd.

use std::collections::BTreeMap;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::host::journal;
use crate::journal::{Priority, Record};
use crate::report::monitor::own;

/// Batches of records that may wait for a journal that is stalled.
const WAITING: usize = 256;
/// How long the end waits for the journal.
const LAST: Duration = Duration::from_secs(1);
/// How long it is waited for before what was told is remembered as told.
const FIRST: Duration = Duration::from_millis(100);

/// Tells the journal and systemd.
pub(super) struct Teller {
    queue: mpsc::Sender<Vec<Record>>,
    writer: JoinHandle<()>,
    /// Batches handed over, and how many of them the journal has been sent.
    handed: usize,
    sent: watch::Receiver<usize>,
    lost: usize,
    /// What is not as it should be with ourselves, by kind.
    troubles: BTreeMap<&'static str, String>,
    status: String,
}

impl Teller {
    /// To be made within a runtime.
    pub(super) fn new() -> Self {
        let (queue, mut records) = mpsc::channel::<Vec<Record>>(WAITING);
        // A journal that is stalled stalls whoever sends: not the one that has to look and to act.
        let (count, sent) = watch::channel(0_usize);
        let writer = tokio::spawn(async move {
            while let Some(batch) = records.recv().await {
                let _ = spawn_blocking(move || journal::post(&batch)).await;
                count.send_modify(|n| *n = n.saturating_add(1));
            }
        });
        Self {
            queue,
            writer,
            handed: 0,
            sent,
            lost: 0,
            troubles: BTreeMap::new(),
            status: String::new(),
        }
    }

    /// Hands records over; where too many wait already, they are lost, and counted.
    pub(super) fn say(&mut self, mut records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        if self.lost > 0 {
            let lost = crate::text::count(self.lost, "entry");
            let text = format!("the journal was stalled: {lost} lost");
            records.insert(0, own(Priority::Warning, &text));
        }
        match self.queue.try_send(records) {
            Ok(()) => {
                self.lost = 0;
                self.handed = self.handed.saturating_add(1);
            }
            Err(
                mpsc::error::TrySendError::Full(batch) | mpsc::error::TrySendError::Closed(batch),
            ) => {
                let first_is_ours = usize::from(self.lost > 0);
                let added = batch.len().saturating_sub(first_is_ours);
                self.lost = self.lost.saturating_add(added);
            }
        }
    }

    /// Waits, not for long, until all that was said is told: what is then remembered as told is not lost
    /// with this process. Whoever is killed before that tells it twice.
    pub(super) async fn told(&mut self) {
        let handed = self.handed;
        let _ = tokio::time::timeout(FIRST, self.sent.wait_for(|n| *n >= handed)).await;
    }

    /// Something of ourselves does not work, or does again (`None`): told when that changes.
    pub(super) fn trouble(&mut self, kind: &'static str, what: Option<String>) {
        if self.troubles.get(kind) == what.as_ref() {
            return;
        }
        if let Some(what) = what {
            self.say(vec![own(Priority::Warning, &format!("{kind}: {what}"))]);
            self.troubles.insert(kind, what);
        } else {
            self.troubles.remove(kind);
            let text = format!("{kind}: works again");
            self.say(vec![own(Priority::Notice, &text)]);
        }
    }

    /// All troubles there are, a sentence each.
    pub(super) fn troubles(&self) -> Vec<String> {
        let all = self.troubles.iter();
        all.map(|(kind, what)| format!("{kind}: {what}")).collect()
    }

    /// Tells systemd that we are ready, with what `systemctl status` is to show.
    pub(super) fn status(&mut self, status: String) {
        if self.status != status {
            // Outside of systemd there is nobody to tell.
            let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
            self.status = status;
        }
    }

    /// Tells systemd something.
    pub(super) fn notify(states: &[NotifyState<'_>]) {
        let _ = sd_notify::notify(states);
    }

    /// Waits, not for long, until all is told.
    pub(super) async fn end(self) {
        drop(self.queue);
        let _ = tokio::time::timeout(LAST, self.writer).await;
    }
}
