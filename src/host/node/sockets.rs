//! The TCP sockets that listen, in the network of the host.
//!
//! `procfs` parses every row of the file into a value of its own. Here few rows matter, and there can be tens of
//! thousands: the kernel prints the sockets that listen first (`tcp_seq_next` in `net/ipv4/tcp_ipv4.c`, Linux 3.0 to
//! 6.18), so that reading ends with the first connection. Before Linux 4.4 a socket that listens is followed by the
//! connections that it is accepting (`SYN_RECV`), and others that listen come after these.
//!
//! Still the kernel walks its table of all connections up to the first, empty places included: with 262,144 places
//! 1.5 ms for each of the two files where there is no connection, and with 50,000 connections of the other family 25 ms,
//! where all rows would take 200 ms. No size of read avoids that: the kernel looks for the next row before it returns
//! one. `sock_diag` has no such walk, and needs a socket in the network of the host, which the gate lacks.
//!
//! A socket that is bound and does not listen is in neither file, and is not seen.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::network;
use crate::facts::node::Listener;
use crate::host::HostRoot;

/// The state of a socket that listens (`TCP_LISTEN`).
const LISTEN: &[u8] = b"0A";
/// The state of a connection that is being accepted (`TCP_SYN_RECV`).
const SYN_RECV: &[u8] = b"03";
/// More is not read of one file: some hundred thousand sockets.
const MAX_BYTES: usize = 32 << 20;
/// The kernel returns at most a page at once.
const CHUNK: usize = 4 << 10;

/// The sockets that listen. `None` where they are not known: in an image without `/proc`.
pub(crate) fn listeners(root: &HostRoot) -> Option<Vec<Listener>> {
    let directory = Path::new(network::directory(root)?);
    let mut all = Vec::new();
    scan(root, &directory.join("tcp"), &mut all)?;
    // A kernel without IPv6 has no such file, and no such socket.
    let _ = scan(root, &directory.join("tcp6"), &mut all);
    Some(all)
}

fn scan(root: &HostRoot, path: &Path, all: &mut Vec<Listener>) -> Option<()> {
    // An image's file need not be in the kernel's order.
    rows(root.open_unwatched(path)?, root.is_live(), all)
}

/// The sockets that listen, of rows of which, if sorted, the first connection follows all of them.
fn rows(mut file: impl Read, is_sorted: bool, all: &mut Vec<Listener>) -> Option<()> {
    let mut buffer = vec![0; CHUNK];
    let mut filled = 0_usize;
    let mut total = 0_usize;
    loop {
        if filled == buffer.len() {
            // No row of the kernel is that long.
            return None;
        }
        let read = file.read(buffer.get_mut(filled..)?).ok()?;
        total = total.saturating_add(read);
        filled = filled.saturating_add(read);
        let rows = buffer.get(..filled)?;
        let end = if read == 0 {
            filled
        } else {
            rows.iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at.saturating_add(1))
        };
        for row in rows.get(..end)?.split(|byte| *byte == b'\n') {
            match Row::parse(row) {
                Some(row) if row.state == LISTEN => all.extend(row.listener()),
                Some(row) if is_sorted && row.state != SYN_RECV => return Some(()),
                _ => {}
            }
        }
        if read == 0 || total > MAX_BYTES {
            return Some(());
        }
        buffer.copy_within(end..filled, 0);
        filled = filled.saturating_sub(end);
    }
}

/// A row of the table: `  12: 0100007F:2808 00000000:0000 0A …`.
struct Row<'a> {
    address: &'a [u8],
    port: u16,
    state: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Row<'a> {
    /// `None` for the header, an empty line, and anything else.
    fn parse(row: &'a [u8]) -> Option<Self> {
        let from = row.iter().position(|byte| *byte == b':')?;
        let row = row.get(from.checked_add(2)?..)?;
        let width = row.iter().position(|byte| *byte == b':')?;
        let address = row.get(..width)?;
        let port = row.get(width.checked_add(1)?..width.checked_add(5)?)?;
        // The address of the other end is as wide.
        let state = width.checked_mul(2)?.checked_add(12)?;
        let end = state.checked_add(2)?;
        Some(Self {
            address,
            port: u16::try_from(hexadecimal(port)?).ok()?,
            state: row.get(state..end)?,
            rest: row.get(end..)?,
        })
    }

    fn listener(&self) -> Option<Listener> {
        let text = str::from_utf8(self.rest).ok()?;
        // The queues, the timer, retransmissions; then the user, a timeout and the inode.
        let mut fields = text.split_ascii_whitespace().skip(3);
        let uid = fields.next()?.parse().ok()?;
        let inode = fields.nth(1)?.parse().ok()?;
        Some(Listener {
            address: address(self.address)?,
            port: self.port,
            uid,
            inode,
        })
    }
}

fn hexadecimal(text: &[u8]) -> Option<u32> {
    if !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(str::from_utf8(text).ok()?, 16).ok()
}

