//! Programs made here: ELF files of both sizes and byte orders with both forms of build information.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;

/// A program in memory that counts what is read of it.
struct Memory {
    content: Vec<u8>,
    read: Cell<usize>,
    calls: Cell<usize>,
}

impl Memory {
    fn new(content: Vec<u8>) -> Self {
        Self {
            content,
            read: Cell::new(0),
            calls: Cell::new(0),
        }
    }
}

impl Bytes for Memory {
    type Error = std::convert::Infallible;

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.calls.set(self.calls.get() + 1);
        // The requested length counts, because that much memory is allocated.
        self.read.set(self.read.get() + buffer.len());
        let from = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.content.len());
        let length = buffer.len().min(self.content.len() - from);
        buffer[..length].copy_from_slice(&self.content[from..from + length]);
        Ok(length)
    }
}

/// The most that is ever read: the scans, both texts, the tables.
const BOUND: usize = 8 << 20;

/// How to make a program.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "every combination is made")]
struct Make {
    wide: bool,
    big: bool,
    inline: bool,
    sections: bool,
    /// Where in the data segment the information begins, if it is not at its very start.
    into: u64,
}

const FLAGS: &str =
    "build\t-ldflags=\"-X github.com/k3s-io/k3s/pkg/version.Version=v1.34.1+rke2r1 -w\"\n";
const GO: &str = "go1.24.6 X:boringcrypto";
const BASE: u64 = 0x40_0000;
const TABLES: u64 = 0x1_0000;

struct Writer {
    out: Vec<u8>,
    make: Make,
}

impl Writer {
    fn number(&mut self, value: u64, size: usize) {
        let bytes = value.to_be_bytes();
        let mut bytes = bytes[8 - size..].to_vec();
        if !self.make.big {
            bytes.reverse();
        }
        self.out.extend(bytes);
    }

    fn half(&mut self, value: u64) {
        self.number(value, 2);
    }

    fn word(&mut self, value: u64) {
        self.number(value, 4);
    }

    fn native(&mut self, value: u64) {
        self.number(value, if self.make.wide { 8 } else { 4 });
    }
}

/// A varint, as Go writes lengths.
fn length(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
    out
}

fn framed(modules: &str) -> Vec<u8> {
    [&[b'<'; 16][..], modules.as_bytes(), &[b'>'; 16]].concat()
}

fn blob(make: Make, address: u64, modules: &str) -> Vec<u8> {
    let pointer = if make.wide { 8 } else { 4 };
    let mut writer = Writer {
        out: MAGIC.to_vec(),
        make,
    };
    writer.out.push(u8::try_from(pointer).unwrap());
    let framed = framed(modules);
    if make.inline {
        writer.out.push(INLINE | u8::from(make.big));
        writer.out.resize(32, 0);
        writer.out.extend(length(GO.len()));
        writer.out.extend(GO.as_bytes());
        writer.out.extend(length(framed.len()));
        writer.out.extend(framed);
        return writer.out;
    }
    writer.out.push(u8::from(make.big));
    let strings = address + 32;
    let texts = strings + pointer * 4;
    writer.native(strings);
    writer.native(strings + pointer * 2);
    writer.out.resize(32, 0);
    writer.native(texts);
    writer.native(u64::try_from(GO.len()).unwrap());
    writer.native(texts + u64::try_from(GO.len()).unwrap());
    writer.native(u64::try_from(framed.len()).unwrap());
    writer.out.extend(GO.as_bytes());
    writer.out.extend(framed);
    writer.out
}

