//! The hosts that the kubelets are asked about: the same at each run.

use std::collections::BTreeMap;

use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;

use super::{Host, Node};

/// How many hosts there are.
pub(super) const COUNT: usize = 270;

/// What sets `protect-kernel-defaults`, or leaves it off.
#[derive(Clone, Copy)]
struct Setting {
    name: &'static str,
    args: &'static [&'static str],
    config: Option<&'static str>,
    drop_ins: &'static [(&'static str, &'static str)],
}

const OFF: Setting = Setting {
    name: "off",
    args: &[],
    config: None,
    drop_ins: &[],
};
const FLAG: Setting = Setting {
    name: "flag",
    args: &["protect-kernel-defaults=true"],
    ..OFF
};

/// Each way to set it.
const SETTINGS: [Setting; 16] = [
    OFF,
    FLAG,
    Setting {
        name: "flag 1",
        args: &["protect-kernel-defaults=1"],
        ..OFF
    },
    Setting {
        name: "flag T",
        args: &["protect-kernel-defaults=T"],
        ..OFF
    },
    Setting {
        name: "flag with underscores",
        args: &["protect_kernel_defaults=true"],
        ..OFF
    },
    Setting {
        name: "flag false",
        args: &["protect-kernel-defaults=false"],
        ..OFF
    },
    Setting {
        name: "file",
        config: Some("protectKernelDefaults: true\n"),
        ..OFF
    },
    Setting {
        name: "file false",
        config: Some("protectKernelDefaults: false\n"),
        ..OFF
    },
    Setting {
        name: "file null",
        config: Some("protectKernelDefaults: null\n"),
        ..OFF
    },
    Setting {
        name: "flag false over file",
        args: &["protect-kernel-defaults=false"],
        config: Some("protectKernelDefaults: true\n"),
        ..OFF
    },
    Setting {
        name: "flag over file false",
        args: &["protect-kernel-defaults=true"],
        config: Some("protectKernelDefaults: false\n"),
        ..OFF
    },
    Setting {
        name: "drop-in",
        drop_ins: &[("50-site.conf", "protectKernelDefaults: true\n")],
        ..OFF
    },
    Setting {
        name: "drop-in false over file",
        config: Some("protectKernelDefaults: true\n"),
        drop_ins: &[("50-site.conf", "protectKernelDefaults: false\n")],
        ..OFF
    },
    Setting {
        name: "two drop-ins",
        drop_ins: &[
            ("20-on.conf", "protectKernelDefaults: true\n"),
            ("30-off.conf", "protectKernelDefaults: false\n"),
        ],
        ..OFF
    },
    Setting {
        name: "drop-in of another name",
        drop_ins: &[("50-site.yaml", "protectKernelDefaults: true\n")],
        ..OFF
    },
    Setting {
        name: "flag over drop-in false",
        args: &["protect-kernel-defaults=true"],
        drop_ins: &[("50-site.conf", "protectKernelDefaults: false\n")],
        ..OFF
    },
];

/// Spellings of a number, `#` standing for its digits, and of what is none.
const SPELLINGS: [&str; 48] = [
    "#",
    "+#\n",
    " #\n",
    "# \n",
    "\n\n#\n\n",
    "  \n #  \n",
    "0#\n",
    "+00#\n",
    "-#\n",
    "\t#\n",
    "#\t\n",
    "#\r\n",
    "\r#\n",
    "#\u{b}\n",
    "#\u{c}",
    "#\0\n",
    "\0",
    "#\0",
    "0x#\n",
    "0b1\n",
    "#.0\n",
    "#e0\n",
    "#_000\n",
    "#,0\n",
    "# #\n",
    "#\n#\n",
    "\u{feff}#\n",
    "\u{a0}#\n",
    "\u{ff11}\u{ff10}\n",
    "\u{661}\n",
    "\"#\"\n",
    "'#'\n",
    "#;\n",
    "# # comment\n",
    "\\#\n",
    "\u{1b}[1m#\n",
    "\u{202e}#\n",
    "",
    "\n",
    " ",
    "+\n",
    "-\n",
    "--#\n",
    "+ #\n",
    "-0\n",
    "+0\n",
    "true\n",
    "kernel.panic = #\n",
];

/// Numbers at the limits of what a Go `int` holds, and beyond what the kernel holds.
const NUMBERS: [&str; 10] = [
    "2147483647\n",
    "-2147483648\n",
    "4294967306\n",
    "9223372036854775807\n",
    "9223372036854775808\n",
    "-9223372036854775808\n",
    "-9223372036854775809\n",
    "18446744073709551626\n",
    "99999999999999999999999999999999999999999999\n",
    "00000000000000000000000000000000000000000010\n",
];

