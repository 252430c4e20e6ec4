//! Output of the monitor: the journal, without ever waiting for it, and systemd's notifications.

use std::collections::BTreeMap;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::host::journal;
use crate::journal::{Priority, Record};
use crate::report::monitor::about_monitor;

/// Batches of records that may wait for a stalled journal.
const MAX_WAITING: usize = 256;
/// How long the end of the process waits for the journal.
const LAST_FLUSH: Duration = Duration::from_secs(1);
/// How long a flush waits before state is persisted that says that a record was logged.
const FLUSH: Duration = Duration::from_millis(100);

/// Sends records to the journal and notifications to systemd.
pub(super) struct Notifier {
    queue: mpsc::Sender<Vec<Record>>,
    writer: JoinHandle<()>,
    /// Batches handed to the writer.
    queued: usize,
    /// How many of them the writer has sent to the journal.
    sent: watch::Receiver<usize>,
    /// Records dropped since the queue was last found full.
    lost: usize,
    /// What the monitor cannot do, by kind.
    troubles: BTreeMap<&'static str, String>,
    /// The last `STATUS=` sent to systemd.
    status: String,
}

impl Notifier {
    /// To be called within a runtime.
    pub(super) fn new() -> Self {
        let (queue, mut records) = mpsc::channel::<Vec<Record>>(MAX_WAITING);
        // A stalled journal blocks its sender. That must not be the task that evaluates and acts.
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
            queued: 0,
            sent,
            lost: 0,
            troubles: BTreeMap::new(),
            status: String::new(),
        }
    }

    /// Queues records. If too many wait already, these are dropped and counted.
    pub(super) fn log(&mut self, mut records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        if self.lost > 0 {
            let lost = crate::text::count(self.lost, "entry");
            let text = format!("the journal was stalled: {lost} lost");
            records.insert(0, about_monitor(Priority::Warning, &text));
        }
        match self.queue.try_send(records) {
            Ok(()) => {
                self.lost = 0;
                self.queued = self.queued.saturating_add(1);
            }
            Err(
                mpsc::error::TrySendError::Full(batch) | mpsc::error::TrySendError::Closed(batch),
            ) => {
                let inserted = usize::from(self.lost > 0);
                let added = batch.len().saturating_sub(inserted);
                self.lost = self.lost.saturating_add(added);
            }
        }
    }

    /// Waits, for a bounded time, until the journal has all queued records, so that state persisted
    /// afterwards does not claim a record that is lost with this process. A process that is killed before
    /// that logs the record twice.
    pub(super) async fn flush(&mut self) {
        let queued = self.queued;
        let _ = tokio::time::timeout(FLUSH, self.sent.wait_for(|n| *n >= queued)).await;
    }

    /// Sets what does not work, or `None` if it works. A change is logged.
    pub(super) fn set_trouble(&mut self, kind: &'static str, trouble: Option<String>) {
        if self.troubles.get(kind) == trouble.as_ref() {
            return;
        }
        if let Some(trouble) = trouble {
            let text = format!("{kind}: {trouble}");
            self.log(vec![about_monitor(Priority::Warning, &text)]);
            self.troubles.insert(kind, trouble);
        } else {
            self.troubles.remove(kind);
            let text = format!("{kind}: works again");
            self.log(vec![about_monitor(Priority::Notice, &text)]);
        }
    }

    /// What does not work at present, a sentence each.
    pub(super) fn troubles(&self) -> Vec<String> {
        let all = self.troubles.iter();
        all.map(|(kind, trouble)| format!("{kind}: {trouble}"))
            .collect()
    }

    /// Notifies systemd that the monitor is ready, with the text that `systemctl status` shows.
    pub(super) fn set_status(&mut self, status: String) {
        if self.status != status {
            Self::notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
            self.status = status;
        }
    }

    /// Sends a notification to systemd. It fails where systemd did not start this process.
    pub(super) fn notify(states: &[NotifyState<'_>]) {
        let _ = sd_notify::notify(states);
    }

    /// Waits, for a bounded time, until the journal has all queued records.
    pub(super) async fn close(self) {
        drop(self.queue);
        let _ = tokio::time::timeout(LAST_FLUSH, self.writer).await;
    }
}
