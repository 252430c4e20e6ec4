//! Measures how long `fdatasync(2)` takes in etcd's directory: writes of the size of etcd's log entries, each followed by
//! one, for a bounded time. Only for `check --measure-disk`.
//!
//! The size, the number and the bound are those of the usual recipe for etcd: 22 MiB in writes of 2,300 bytes, p99 below
//! 10 ms. Beside a running member nothing is written: its own histogram answers.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::HostRoot;
use crate::facts::disk::{DiskLatency, Latency};
use crate::text::printable;

/// Bytes of a write.
const WRITE: u64 = 2300;
/// No more writes are made.
const MAX_WRITES: u64 = 10_000;
/// None is begun after this time.
const MAX_TIME: Duration = Duration::from_secs(10);
/// With less space the file is not made.
const MIN_FREE: u64 = 100 << 20;
/// etcd's ports for clients and for metrics.
const CLIENTS: u16 = 2379;
const METRICS: u16 = 2381;
/// etcd is on this host: it answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(2);
/// No more of its metrics is read.
const MAX_METRICS: u64 = 4 << 20;
const HISTOGRAM: &str = "etcd_disk_wal_fsync_duration_seconds";

/// Measures it in etcd's directory below the data directory, or where that will be.
pub(crate) fn measure(root: &HostRoot, data_dir: &str) -> DiskLatency {
    if !root.is_live() {
        return DiskLatency::Refused(
            "only the disk of the running host can be measured".to_owned(),
        );
    }
    let etcd = format!("{data_dir}/server/db/etcd");
    if connect(CLIENTS).is_ok() {
        return match metrics().ok().and_then(|text| of_etcd(&text, &etcd)) {
            Some(latency) => DiskLatency::Known(latency),
            None => DiskLatency::Refused(format!(
                "etcd runs (127.0.0.1:{CLIENTS} answers), so nothing is written beside it, and \
                 http://127.0.0.1:{METRICS}/metrics does not tell how fast its disk is"
            )),
        };
    }
    let ancestors = Path::new(&etcd).ancestors();
    let Some(directory) = ancestors.into_iter().find(|path| path.is_dir()) else {
        return DiskLatency::Refused(format!("{} is not there", printable(&etcd)));
    };
    match in_directory(directory, MAX_WRITES, MAX_TIME) {
        Ok(latency) => DiskLatency::Known(latency),
        Err(error) => DiskLatency::Refused(format!(
            "nothing can be measured in {}: {error}",
            printable(&directory.to_string_lossy())
        )),
    }
}

