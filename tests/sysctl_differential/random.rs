//! Random sets of `sysctl.d` files, full of what is rare on a host.

use std::collections::BTreeMap;
use std::fmt;

/// A small reproducible generator of random numbers.
pub(crate) struct Random {
    state: u64,
    /// Whether every value is one that every key takes, and lines end and keys do as usual.
    tame: bool,
}

impl Random {
    pub(crate) const fn new(seed: u64, tame: bool) -> Self {
        Self { state: seed, tame }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap();
        usize::try_from(self.next() % limit).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// What might be written to a parameter that holds a number.
    pub(crate) fn number_text(&mut self) -> Vec<u8> {
        const PARTS: [&[u8]; 22] = [
            b"0",
            b"1",
            b"7",
            b"8",
            b"9",
            b"10",
            b"0x",
            b"0X",
            b"a",
            b"f",
            b"-",
            b"+",
            b" ",
            b"\t",
            b"\x0b",
            b"2147483647",
            b"2147483648",
            b"00000000",
            b"#",
            b".",
            b"\xa0",
            b"\r",
        ];
        (0..self.below(5))
            .flat_map(|_| self.pick(&PARTS).to_vec())
            .collect()
    }

    fn key(&mut self) -> Vec<u8> {
        const ODD: [&str; 22] = [
            "kernel",
            "vm.",
            "kernel.keys",
            "",
            ".",
            "/",
            "kernel.panic.x",
            "vm/panic_on_oom/x",
            "kernel/../kernel/panic",
            "..",
            "kernel.nothing",
            "nothing",
            "KERNEL.PANIC",
            "/proc/sys/kernel/panic",
            "kernel/panic.x",
            "proc.sys.kernel.panic",
            "kernel.*",
            "*",
            "*.*",
            "*/*/*",
            "vm/*",
            "*.panic*",
        ];
        if self.chance(12) {
            return self.pick(&ODD).as_bytes().to_vec();
        }
        let mut key = self.pick(&super::KEYS).to_owned();
        if self.chance(30) {
            key = self.pattern(&key);
        }
        if self.chance(35) {
            key = key.replace('.', "/");
        }
        match self.below(16) {
            0 => key.insert(0, '.'),
            1 => key.insert(0, '/'),
            2 => key = key.replacen('.', "..", 1),
            3 => key = key.replacen('/', "//", 1),
            4 => key = key.replacen('/', "/./", 1),
            5 => key = key.replacen('.', "./.", 1),
            6 if !self.tame => key.push('.'),
            7 if !self.tame => key.push('/'),
            _ => {}
        }
        key.into_bytes()
    }

    /// A pattern made of a key.
    fn pattern(&mut self, key: &str) -> String {
        const INSTEAD: [&str; 14] = [
            "?",
            "*",
            "[a-z]",
            "[!.]",
            "[^x]",
            "[[:lower:]]",
            "[]n]",
            "[",
            "\\",
            "[a-",
            "??",
            "[_p-n]",
            "[\\n]",
            "{n,i}",
        ];
        let mut key: Vec<String> = key.chars().map(String::from).collect();
        for _ in 0..=self.below(2) {
            let at = self.below(key.len());
            if key[at] == "." {
                continue;
            }
            let instead = self.pick(&INSTEAD);
            // A backslash goes before what is there.
            key[at] = if instead == "\\" {
                format!("\\{}", key[at])
            } else {
                instead.to_owned()
            };
        }
        if self.chance(25) {
            let from = self.below(key.len());
            key.truncate(from);
            key.push("*".to_owned());
        }
        key.concat()
    }

    fn value(&mut self, is_pattern: bool) -> Vec<u8> {
        const GOOD: [&str; 5] = ["1", "2", "01", "0x1", "2 # c"];
        const ANY: [&str; 12] = [
            "1",
            "10",
            "0",
            "010",
            "-1",
            "1 # inline",
            "\"1\"",
            "junk",
            "",
            "a = b",
            "1 \\",
            "+1",
        ];
        // Patterns get what every key takes: which write is the last would not show otherwise.
        let from: &[&str] = if is_pattern || self.tame { &GOOD } else { &ANY };
        self.pick(from).as_bytes().to_vec()
    }

    fn line(&mut self) -> Vec<u8> {
        const BLANK: [&str; 5] = ["", "", " ", "\t", "  "];
        match self.below(40) {
            0 => return b"# kernel.panic = 99".to_vec(),
            1 => return b" ; kernel.panic = 99".to_vec(),
            2 => return Vec::new(),
            3 => return b"=".to_vec(),
            4 => return b"-".to_vec(),
            5 => return "\u{feff}kernel.panic = 5".as_bytes().to_vec(),
            6 => {
                return (0..self.below(12))
                    .map(|_| self.next().to_le_bytes()[0])
                    .collect();
            }
            _ => {}
        }
        let key = self.key();
        let is_pattern = key.iter().any(|byte| b"*?[".contains(byte));
        let mut line = self.pick(&BLANK).as_bytes().to_vec();
        let minus = self.pick(&["", "", "", "-", "- ", "--"]);
        line.extend_from_slice(minus.as_bytes());
        line.extend_from_slice(&key);
        let assigns = if minus.is_empty() { 95 } else { 50 };
        if self.chance(assigns) {
            line.extend_from_slice(self.pick(&BLANK).as_bytes());
            line.push(b'=');
            line.extend_from_slice(self.pick(&BLANK).as_bytes());
            line.extend_from_slice(&self.value(is_pattern));
        }
        line.extend_from_slice(self.pick(&BLANK).as_bytes());
        line
    }

    fn content(&mut self) -> Vec<u8> {
        const ENDS: [&[u8]; 6] = [b"\r\n", b"\r", b"\0", b"\n\r", b"\n\n", b"\r\n\0"];
        let usual: &[u8] = if self.tame || self.chance(80) {
            b"\n"
        } else {
            self.pick(&ENDS)
        };
        let mut content = Vec::new();
        for _ in 0..self.below(6) {
            let line = self.line();
            content.extend_from_slice(&line);
            content.extend_from_slice(usual);
        }
        if self.chance(30) {
            content.extend_from_slice(&self.line());
        }
        content
    }
}

/// What stands at a path.
#[derive(Clone)]
pub(crate) enum Node {
    Directory,
    Bytes(Vec<u8>),
    Link(&'static str),
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("directory"),
            Self::Bytes(bytes) => write!(f, "{}", bytes.escape_ascii()),
            Self::Link(to) => write!(f, "-> {to}"),
        }
    }
}

