//! As much of an ELF file as it takes to find Go's build information: which bytes of the file are
//! mapped to which address, and where the information would be.

use object::Endianness;
use object::elf;
use object::pod::{Pod, slice_from_bytes};
use object::read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _};

use super::{Bytes, fetch};

/// The file header, and the tables too where a linker puts them right behind it.
const HEAD: usize = 4096;
/// How many segments and sections are read. Programs have some ten and thirty.
const MAX_ENTRIES: u16 = 1024;
/// How many bytes of section names are read.
const MAX_NAMES: u64 = 64 << 10;
/// Go's linker gives the information its own section, unless sections were stripped away.
const SECTION: &[u8] = b".go.buildinfo";

/// An ELF file's map from addresses to bytes of the file.
#[derive(Debug)]
pub(super) struct Image {
    segments: Vec<Segment>,
    /// Address and length of the section that holds the build information.
    section: Option<(u64, u64)>,
}

#[derive(Debug)]
struct Segment {
    address: u64,
    offset: u64,
    /// Bytes that come from the file; what is beyond them is zero and not here.
    length: u64,
    data: bool,
    code: bool,
}

impl Image {
    /// Reads the headers; `None` if this is no ELF file.
    pub(super) fn read<B: Bytes>(bytes: &B) -> Result<Option<Self>, B::Error> {
        let head = fetch(bytes, 0, HEAD)?;
        if let Ok(header) = elf::FileHeader64::<Endianness>::parse(head.as_slice()) {
            return Self::from_header(bytes, &head, header).map(Some);
        }
        if let Ok(header) = elf::FileHeader32::<Endianness>::parse(head.as_slice()) {
            return Self::from_header(bytes, &head, header).map(Some);
        }
        Ok(None)
    }

    fn from_header<B: Bytes, H: FileHeader<Endian = Endianness>>(
        bytes: &B,
        head: &[u8],
        header: &H,
    ) -> Result<Self, B::Error> {
        let endian = if header.is_big_endian() {
            Endianness::Big
        } else {
            Endianness::Little
        };
        let segments = table::<B, H::ProgramHeader>(
            bytes,
            head,
            header.e_phoff(endian).into(),
            header.e_phnum(endian),
            header.e_phentsize(endian),
        )?;
        let segments = entries::<H::ProgramHeader>(&segments)
            .iter()
            .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
            .map(|segment| Segment {
                address: segment.p_vaddr(endian).into(),
                offset: segment.p_offset(endian).into(),
                length: segment.p_filesz(endian).into(),
                data: segment.p_flags(endian).contains(elf::PF_W),
                code: segment.p_flags(endian).contains(elf::PF_X),
            })
            .collect();

        let sections = table::<B, H::SectionHeader>(
            bytes,
            head,
            header.e_shoff(endian).into(),
            header.e_shnum(endian),
            header.e_shentsize(endian),
        )?;
        let sections = entries::<H::SectionHeader>(&sections);
        let names = match sections.get(usize::from(header.e_shstrndx(endian).0)) {
            Some(names) => {
                let length: u64 = names.sh_size(endian).into();
                let length = usize::try_from(length.min(MAX_NAMES)).unwrap_or(0);
                fetch(bytes, names.sh_offset(endian).into(), length)?
            }
            None => Vec::new(),
        };
        let section = sections
            .iter()
            .find(|section| {
                usize::try_from(section.sh_name(endian))
                    .ok()
                    .and_then(|at| names.get(at..))
                    .and_then(|name| name.strip_prefix(SECTION))
                    .is_some_and(|rest| rest.first() == Some(&0))
            })
            .map(|section| {
                (
                    section.sh_addr(endian).into(),
                    section.sh_size(endian).into(),
                )
            });
        Ok(Self { segments, section })
    }

    /// Where build information may begin, most likely first: address and length.
    pub(super) fn places(&self) -> Vec<(u64, u64)> {
        if let Some(section) = self.section {
            return vec![section];
        }
        let of = |data: bool| {
            self.segments
                .iter()
                .filter(move |segment| segment.data == data && !segment.code)
                .map(|segment| (segment.address, segment.length))
        };
        of(true).chain(of(false)).collect()
    }

    /// Up to `size` bytes at `address`: fewer where the segment or the file ends.
    pub(super) fn bytes_at<B: Bytes>(
        &self,
        bytes: &B,
        address: u64,
        size: usize,
    ) -> Result<Vec<u8>, B::Error> {
        for segment in &self.segments {
            let Some(into) = address.checked_sub(segment.address) else {
                continue;
            };
            let Some(left) = segment.length.checked_sub(into).filter(|left| *left > 0) else {
                continue;
            };
            let Some(offset) = segment.offset.checked_add(into) else {
                continue;
            };
            let size = usize::try_from(left).map_or(size, |left| left.min(size));
            return fetch(bytes, offset, size);
        }
        Ok(Vec::new())
    }
}

/// The bytes of a table of `count` entries `T`; whole entries only, none if their size is not `T`'s.
fn table<B: Bytes, T: Pod>(
    bytes: &B,
    head: &[u8],
    offset: u64,
    count: u16,
    entry: u16,
) -> Result<Vec<u8>, B::Error> {
    let size = size_of::<T>();
    if usize::from(entry) != size {
        return Ok(Vec::new());
    }
    let length = size.saturating_mul(usize::from(count.min(MAX_ENTRIES)));
    let at_hand = usize::try_from(offset)
        .ok()
        .and_then(|from| head.get(from..from.checked_add(length)?));
    match at_hand {
        Some(table) => Ok(table.to_vec()),
        None => fetch(bytes, offset, length),
    }
}

fn entries<T: Pod>(table: &[u8]) -> &[T] {
    let count = table.len().checked_div(size_of::<T>()).unwrap_or(0);
    slice_from_bytes(table, count).map_or(&[], |(entries, _)| entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file whose bytes each encode their own offset.
    struct Places;

    impl Bytes for Places {
        type Error = std::convert::Infallible;

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Self::Error> {
            for (at, byte) in (offset..).zip(buffer.iter_mut()) {
                *byte = u8::try_from(at).unwrap();
            }
            Ok(buffer.len())
        }
    }

    fn segment(address: u64, data: bool, code: bool) -> Segment {
        Segment {
            address,
            offset: address / 16,
            length: 16,
            data,
            code,
        }
    }

    #[test]
    fn data_is_looked_through_before_what_is_read_only_and_code_never() {
        let mut image = Image {
            segments: vec![
                segment(0, false, true),
                segment(16, false, false),
                segment(32, true, false),
                segment(48, true, true),
            ],
            section: None,
        };
        assert_eq!(image.places(), [(32, 16), (16, 16)]);
        image.section = Some((18, 4));
        assert_eq!(image.places(), [(18, 4)]);
    }

    #[test]
    fn an_address_belongs_to_the_segment_that_holds_it() {
        let image = Image {
            segments: vec![segment(16, false, false), segment(32, true, false)],
            section: None,
        };
        let at = |address, size| image.bytes_at(&Places, address, size).unwrap();
        assert_eq!(at(16, 2), [1, 2]);
        assert_eq!(at(31, 2), [16], "no further than its end");
        assert_eq!(at(32, 2), [2, 3]);
        assert_eq!(at(15, 2), [0; 0]);
        assert_eq!(at(48, 2), [0; 0]);
    }
}
