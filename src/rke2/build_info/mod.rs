//! The build information that Go's linker leaves in every program, read without running it.
//!
//! RKE2's build sets its version with `-ldflags "-X …/k3s/pkg/version.Version=v1.34.1+rke2r1"`.
//! Since Go 1.18 (RKE2 1.24) the linker records those flags, and stripping keeps them.
//!
//! Pure: the bytes come from a [`Bytes`]. At most some 8 MiB of them are read.

mod elf;
mod settings;

pub(crate) use settings::release;
pub use settings::{from_data_dir, from_version_output};

use elf::Image;

/// Begins the information, at an address divisible by [`ALIGN`].
const MAGIC: &[u8; 14] = b"\xff Go buildinf:";
const ALIGN: u64 = 16;
/// Magic, pointer size, flags, and two pointers.
const HEADER: u64 = 32;
/// Flag: pointers and their targets are big-endian.
const BIG_ENDIAN: u8 = 1;
/// Flag: the two texts follow the header, each behind its length (Go 1.18 and later).
const INLINE: u8 = 2;

/// What is read at once when looking for the magic; a multiple of [`ALIGN`].
const CHUNK: u64 = 16 << 10;
/// How far into a segment the magic is looked for. Linkers put it near the beginning.
const MAX_SCAN: u64 = 1 << 20;
/// How many segments are scanned.
const MAX_SEGMENTS: usize = 4;
/// Go's version: `go1.26.5 X:boringcrypto`.
const MAX_GO: u64 = 256;
/// Modules and settings; RKE2's are some 40 KiB.
const MAX_MODULES: u64 = 1 << 20;
/// The bytes before and after the text about modules.
const SENTINEL: usize = 16;

/// A program's bytes, to be read here and there.
pub trait Bytes {
    /// Why bytes could not be read.
    type Error;

    /// Fills `buffer` from `offset` on and returns how many bytes; fewer than fit only at the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Self::Error>;
}

/// What a program file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BinaryKind {
    /// Not an ELF file: a script, say.
    NotElf,
    /// An ELF file without Go's build information.
    NotGo,
    /// A Go program.
    Go(BuildInfo),
}

/// What a Go program says about its build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildInfo {
    /// Go's own version: `go1.24.6 X:boringcrypto`.
    pub go: String,
    /// What the linker set RKE2's version to, if it did and that was recorded.
    pub rke2: Option<String>,
}

/// Reads a program's build information.
pub fn read<B: Bytes>(bytes: &B) -> Result<BinaryKind, B::Error> {
    let Some(image) = Image::read(bytes)? else {
        return Ok(BinaryKind::NotElf);
    };
    for (start, length) in image.places().into_iter().take(MAX_SEGMENTS) {
        if let Some(header) = find(bytes, &image, start, length)? {
            let texts = texts(bytes, &image, header)?;
            return Ok(texts.map_or(BinaryKind::NotGo, |texts| {
                BinaryKind::Go(BuildInfo {
                    go: String::from_utf8_lossy(&texts.go).into_owned(),
                    rke2: settings::rke2_version(frameless(&texts.modules)),
                })
            }));
        }
    }
    Ok(BinaryKind::NotGo)
}

/// The address of the header, looked for from `start` on.
fn find<B: Bytes>(
    bytes: &B,
    image: &Image,
    start: u64,
    length: u64,
) -> Result<Option<u64>, B::Error> {
    let Some(first) = start.checked_next_multiple_of(ALIGN) else {
        return Ok(None);
    };
    let end = first.saturating_add(length.min(MAX_SCAN));
    let mut at = first;
    while at < end {
        let size = usize::try_from(CHUNK.min(end.saturating_sub(at))).unwrap_or(0);
        let chunk = image.bytes_at(bytes, at, size)?;
        let mut address = at;
        for line in chunk.chunks(ALIGN_SIZE) {
            if line.starts_with(MAGIC) {
                return Ok(Some(address));
            }
            address = address.saturating_add(ALIGN);
        }
        if chunk.len() < size {
            break;
        }
        at = at.saturating_add(CHUNK);
    }
    Ok(None)
}

/// [`ALIGN`] for slices.
const ALIGN_SIZE: usize = 16;

/// The two texts that the information consists of.
struct Texts {
    /// Go's version.
    go: Vec<u8>,
    /// Modules and settings; empty in a program that is not built from modules.
    modules: Vec<u8>,
}

