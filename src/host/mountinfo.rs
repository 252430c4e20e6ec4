//! Lines of `/proc/PID/mountinfo`: `25 20 8:6 / /var rw,noexec shared:6 - xfs /dev/mapper/vg-var rw`.

use std::ops::Range;

/// Where a line has its mount point: the fifth field. `None` where no other field follows it.
///
/// A host has many mounts, of which few are looked at: only these are [parsed](Line::parse).
pub(super) fn point(line: &[u8]) -> Option<Range<usize>> {
    let is_space = |(at, byte): (usize, &u8)| (*byte == b' ').then_some(at);
    let mut spaces = line.iter().enumerate().filter_map(is_space);
    let before = spaces.nth(3)?;
    Some(before.saturating_add(1)..spaces.next()?)
}

/// A line, its fields as they are written.
pub(super) struct Line<'a> {
    /// The id of the mount.
    pub(super) id: &'a str,
    /// That of the mount on which it is.
    pub(super) parent: &'a str,
    /// The mount point.
    pub(super) point: &'a str,
    /// The options of the mount.
    options: &'a str,
    /// The type of the file system.
    pub(super) fs_type: &'a str,
    /// What is mounted.
    pub(super) source: &'a str,
    /// The options of the file system; empty where there are none.
    of_file_system: &'a str,
}

impl<'a> Line<'a> {
    /// Takes a line apart. `None` where it is not as the kernel writes it.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        // The number of fields before the dash differs.
        let (first, second) = line.split_once(" - ")?;
        let mut of_mount = first.split(' ');
        let mut of_file_system = second.split(' ');
        Some(Self {
            id: of_mount.next()?,
            parent: of_mount.next()?,
            point: of_mount.nth(2)?,
            options: of_mount.next()?,
            fs_type: of_file_system.next()?,
            source: of_file_system.next()?,
            of_file_system: of_file_system.next().unwrap_or_default(),
        })
    }

    /// Whether the mount has an option: `noexec`.
    pub(super) fn has(&self, name: &str) -> bool {
        has(self.options, name)
    }

    /// Whether nothing can be written: the mount or the file system is read-only.
    pub(super) fn is_read_only(&self) -> bool {
        self.has("ro") || has(self.of_file_system, "ro")
    }
}

fn has(options: &str, name: &str) -> bool {
    let mut options = options.as_bytes().split(|byte| *byte == b',');
    options.any(|option| option == name.as_bytes())
}
