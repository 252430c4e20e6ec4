//! A program file: whatever it is, little of it is asked for.

use std::cell::Cell;
use std::convert::Infallible;

use preflight_rke2::testing::rke2::build_info::{self, Bytes};

/// The most bytes that are ever asked for, and the most requests.
const MOST_BYTES: usize = 8 << 20;
const MOST_CALLS: usize = 512;

struct Counted<'a> {
    content: &'a [u8],
    bytes: Cell<usize>,
    calls: Cell<usize>,
}

impl Bytes for Counted<'_> {
    type Error = Infallible;

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Infallible> {
        self.calls.set(self.calls.get().saturating_add(1));
        self.bytes
            .set(self.bytes.get().saturating_add(buffer.len()));
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = self.content.get(from..).unwrap_or_default();
        let length = buffer.len().min(there.len());
        for (to, byte) in buffer.iter_mut().zip(there) {
            *to = *byte;
        }
        Ok(length)
    }
}

pub(super) fn run(data: &[u8]) {
    let bytes = Counted {
        content: data,
        bytes: Cell::new(0),
        calls: Cell::new(0),
    };
    let first = build_info::read(&bytes);
    assert!(bytes.bytes.get() <= MOST_BYTES, "{}", bytes.bytes.get());
    assert!(bytes.calls.get() <= MOST_CALLS, "{}", bytes.calls.get());
    assert_eq!(first, build_info::read(&bytes));
}