/// A program: headers, a code segment, a data segment with the information, sections last.
fn program(make: Make, modules: &str) -> Vec<u8> {
    let (header, entry, section) = if make.wide {
        (64, 56, 64)
    } else {
        (52, 32, 40)
    };
    let data = 0x2000_u64;
    let start = BASE + data;
    let mut content = vec![0; usize::try_from(make.into).unwrap()];
    content.extend(blob(make, start + make.into, modules));
    content.resize(content.len() + 64, 0);
    let size = u64::try_from(content.len()).unwrap();
    assert!(data + size < TABLES || !make.sections);

    let mut writer = Writer {
        out: b"\x7fELF".to_vec(),
        make,
    };
    writer.out.push(if make.wide { 2 } else { 1 });
    writer.out.push(if make.big { 2 } else { 1 });
    writer.out.push(1);
    writer.out.resize(16, 0);
    writer.half(2);
    writer.half(62);
    writer.word(1);
    writer.native(BASE);
    writer.native(header);
    writer.native(if make.sections { TABLES } else { 0 });
    writer.word(0);
    writer.half(header);
    writer.half(entry);
    writer.half(2);
    writer.half(section);
    writer.half(if make.sections { 3 } else { 0 });
    writer.half(if make.sections { 2 } else { 0 });
    for (flags, offset, size) in [(5, 0, 0x1000), (6, data, size)] {
        writer.word(1);
        if make.wide {
            writer.word(flags);
        }
        for value in [offset, BASE + offset, BASE + offset, size, size] {
            writer.native(value);
        }
        if !make.wide {
            writer.word(flags);
        }
        writer.native(0x1000);
    }
    let out = &mut writer.out;
    out.resize(usize::try_from(data).unwrap(), 0);
    out.extend(content);
    if make.sections {
        out.resize(usize::try_from(TABLES).unwrap(), 0);
        let names = b"\0.go.buildinfoX\0.go.buildinfo\0.shstrtab\0";
        let after = TABLES + section * 3;
        for (name, address, offset, size) in [
            (1, 0, 0, 0),
            (16, start + make.into, data + make.into, size - make.into),
            (30, 0, after, u64::try_from(names.len()).unwrap()),
        ] {
            writer.word(name);
            writer.word(1);
            writer.native(2);
            writer.native(address);
            writer.native(offset);
            writer.native(size);
            writer.word(0);
            writer.word(0);
            writer.native(16);
            writer.native(0);
        }
        writer.out.extend(names);
    }
    writer.out
}

fn every() -> impl Iterator<Item = Make> {
    (0..16).flat_map(|bits| {
        [0, 16, 4096].map(|into| Make {
            wide: bits & 1 != 0,
            big: bits & 2 != 0,
            inline: bits & 4 != 0,
            sections: bits & 8 != 0,
            into,
        })
    })
}

fn go(rke2: Option<&str>) -> BinaryKind {
    BinaryKind::Go(BuildInfo {
        go: GO.to_owned(),
        rke2: rke2.map(str::to_owned),
    })
}

fn run(content: Vec<u8>) -> (BinaryKind, usize, usize) {
    let memory = Memory::new(content);
    let Ok(program) = read(&memory);
    (program, memory.read.get(), memory.calls.get())
}

#[test]
fn reads_every_form_of_build_information() {
    for make in every() {
        let (program, _, calls) = run(program(make, FLAGS));
        assert_eq!(program, go(Some("v1.34.1+rke2r1")), "{make:?}");
        assert!(calls < 12, "{make:?}: {calls} reads");
    }
}

#[test]
fn a_section_of_that_name_is_the_only_place_to_look_at() {
    for make in every() {
        let Ok(image) = Image::read(&Memory::new(program(make, FLAGS)));
        let places = image.unwrap().places();
        let into = if make.sections { make.into } else { 0 };
        let starts: Vec<u64> = places.iter().map(|(start, _)| *start).collect();
        assert_eq!(starts, [BASE + 0x2000 + into], "{make:?}");
    }
}

#[test]
fn forty_kilobytes_of_modules_are_read_and_no_more_than_a_few_pages_besides() {
    let mut modules = String::new();
    while modules.len() < 40_000 {
        modules.push_str("dep\tk8s.io/kubernetes\tv1.34.1\th1:abcdefghijklmnopqrstuvwxyz=\n");
    }
    modules.push_str(FLAGS);
    let make = Make {
        wide: true,
        big: false,
        inline: true,
        sections: true,
        into: 0,
    };
    let (program, read, _) = run(program(make, &modules));
    assert_eq!(program, go(Some("v1.34.1+rke2r1")));
    assert!(read < 160_000, "{read}");
}