fn in_directory(directory: &Path, writes: u64, time: Duration) -> io::Result<Latency> {
    let space = rustix::fs::statvfs(directory)?;
    if space.f_bavail.saturating_mul(space.f_frsize) < MIN_FREE {
        let message = format!("less than {} MiB are free", MIN_FREE >> 20);
        return Err(io::Error::new(io::ErrorKind::StorageFull, message));
    }
    let file = nameless(directory)?;
    // etcd too writes into space that it has reserved.
    let reserve = rustix::fs::FallocateFlags::empty();
    match rustix::fs::fallocate(&file, reserve, 0, WRITE.saturating_mul(writes)) {
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => {}
        Err(errno) => return Err(errno.into()),
    }
    let content: Vec<u8> = (0_u8..=u8::MAX)
        .cycle()
        .take(usize::try_from(WRITE).unwrap_or(0))
        .collect();
    let begin = Instant::now();
    let mut took = Vec::new();
    for number in 0..writes {
        if begin.elapsed() >= time {
            break;
        }
        file.write_all_at(&content, number.saturating_mul(WRITE))?;
        let before = Instant::now();
        file.sync_data()?;
        took.push(u64::try_from(before.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    took.sort_unstable();
    Ok(Latency {
        directory: directory.to_string_lossy().into_owned(),
        is_etcds: false,
        samples: u64::try_from(took.len()).unwrap_or(u64::MAX),
        p50: percentile(&took, 50),
        p99: percentile(&took, 99),
        max: took.last().copied(),
    })
}

/// A file without a name: nothing is left of it, however this program ends.
fn nameless(directory: &Path) -> io::Result<File> {
    let path: PathBuf = directory.join(format!(".preflight-rke2-measure-{}", std::process::id()));
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// The value that so many of a hundred of the sorted values do not exceed.
fn percentile(sorted: &[u64], part: usize) -> Option<u64> {
    let rank = sorted.len().saturating_mul(part).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, PATIENCE)
}

fn metrics() -> io::Result<String> {
    let mut stream = connect(METRICS)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
    let mut content = Vec::new();
    stream.take(MAX_METRICS).read_to_end(&mut content)?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}

/// The latencies that etcd's histogram bounds.
fn of_etcd(metrics: &str, directory: &str) -> Option<Latency> {
    let lines = || {
        metrics
            .lines()
            .filter_map(|line| line.strip_prefix(HISTOGRAM))
    };
    let count = lines().find_map(|rest| rest.strip_prefix("_count "))?;
    let samples: u64 = count.trim().parse().ok()?;
    let bucket = |rest: &str| {
        let (le, count) = rest.strip_prefix("_bucket{le=\"")?.split_once("\"} ")?;
        let count: u64 = count.trim().parse().ok()?;
        Some((microseconds(le)?, count))
    };
    let buckets: Vec<(u64, u64)> = lines().filter_map(bucket).collect();
    let bound = |part: u64| {
        let rank = samples.saturating_mul(part).div_ceil(100);
        let mut all = buckets.iter();
        all.find(|(_, count)| *count >= rank && rank > 0)
            .map(|(bound, _)| *bound)
    };
    Some(Latency {
        directory: directory.to_owned(),
        is_etcds: true,
        samples,
        p50: bound(50),
        p99: bound(99),
        max: None,
    })
}

/// A bound such as `0.008`, in seconds. `None` for infinity.
fn microseconds(seconds: &str) -> Option<u64> {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, ""));
    let part = format!("{part:0<6}");
    let part: u64 = part.get(..6)?.parse().ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(1_000_000)?
        .checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;

    #[test]
    fn a_directory_is_measured_and_nothing_is_left_there() {
        let dir = tempfile::tempdir().unwrap();
        let latency = in_directory(dir.path(), 20, Duration::from_mins(1)).unwrap();
        assert_eq!((latency.samples, latency.is_fast()), (20, None));
        assert!(latency.p50 <= latency.p99 && latency.p99 <= latency.max);
        assert!(fixture::names(dir.path()).is_empty());
        // No time is left for a single write.
        let none = in_directory(dir.path(), 20, Duration::ZERO).unwrap();
        assert_eq!((none.samples, none.p99, none.max), (0, None, None));
        assert!(in_directory(&dir.path().join("x"), 1, MAX_TIME).is_err());
    }

    #[test]
    fn an_image_is_not_measured() {
        let (_dir, root) = fixture::host(&[("etc/a", "")]);
        assert!(matches!(measure(&root, "/x"), DiskLatency::Refused(_)));
    }

    #[test]
    fn percentiles_are_ranks() {
        let all: Vec<u64> = (1..=100).collect();
        assert_eq!(
            (percentile(&all, 50), percentile(&all, 99)),
            (Some(50), Some(99))
        );
        assert_eq!(
            (percentile(&[7], 50), percentile(&[7], 99)),
            (Some(7), Some(7))
        );
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn etcds_histogram_gives_bounds() {
        let text = |slow: u64| {
            format!(
                "HTTP/1.0 200 OK\r\n\r\n# TYPE {HISTOGRAM} histogram\n\
                 {HISTOGRAM}_bucket{{le=\"0.001\"}} 600\n{HISTOGRAM}_bucket{{le=\"0.008\"}} {}\n\
                 {HISTOGRAM}_bucket{{le=\"8.192\"}} 2000\n{HISTOGRAM}_bucket{{le=\"+Inf\"}} 2000\n\
                 {HISTOGRAM}_sum 1.5\n{HISTOGRAM}_count 2000\n",
                2000 - slow
            )
        };
        let fast = of_etcd(&text(20), "/d").unwrap();
        assert_eq!(
            (fast.samples, fast.p50, fast.p99),
            (2000, Some(8000), Some(8000))
        );
        assert_eq!(fast.is_fast(), Some(true));
        let slow = of_etcd(&text(21), "/d").unwrap();
        assert_eq!((slow.p99, slow.is_fast()), (Some(8_192_000), Some(false)));
        for text in ["", "etcd_disk_wal_fsync_duration_seconds_count x\n"] {
            assert_eq!(of_etcd(text, "/d"), None);
        }
        let empty = of_etcd(&format!("{HISTOGRAM}_count 0\n"), "/d").unwrap();
        assert_eq!((empty.p99, empty.is_fast()), (None, None));
    }

    #[test]
    fn bounds_are_decimal_numbers() {
        for (text, bound) in [
            ("0.001", Some(1000)),
            ("8.192", Some(8_192_000)),
            ("1", Some(1_000_000)),
            ("+Inf", None),
            ("", None),
            ("1e3", None),
            ("0.00\u{e9}", None),
        ] {
            assert_eq!(microseconds(text), bound, "{text}");
        }
    }
}