fn texts<B: Bytes>(bytes: &B, image: &Image, address: u64) -> Result<Option<Texts>, B::Error> {
    let header = image.bytes_at(bytes, address, ALIGN_SIZE.saturating_mul(2))?;
    let [.., pointer, flags] = header.get(..ALIGN_SIZE).unwrap_or_default() else {
        return Ok(None);
    };
    let (go, modules) = if flags & INLINE != 0 {
        let from = address.saturating_add(HEADER);
        let Some((go, from)) = inline(bytes, image, from, MAX_GO)? else {
            return Ok(None);
        };
        let modules = inline(bytes, image, from, MAX_MODULES)?;
        (Some(go), modules.map(|(modules, _)| modules))
    } else {
        let read = Pointers {
            size: usize::from(*pointer),
            big: flags & BIG_ENDIAN != 0,
        };
        let pointers = header.get(ALIGN_SIZE..).unwrap_or_default();
        let Some((to_go, to_modules)) = read.pair(pointers) else {
            return Ok(None);
        };
        (
            read.text(bytes, image, to_go, MAX_GO)?,
            read.text(bytes, image, to_modules, MAX_MODULES)?,
        )
    };
    // Without a version of Go, Go's own reader takes it for no Go program.
    Ok(go.filter(|go| !go.is_empty()).map(|go| Texts {
        go,
        modules: modules.unwrap_or_default(),
    }))
}

/// A text behind its length (a varint), and the address after it.
fn inline<B: Bytes>(
    bytes: &B,
    image: &Image,
    address: u64,
    limit: u64,
) -> Result<Option<(Vec<u8>, u64)>, B::Error> {
    let prefix = image.bytes_at(bytes, address, MAX_VARINT)?;
    let Some((length, digits)) = varint(&prefix) else {
        return Ok(None);
    };
    let from = address.saturating_add(digits);
    Ok(exact(bytes, image, from, length, limit)?.map(|text| (text, from.saturating_add(length))))
}

/// Seven bits a byte, lowest first, are more than enough for any length up to the limits.
const MAX_VARINT: usize = 5;

fn varint(bytes: &[u8]) -> Option<(u64, u64)> {
    let (mut value, mut shift, mut digits) = (0_u64, 0_u32, 0_u64);
    for byte in bytes {
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        digits = digits.saturating_add(1);
        if byte & 0x80 == 0 {
            return Some((value, digits));
        }
        shift = shift.saturating_add(7);
    }
    None
}

/// Exactly `length` bytes, or nothing.
fn exact<B: Bytes>(
    bytes: &B,
    image: &Image,
    address: u64,
    length: u64,
    limit: u64,
) -> Result<Option<Vec<u8>>, B::Error> {
    let Some(length) = Some(length)
        .filter(|length| *length <= limit)
        .and_then(|length| usize::try_from(length).ok())
    else {
        return Ok(None);
    };
    let text = image.bytes_at(bytes, address, length)?;
    Ok((text.len() == length).then_some(text))
}

/// How programs built before Go 1.18 write addresses.
struct Pointers {
    size: usize,
    big: bool,
}

impl Pointers {
    /// Two pointers, or a pointer and a length, side by side.
    fn pair(&self, bytes: &[u8]) -> Option<(u64, u64)> {
        let (first, second) = bytes.split_at_checked(self.size)?;
        Some((self.number(first)?, self.number(second.get(..self.size)?)?))
    }

    fn number(&self, bytes: &[u8]) -> Option<u64> {
        if self.size != 4 && self.size != 8 {
            return None;
        }
        let digit = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big {
            bytes.iter().fold(0, digit)
        } else {
            bytes.iter().rev().fold(0, digit)
        })
    }

    /// The Go string whose header is at `address`.
    fn text<B: Bytes>(
        &self,
        bytes: &B,
        image: &Image,
        address: u64,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, B::Error> {
        let header = image.bytes_at(bytes, address, self.size.saturating_mul(2))?;
        match self.pair(&header) {
            Some((at, length)) => exact(bytes, image, at, length, limit),
            None => Ok(None),
        }
    }
}

/// The text about modules without the marks around it; empty if they are not there.
fn frameless(modules: &[u8]) -> &[u8] {
    modules
        .get(SENTINEL..modules.len().saturating_sub(SENTINEL))
        .filter(|text| text.ends_with(b"\n"))
        .unwrap_or_default()
}

/// Up to `size` bytes of the file.
fn fetch<B: Bytes>(bytes: &B, offset: u64, size: usize) -> Result<Vec<u8>, B::Error> {
    let mut buffer = vec![0; size];
    let read = bytes.read_at(offset, &mut buffer)?;
    buffer.truncate(read);
    Ok(buffer)
}

#[cfg(test)]
mod tests;