#[test]
fn a_go_program_without_flags_is_one_without_version() {
    for make in every() {
        assert_eq!(run(program(make, "path\tx\n")).0, go(None), "{make:?}");
        // No line end before the closing mark: not a text about modules.
        assert_eq!(run(program(make, FLAGS.trim_end())).0, go(None), "{make:?}");
    }
}

#[test]
fn tells_scripts_and_other_programs_apart() {
    for content in [
        &b""[..],
        b"#!/bin/sh\nexec rke2 \"$@\"\n",
        b"\x7fELF",
        b"\x7fELF\x02\x01\x01",
    ] {
        assert_eq!(run(content.to_vec()).0, BinaryKind::NotElf);
    }
    for make in every() {
        let mut content = program(make, FLAGS);
        let at = content.windows(14).position(|w| w == MAGIC).unwrap();
        content[at + 1] = b'!';
        assert_eq!(run(content).0, BinaryKind::NotGo, "{make:?}");
    }
}

#[test]
fn the_magic_is_looked_for_in_the_first_mebibyte_only() {
    for (into, found) in [(MAX_SCAN - 16, true), (MAX_SCAN, false)] {
        let make = Make {
            wide: true,
            big: false,
            inline: true,
            sections: false,
            into,
        };
        let (program, read, _) = run(program(make, FLAGS));
        assert_eq!(program == go(Some("v1.34.1+rke2r1")), found);
        assert!(read < BOUND, "{read}");
    }
}

#[test]
fn a_program_cut_off_anywhere_is_no_trouble() {
    for make in every().filter(|make| make.into == 0) {
        let content = program(make, FLAGS);
        for cut in (0..content.len().min(0x2200)).step_by(7) {
            let (found, read, _) = run(content[..cut].to_vec());
            assert!(read < BOUND);
            // All of a version or none of it.
            if let BinaryKind::Go(info) = found {
                let version = info.rke2.as_deref();
                assert!(
                    matches!(version, None | Some("v1.34.1+rke2r1")),
                    "{make:?} at {cut}"
                );
            }
        }
    }
}

/// Lengths and offsets as large as they come, everywhere a header has one.
#[test]
fn the_largest_numbers_everywhere_are_no_trouble() {
    for make in every().filter(|make| make.into == 0) {
        let content = program(make, FLAGS);
        let tables = usize::try_from(TABLES).unwrap();
        let places = (16..200).chain(0x2000..0x2060).chain(tables..tables + 192);
        for at in places.filter(|at| at + 8 <= content.len()) {
            for fill in [0xff, 0x7f] {
                for size in [1, 2, 4, 8] {
                    let mut content = content.clone();
                    content[at..at + size].fill(fill);
                    let (_, read, _) = run(content);
                    assert!(read < BOUND, "{make:?} at {at}: {read}");
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(content in prop::collection::vec(any::<u8>(), 0..2048), elf in any::<bool>(), wide in 1_u8..3, order in 1_u8..3) {
        let mut content = content;
        if elf {
            content.splice(0..content.len().min(7), [0x7f, b'E', b'L', b'F', wide, order, 1]);
        }
        let (_, read, _) = run(content);
        prop_assert!(read < BOUND);
    }

    #[test]
    fn changed_programs_never_panic_and_never_cost_more(
        bits in 0_usize..48,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..24),
    ) {
        let make = every().nth(bits).unwrap();
        let mut content = program(make, FLAGS);
        let tables = usize::try_from(TABLES).unwrap();
        for (at, value, late) in changes {
            // Where the numbers are: the headers, the information, the sections.
            let at = match (late, make.sections) {
                (true, true) => tables + at.index(192),
                (true, false) => 0x2000 + at.index(160),
                (false, _) => at.index(180),
            };
            if let Some(byte) = content.get_mut(at) {
                *byte = value;
            }
        }
        let (_, read, _) = run(content);
        prop_assert!(read < BOUND);
    }
}
