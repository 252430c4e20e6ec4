//! The latency of etcd's disk, below a report.

use serde::Serialize;

use super::text::{DIM, GREEN, RED, Style, YELLOW, paint};
use crate::facts::disk::{DiskLatency, Latency};
use crate::text::printable;

/// The field `disk` of a report for programs.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Document<'a> {
    Known {
        directory: &'a str,
        source: &'static str,
        samples: u64,
        p50_us: Option<u64>,
        p99_us: Option<u64>,
        max_us: Option<u64>,
        fast_enough: Option<bool>,
    },
    Refused {
        refused: &'a str,
    },
}

impl<'a> From<&'a DiskLatency> for Document<'a> {
    fn from(disk: &'a DiskLatency) -> Self {
        match disk {
            DiskLatency::Known(latency) => Self::Known {
                directory: &latency.directory,
                source: if latency.is_etcds { "etcd" } else { "measured" },
                samples: latency.samples,
                p50_us: latency.p50,
                p99_us: latency.p99,
                max_us: latency.max,
                fast_enough: latency.is_fast(),
            },
            DiskLatency::Refused(refused) => Self::Refused { refused },
        }
    }
}

/// A paragraph for a terminal.
pub(crate) fn in_words(disk: &DiskLatency, style: Style) -> String {
    let latency = match disk {
        DiskLatency::Known(latency) => latency,
        DiskLatency::Refused(why) => {
            let label = paint(style, YELLOW, "not measured");
            return format!("\netcd's disk: {label}: {}\n", printable(why));
        }
    };
    let bound = Latency::BOUND / 1000;
    let verdict = match latency.is_fast() {
        Some(true) => paint(style, GREEN, "fast enough for etcd"),
        Some(false) => paint(style, RED, "too slow for etcd"),
        None => paint(style, YELLOW, "too few writes for a verdict"),
    };
    let by = if latency.is_etcds {
        "by etcd since it started; each is an upper bound".to_owned()
    } else {
        format!("in {}", printable(&latency.directory))
    };
    let numbers = [
        ("p50", latency.p50),
        ("p99", latency.p99),
        ("max", latency.max),
    ];
    let numbers: Vec<String> = numbers
        .iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", milliseconds((*value)?))))
        .collect();
    let detail = format!(
        "  fdatasync {}, of {} writes {by}; 99 of 100 should take less than {bound} ms",
        numbers.join(", "),
        latency.samples
    );
    format!("\netcd's disk: {verdict}\n{}\n", paint(style, DIM, &detail))
}

fn milliseconds(microseconds: u64) -> String {
    format!("{}.{:02} ms", microseconds / 1000, microseconds % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style {
        color: false,
        width: 80,
        verbose: false,
    };

    fn latency(samples: u64, p99: u64) -> DiskLatency {
        DiskLatency::Known(Latency {
            directory: "/d".to_owned(),
            is_etcds: false,
            samples,
            p50: Some(850),
            p99: Some(p99),
            max: Some(12_345),
        })
    }

    #[test]
    fn the_verdict_comes_first() {
        assert_eq!(
            in_words(&latency(10_000, 9999), PLAIN),
            "\netcd's disk: fast enough for etcd\n  fdatasync p50 0.85 ms, p99 9.99 ms, max 12.34 ms, of 10000 writes \
             in /d; 99 of 100 should take less than 10 ms\n"
        );
        assert!(in_words(&latency(10_000, 10_000), PLAIN).contains("too slow"));
        assert!(in_words(&latency(999, 1), PLAIN).contains("too few writes"));
        let refused = DiskLatency::Refused("x\u{1b}".to_owned());
        assert_eq!(
            in_words(&refused, PLAIN),
            "\netcd's disk: not measured: x\\u{1b}\n"
        );
    }

    #[test]
    fn programs_get_numbers() {
        let json = |disk: &DiskLatency| serde_json::to_value(Document::from(disk)).unwrap();
        let known = json(&latency(10_000, 9999));
        assert_eq!(known["p99_us"], 9999);
        assert_eq!(known["fast_enough"], true);
        assert_eq!(json(&latency(1, 1))["fast_enough"], serde_json::Value::Null);
        let refused = DiskLatency::Refused("x".to_owned());
        assert_eq!(json(&refused), serde_json::json!({"refused": "x"}));
    }
}
