//! How much of a host is read for one evaluation, so that a hostile file cannot exhaust memory.

use std::cell::Cell;

/// Bytes of one file. More than any file RKE2 or systemd reads at start; a larger one is reported, not read.
pub(crate) const MAX_FILE: u64 = 6 << 20;
/// Bytes of an account file, which may be larger than any configuration.
pub(super) const MAX_LARGE_FILE: u64 = 64 << 20;
/// Bytes of all files that are read whole, and of the names in directories, for one evaluation.
const MAX_BYTES: u64 = 8 << 20;
/// Pieces (see [`pieces`]) of one file: parsed, they take many times their bytes.
const MAX_PIECES: u64 = 1 << 15;
/// Pieces of all files for one evaluation.
const MAX_ALL_PIECES: u64 = 1 << 17;
/// Bytes that a name in a directory counts for: about what it takes to keep it.
const NAME: u64 = 64;
/// The pieces of a file smaller than this are not counted, but estimated at a quarter of its bytes.
const SMALL: usize = 1024;

/// A limit that is exceeded.
pub(super) struct Exceeded {
    pub(super) limit: u64,
    pub(super) unit: &'static str,
}

/// What has been read since the evaluation began.
#[derive(Debug, Default)]
pub(super) struct Budget {
    bytes: Cell<u64>,
    pieces: Cell<u64>,
}

impl Budget {
    /// Begins a new evaluation.
    pub(super) fn reset(&self) {
        self.bytes.take();
        self.pieces.take();
    }

    /// Whether a file of so many bytes may still be read.
    pub(super) fn allows(&self, bytes: u64) -> Result<(), Exceeded> {
        if self.bytes.get().saturating_add(bytes) > MAX_BYTES {
            return Err(Exceeded {
                limit: MAX_BYTES,
                unit: "bytes with what was read before",
            });
        }
        Ok(())
    }

    /// Counts the content of a file, unless it exceeds a limit.
    pub(super) fn add_file(&self, content: &[u8]) -> Result<(), Exceeded> {
        let pieces = pieces(content);
        if pieces > MAX_PIECES {
            return Err(Exceeded {
                limit: MAX_PIECES,
                unit: "words and lines",
            });
        }
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        self.allows(bytes)?;
        let pieces = self.pieces.get().saturating_add(pieces);
        if pieces > MAX_ALL_PIECES {
            return Err(Exceeded {
                limit: MAX_ALL_PIECES,
                unit: "words and lines with what was read before",
            });
        }
        self.bytes.set(self.bytes.get().saturating_add(bytes));
        self.pieces.set(pieces);
        Ok(())
    }

    /// Counts a name in a directory, unless it exceeds a limit.
    pub(super) fn add_name(&self) -> Result<(), Exceeded> {
        self.allows(NAME)?;
        self.bytes.set(self.bytes.get().saturating_add(NAME));
        Ok(())
    }
}

/// The number of pieces in a file: an upper bound for its lines, words, keys and values in any of the
/// formats that are read.
fn pieces(content: &[u8]) -> u64 {
    let separates = |byte: u8| {
        u8::from(matches!(
            byte,
            b'\n' | b'\r' | b'\t' | b' ' | b'\0' | b',' | b':' | b'=' | b'[' | b'{' | b'-' | b'&'
        ))
    };
    if content.len() < SMALL {
        return u64::try_from(content.len() / 4).unwrap_or(u64::MAX);
    }
    content.iter().map(|byte| u64::from(separates(*byte))).sum()
}