/// A set of files, by path without the leading slash.
pub(crate) struct Set {
    pub(crate) files: BTreeMap<Vec<u8>, Node>,
    pub(crate) credential: Option<Vec<u8>>,
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, node) in &self.files {
            writeln!(f, "/{}: {node:?}", path.escape_ascii())?;
        }
        if let Some(credential) = &self.credential {
            writeln!(f, "credential: {}", credential.escape_ascii())?;
        }
        Ok(())
    }
}

impl Set {
    /// Whether any key might hold `..`.
    pub(crate) fn has_parent(&self) -> bool {
        self.files.values().any(|node| match node {
            Node::Bytes(bytes) => bytes.windows(4).any(|window| window == b"/../"),
            Node::Directory | Node::Link(_) => false,
        })
    }

    pub(crate) fn new(random: &mut Random, split_usr: bool, credentials: bool) -> Self {
        const PLACES: [&str; 5] = ["etc", "run", "usr/local/lib", "usr/lib", "lib"];
        const NAMES: [&[u8]; 17] = [
            b"9-x.conf",
            b"10-a.conf",
            b"50-default.conf",
            b"60-rke2-cis.conf",
            b"99-sysctl.conf",
            b"99-z.conf",
            b"100-y.conf",
            b"a.conf",
            b"Z.conf",
            b"a.conf~",
            b"README",
            b".hidden.conf",
            b".conf",
            b"60-x.conf.bak",
            b"\xc3\x84.conf",
            b"\xff.conf",
            b"a-.conf",
        ];
        const LINKS: [&str; 7] = [
            "/dev/null",
            "../sysctl.conf",
            "/etc/sysctl.conf",
            "/nonexistent",
            "a.conf",
            ".",
            "/dev/null/x",
        ];
        let places = if split_usr { 5 } else { 4 };
        let mut files = BTreeMap::new();
        for _ in 0..random.below(7) {
            let place = PLACES[random.below(places)];
            let name = random.pick(&NAMES);
            let path = [place.as_bytes(), b"/sysctl.d/", name].concat();
            let node = match random.below(20) {
                0 => Node::Directory,
                1 => Node::Bytes(Vec::new()),
                2..=4 => Node::Link(random.pick(&LINKS)),
                _ => Node::Bytes(random.content()),
            };
            files.insert(path, node);
        }
        if random.chance(30) {
            files.insert(b"etc/sysctl.conf".to_vec(), Node::Bytes(random.content()));
        }
        let credential = (credentials && random.chance(15)).then(|| random.content());
        Self { files, credential }
    }
}
