//! The log of a component that has exited: the line that gives its reason, and whether a later line shows that
//! it runs again.
//!
//! Formats: klog's text and JSON (Kubernetes 1.24 to 1.37), what Go itself and the flag parsers print, etcd's
//! JSON, and each of them in the lines of a container runtime.

mod klog;
#[cfg(test)]
mod tests;
mod time;

use std::borrow::Cow;

use serde::Deserialize;

use klog::{ErrorValue, Severity};
pub use time::LogTime;

/// Characters that are kept of a reason.
const LONGEST: usize = 4096;

/// Messages of errors after which a component exits. The error beside it is the reason.
///
/// Kubernetes 1.24 to 1.37: `component-base/cli/run.go`; the kubelet's `pkg/kubelet/kubelet.go`
/// (`initializeModules`, `initializeRuntimeDependentModules`), `pkg/kubelet/server/server.go`,
/// `pkg/kubelet/certificate/transport.go`, `cmd/kubelet/app/server.go`; `controllermanager.go` and `server.go`
/// of controller managers and scheduler.
const EXITS: [&str; 18] = [
    COMMAND_FAILED,
    "Failed to start cAdvisor",
    "Kubelet failed to get node info",
    "Failed to start ContainerManager",
    "Failed to initialize internal modules",
    "Failed to create a new kubelet configuration",
    "Failed to initialize logging",
    "Failed to listen and serve",
    "Failed to serve",
    "Failed to create listener for podResources endpoint",
    "No valid client certificate is found and the server is responsive, exiting.",
    "The currently active client certificate has expired and the server is responsive, exiting.",
    "Unable to initialize command options",
    "Error creating lock",
    "leaderelection lost",
    "Leaderelection lost",
    "leaderelection lost/stopped",
    "migration leaderelection lost/stopped",
];
/// The message that only wraps an error.
const COMMAND_FAILED: &str = "command failed";
/// etcd's message before it exits on its flags or its configuration file, a warning.
const ETCD_FLAGS: [&str; 2] = ["failed to verify flags", "error verifying flags"];

/// Messages of a component that has started. `Starting Kubelet Plugin Manager` comes after the last start step
/// that ends the kubelet.
const RUNNING: [&str; 4] = [
    "Starting Kubelet Plugin Manager",
    "Serving securely",
    "ready to serve client requests",
    "serving client traffic",
];

/// What precedes the reason in a line without time, of a flag parser or of Go.
const PLAIN: [(&str, &str); 5] = [
    // component-base/cli/run.go, cobra.
    ("Error: ", ""),
    // Go's runtime.
    ("panic: ", "panic: "),
    ("fatal error: ", "fatal error: "),
    // Go's flag package, which etcd uses.
    (
        "flag provided but not defined: ",
        "flag provided but not defined: ",
    ),
    ("invalid value ", "invalid value "),
];

/// The line with which a component has exited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitLine {
    /// The reason, in the component's words, in one line. Not made printable.
    pub reason: String,
    /// When it was written. Of a line without a time, that of the next line that has one; `None` where no such
    /// line follows.
    pub time: Option<LogTime>,
}

/// What the end of a log shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogEnd {
    /// The last line with which the component has exited.
    pub exit: Option<ExitLine>,
    /// The time of the last line that has one.
    pub last: Option<LogTime>,
    /// Whether a line after the exit shows that the component has started.
    pub is_running: bool,
}

impl LogEnd {
    /// When the component exited, in microseconds since 1970. `written` is when the log was last written.
    pub fn exited_at(&self, written: u64) -> Option<u64> {
        let exit = self.exit.as_ref()?;
        Some(match (exit.time, self.last) {
            (Some(time), Some(last)) => time.resolve(last, written),
            _ => written,
        })
    }
}

/// Reads a log as a component writes it, or the end of one from the beginning of a line.
pub fn read(content: &[u8]) -> LogEnd {
    let mut reader = Reader::default();
    for line in String::from_utf8_lossy(content).lines() {
        reader.push(line, None);
    }
    reader.finish()
}

/// Reads the log of a container: each line has time, stream and `F` or, where it continues in the next, `P`
/// before it (`k8s.io/cri-client/pkg/logs`).
pub fn read_container(content: &[u8]) -> LogEnd {
    let mut reader = Reader::default();
    let mut partial = String::new();
    for line in String::from_utf8_lossy(content).lines() {
        let mut parts = line.splitn(4, ' ');
        let (Some(time), Some(_stream), Some(tag)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let Some(time) = time::rfc3339(time) else {
            continue;
        };
        let text = parts.next().unwrap_or_default();
        if tag.starts_with('P') {
            partial.push_str(text);
        } else if partial.is_empty() {
            reader.push(text, Some(time));
        } else {
            partial.push_str(text);
            reader.push(&partial, Some(time));
            partial.clear();
        }
    }
    reader.finish()
}

/// What is read, line by line.
#[derive(Default)]
struct Reader {
    end: LogEnd,
    /// The reason continues in indented lines: those so far.
    open: Option<String>,
}

impl Reader {
    /// Reads one line. `time` is when the container runtime received it.
    fn push(&mut self, text: &str, time: Option<LogTime>) {
        if let Some(lines) = &mut self.open {
            if let Some(more) = text.strip_prefix('\t') {
                append(lines, more);
                return;
            }
            self.close();
        }
        let entry = entry(text);
        if let Some(time) = time.or(entry.time) {
            self.end.last = Some(time);
            if let Some(exit) = &mut self.end.exit {
                exit.time.get_or_insert(time);
            }
        }
        match entry.event {
            Event::Exit(reason) => self.exit(&reason, time.or(entry.time)),
            Event::ExitWithLines(message) => {
                self.exit(&message, time.or(entry.time));
                self.open = Some(String::new());
            }
            Event::Runs => self.end.is_running = true,
            Event::None => {}
        }
    }

    fn exit(&mut self, reason: &str, time: Option<LogTime>) {
        self.end.exit = Some(ExitLine {
            reason: reason.chars().take(LONGEST).collect(),
            time,
        });
        self.end.is_running = false;
    }

    /// Ends a reason of several lines.
    fn close(&mut self) {
        if let (Some(lines), Some(exit)) = (self.open.take(), &mut self.end.exit) {
            let reason = joined(&exit.reason, &lines);
            exit.reason = reason.chars().take(LONGEST).collect();
        }
    }

    fn finish(mut self) -> LogEnd {
        self.close();
        self.end
    }
}

/// Appends a line to a text that is shown in one line.
fn append(text: &mut String, line: &str) {
    if text.len() < LONGEST {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line.trim());
    }
}