/// An address as the kernel prints it there: words of four bytes, in the byte order of the machine.
fn address(text: &[u8]) -> Option<IpAddr> {
    let word = |at: usize| {
        let from = at.checked_mul(8)?;
        let word = hexadecimal(text.get(from..from.checked_add(8)?)?)?;
        Some(word.to_ne_bytes())
    };
    match text.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.as_flattened().try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host;

    const HEADER: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn row(address: &str, port: u16, state: &str, uid: u32, inode: u64) -> String {
        let other = "0".repeat(address.len());
        format!(
            "   0: {address}:{port:04X} {other}:0000 {state} 00000000:00000000 00:00000000 00000000  {uid}        0 {inode} 1 0000000000000000 100 0 0 10 0\n"
        )
    }

    fn read(tcp: &str, tcp6: &str) -> Option<Vec<Listener>> {
        let (_dir, root) = host(&[("/proc/net/tcp", tcp), ("/proc/net/tcp6", tcp6)]);
        listeners(&root)
    }

    #[test]
    fn sockets_that_listen_are_found() {
        let tcp = [
            HEADER,
            &row("0100007F", 10248, "0A", 0, 7),
            &row("0A0200C0", 22, "01", 0, 8),
            &row("00000000", 22, "0A", 1000, 9),
        ];
        let tcp6 = [
            HEADER,
            &row("00000000000000000000000001000000", 6443, "0A", 0, 10),
            &row("0000000000000000FFFF00000100007F", 80, "0A", 0, 11),
        ];
        let listener = |address: &str, port, uid, inode| Listener {
            address: address.parse().unwrap(),
            port,
            uid,
            inode,
        };
        assert_eq!(
            read(&tcp.concat(), &tcp6.concat()).unwrap(),
            [
                listener("127.0.0.1", 10248, 0, 7),
                listener("0.0.0.0", 22, 1000, 9),
                listener("::1", 6443, 0, 10),
                listener("::ffff:127.0.0.1", 80, 0, 11),
            ]
        );
    }

    #[test]
    fn more_rows_than_one_read_returns_are_read() {
        let mut tcp = HEADER.to_owned();
        for port in 1..500 {
            tcp.push_str(&row("00000000", port, "0A", 0, u64::from(port)));
        }
        let all = read(&tcp, "").unwrap();
        assert!(all.iter().map(|listener| listener.port).eq(1..500));
    }

    /// A file of which only the first rows may be read.
    struct First<'a> {
        rows: &'a [u8],
        reads: usize,
    }

    impl Read for First<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            assert!(!self.rows.is_empty(), "more is read than matters");
            self.reads += 1;
            self.rows.read(buffer)
        }
    }

    #[test]
    fn reading_ends_with_the_first_connection() {
        let mut tcp = HEADER.to_owned();
        for port in 1..=100 {
            tcp.push_str(&row("00000000", port, "0A", 0, u64::from(port)));
            // Linux 3.10 has them in between.
            tcp.push_str(&row("0A0200C0", port, "03", 0, 0));
        }
        let listening = tcp.len();
        tcp.push_str(&row("0A0200C0", 22, "01", 0, 8));
        // Not the kernel's order: that of a file below another root.
        tcp.push_str(&row("00000000", 101, "0A", 0, 101));
        // A read returns one page at most.
        let fits = listening.next_multiple_of(CHUNK).min(tcp.len());
        let mut file = First {
            rows: tcp.as_bytes().get(..fits).unwrap(),
            reads: 0,
        };
        let mut all = Vec::new();
        rows(&mut file, true, &mut all).unwrap();
        assert!(all.iter().map(|listener| listener.port).eq(1..=100));
        assert_eq!(file.reads, fits.div_ceil(CHUNK));
        let mut all = Vec::new();
        rows(tcp.as_bytes(), false, &mut all).unwrap();
        assert!(all.iter().map(|listener| listener.port).eq(1..=101));
    }

    /// On the running host, beside connections of its own.
    #[test]
    fn a_socket_that_listens_is_found_on_the_running_host() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let connections: Vec<_> = (0..20)
            .map(|_| {
                (
                    std::net::TcpStream::connect(at).unwrap(),
                    listener.accept().unwrap(),
                )
            })
            .collect();
        let mut all = Vec::new();
        rows(
            std::fs::File::open("/proc/net/tcp").unwrap(),
            true,
            &mut all,
        )
        .unwrap();
        assert!(
            all.iter()
                .any(|found| found.address == at.ip() && found.port == at.port())
        );
        drop(connections);
    }

    #[test]
    fn rows_that_the_kernel_does_not_write_are_skipped() {
        let good = row("0100007F", 1, "0A", 0, 1);
        for odd in [
            ":",
            "0:",
            "0: :",
            "0: 0100007F:",
            "0: 0100007F:28",
            "0: 0100007F:2808 00000000:0000",
            "0: 0100007F:2808 00000000:0000 0A",
            "0: 0100007F:2808 00000000:0000 0A x x x x x x",
            "0: 0100007G:2808 00000000:0000 0A 0 0 0 0 0 1",
            "0: 01:2808 00:0000 0A 0 0 0 0 0 1",
            "\u{fffd}: \u{fffd}:\u{fffd}",
        ] {
            let all = read(&format!("{odd}\n{good}"), odd).unwrap();
            assert_eq!(all.len(), 1, "{odd}");
        }
        assert_eq!(read(&"0".repeat(1 << 16), &good), None);
        assert_eq!(read("", "").unwrap(), []);
        let (_dir, root) = host(&[("/etc/hostname", "a")]);
        assert_eq!(listeners(&root), None);
    }
}