/// A sequence of numbers that is the same at each run.
struct Sequence(u64);

impl Sequence {
    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let limit = u64::try_from(limit).unwrap();
        usize::try_from((self.0 >> 33) % limit).unwrap()
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

fn host(name: &str, nodes: &[(usize, Node)], setting: Setting, read_only: bool) -> Host {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let path = |index: usize| KERNEL_PARAMETERS[index].slashed().to_owned();
    Host {
        name: format!("{name}, {}", setting.name),
        sys: nodes
            .iter()
            .map(|(index, node)| (path(*index), node.clone()))
            .collect(),
        read_only,
        args: setting.args.iter().map(|&arg| arg.to_owned()).collect(),
        config: setting.config.map(str::to_owned),
        drop_ins: setting.drop_ins.iter().map(owned).collect(),
        expect: Vec::new(),
    }
}

fn text(value: &str) -> Node {
    Node::Text(value.to_owned())
}

/// One spelling of the required value of a parameter.
fn spelled(index: usize, spelling: &str) -> Node {
    let digits = KERNEL_PARAMETERS[index].required.to_string();
    Node::Text(spelling.replace('#', &digits))
}

/// A value of any kind.
fn any(sequence: &mut Sequence, index: usize) -> Node {
    match sequence.below(10) {
        0 => Node::Missing,
        1 => Node::Directory,
        2 => Node::Loop,
        3 => Node::Bytes(vec![b'1', 0xff, b'\n']),
        4 => text(sequence.pick(&NUMBERS)),
        5 | 6 => spelled(index, sequence.pick(&SPELLINGS)),
        _ => text(sequence.pick(&[
            "0\n", "1\n", "2\n", "5\n", "60\n", "-1\n", "200\n", "20000\n",
        ])),
    }
}

/// All of them.
pub(super) fn all() -> Vec<Host> {
    let count = KERNEL_PARAMETERS.len();
    let mut all = Vec::new();
    for (at, spelling) in SPELLINGS.iter().enumerate() {
        let index = at % count;
        let setting = if at % 2 == 0 { FLAG } else { OFF };
        let name = format!("{}: {spelling:?}", KERNEL_PARAMETERS[index].key);
        all.push(host(
            &name,
            &[(index, spelled(index, spelling))],
            setting,
            false,
        ));
    }
    for (at, number) in NUMBERS.iter().enumerate() {
        let index = at % count;
        let setting = if at % 2 == 0 { OFF } else { FLAG };
        let name = format!("{}: {number:?}", KERNEL_PARAMETERS[index].key);
        all.push(host(&name, &[(index, text(number))], setting, false));
    }
    let kinds = [
        ("missing", Node::Missing),
        ("a directory", Node::Directory),
        ("a loop", Node::Loop),
        ("not UTF-8", Node::Bytes(vec![0xff, 0xfe, b'1'])),
    ];
    for (at, (name, node)) in kinds.iter().enumerate() {
        for (setting, read_only) in [(OFF, false), (FLAG, false), (OFF, true)] {
            let index = at % count;
            let name = format!("{} is {name}", KERNEL_PARAMETERS[index].key);
            let name = if read_only {
                name + ", read-only"
            } else {
                name
            };
            all.push(host(&name, &[(index, node.clone())], setting, read_only));
        }
    }
    let stock: Vec<(usize, Node)> = ["0\n", "0\n", "0\n", "0\n", "200\n", "20000\n"]
        .into_iter()
        .map(text)
        .enumerate()
        .collect();
    for setting in SETTINGS {
        for (name, nodes) in [("right", &[][..]), ("stock", &stock)] {
            all.push(host(name, nodes, setting, false));
            if !matches!(setting.name, "flag 1" | "flag T" | "file null") {
                all.push(host(&format!("{name}, read-only"), nodes, setting, true));
            }
        }
    }
    let mut sequence = Sequence(17);
    while all.len() < COUNT {
        let mut nodes: BTreeMap<usize, Node> = BTreeMap::new();
        for _ in 0..=sequence.below(5) {
            let index = sequence.below(count);
            nodes.insert(index, any(&mut sequence, index));
        }
        let nodes: Vec<(usize, Node)> = nodes.into_iter().collect();
        let setting = sequence.pick(&SETTINGS);
        let read_only = sequence.below(4) == 0;
        let name = format!("any {}", all.len());
        all.push(host(&name, &nodes, setting, read_only));
    }
    all
}