/// A message and its error. The message that only wraps an error is left out.
fn joined(message: &str, error: &str) -> String {
    match (message, error) {
        (COMMAND_FAILED, error) if !error.is_empty() => error.to_owned(),
        (message, "") => message.to_owned(),
        (message, error) => format!("{message}: {error}"),
    }
}

/// What a line shows.
enum Event {
    /// The component exits for this reason.
    Exit(String),
    /// The same, with a message whose error is in the lines that follow.
    ExitWithLines(String),
    /// The component has started.
    Runs,
    None,
}

struct Entry {
    time: Option<LogTime>,
    event: Event,
}

fn entry(text: &str) -> Entry {
    if let Some(line) = klog::line(text) {
        return Entry {
            time: Some(line.time),
            event: of_klog(&line),
        };
    }
    if text.starts_with('{') {
        return of_json(text);
    }
    let plain = PLAIN.iter().find_map(|(prefix, shown)| {
        let reason = text.strip_prefix(prefix)?;
        Some(format!("{shown}{}", without_marks(reason)))
    });
    Entry {
        time: None,
        event: plain.map_or(Event::None, Event::Exit),
    }
}

/// The value of a panic, without what Go's runtime adds.
fn without_marks(reason: &str) -> &str {
    let reason = reason.trim_end();
    let end = reason.find(" [recovered");
    end.and_then(|end| reason.get(..end)).unwrap_or(reason)
}

fn of_klog(line: &klog::KlogLine<'_>) -> Event {
    let is_fatal = line.severity == Severity::Fatal;
    if line.severity == Severity::Other {
        let is_start = RUNNING
            .iter()
            .any(|message| starts_with(line.text, message));
        return if is_start { Event::Runs } else { Event::None };
    }
    let is_exit = |message: &str| is_fatal || EXITS.contains(&message);
    match klog::message(line.text) {
        Some((message, error)) if is_exit(&message) => match error {
            ErrorValue::Text(error) => Event::Exit(joined(&message, &error)),
            ErrorValue::Lines => Event::ExitWithLines(message),
            ErrorValue::None => Event::Exit(message),
        },
        None if is_fatal => Event::Exit(line.text.to_owned()),
        _ => Event::None,
    }
}

/// Whether a line of klog has this message, quoted or at the beginning of plain text.
fn starts_with(text: &str, message: &str) -> bool {
    text.strip_prefix('"').unwrap_or(text).starts_with(message)
}

/// A line in JSON: of klog, with `ts` in milliseconds since 1970, or of etcd, with a level.
#[derive(Deserialize)]
struct JsonLine<'a> {
    #[serde(borrow, default)]
    level: Cow<'a, str>,
    #[serde(borrow)]
    ts: Timestamp<'a>,
    #[serde(borrow, default)]
    msg: Cow<'a, str>,
    #[serde(borrow, default)]
    err: Cow<'a, str>,
    #[serde(borrow, default)]
    error: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Timestamp<'a> {
    Milliseconds(f64),
    Text(#[serde(borrow)] Cow<'a, str>),
}

fn of_json(text: &str) -> Entry {
    let Ok(line) = serde_json::from_str::<JsonLine<'_>>(text) else {
        return Entry {
            time: None,
            event: Event::None,
        };
    };
    let time = match &line.ts {
        Timestamp::Milliseconds(ms) => microseconds(*ms).map(LogTime::Utc),
        Timestamp::Text(text) => time::rfc3339(text),
    };
    let message = line.msg.as_ref();
    let is_exit = matches!(line.level.as_ref(), "fatal" | "panic")
        || EXITS.contains(&message)
        || ETCD_FLAGS.contains(&message);
    let error = if line.err.is_empty() {
        line.error.as_ref()
    } else {
        line.err.as_ref()
    };
    let event = if is_exit {
        let mut one_line = String::new();
        error.lines().for_each(|line| append(&mut one_line, line));
        Event::Exit(joined(message, &one_line))
    } else if RUNNING.iter().any(|start| message.starts_with(start)) {
        Event::Runs
    } else {
        Event::None
    };
    Entry { time, event }
}

/// Milliseconds since 1970 as microseconds; `None` if it is no such number.
fn microseconds(milliseconds: f64) -> Option<u64> {
    let duration = std::time::Duration::try_from_secs_f64(milliseconds / 1000.0).ok()?;
    u64::try_from(duration.as_micros()).ok()
}
