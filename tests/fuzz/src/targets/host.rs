//! A host as an input describes it: RKE2's configuration files, environment and arguments.

use preflight_rke2::testing::facts::{Operation, ReadError};
use preflight_rke2::testing::rke2::Role;
use preflight_rke2::testing::rke2::config::{
    Argument, ConfFile, ConfigFiles, DropIn, Invocation, KubeletFiles, ParserRules, Variable,
};
use preflight_rke2::testing::rke2::version::Version;
use preflight_rke2::testing::sysctl_d::Content;

/// A secret that must be in no output. No input has it.
pub(super) const SECRET: &str = "kV7qXo2mSecretD9wLr4tZ1b";

/// One release on either side of most changes.
const VERSIONS: [&str; 13] = [
    "v1.36.3+rke2r1",
    "v1.18.9+rke2r1",
    "v1.20.6+rke2r1",
    "v1.20.13+rke2r1",
    "v1.21.7+rke2r1",
    "v1.23.15+rke2r1",
    "v1.25.8+rke2r1",
    "v1.27.16+rke2r2",
    "v1.30.4+rke2r1",
    "v1.31.8+rke2r1",
    "v1.32.4+rke2r1",
    "v1.34.1+rke2r1",
    "v1.99.0",
];

/// Names that stand in for a content, and the error number each is.
const FAULTS: [(&[u8], i32); 3] = [(b"absent", 2), (b"denied", 13), (b"broken", 5)];

/// How the secret gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secret {
    Words,
    Word,
    Short,
    Environment,
    File,
    DropIn,
}

/// All that RKE2's settings come from.
pub(super) struct Host {
    pub(super) version: Version,
    pub(super) role: Role,
    pub(super) rules: ParserRules,
    pub(super) invocation: Invocation,
    pub(super) files: ConfigFiles,
    pub(super) kubelet: KubeletFiles,
    /// How many bytes all of it has.
    pub(super) size: usize,
}

fn error(name: &[u8], path: &str) -> ReadError {
    let fault = FAULTS.iter().find(|(fault, _)| name.ends_with(fault));
    match fault {
        Some((_, errno)) => ReadError::Os {
            operation: Operation::Open,
            path: path.to_owned(),
            errno: *errno,
        },
        None => ReadError::NotRegular {
            path: path.to_owned(),
            kind: "FIFO",
        },
    }
}

/// What stands in a `sysctl.d` directory where the input gives a name and no content.
pub(super) fn content(name: &[u8], path: &str) -> Content {
    match error(name, path) {
        error if error.is_absent() => Content::Dangling,
        ReadError::NotRegular { .. } => Content::Directory,
        error => Content::Unreadable(error),
    }
}

/// A content, or, of `!absent` and the like, why there is none.
pub(super) fn read(part: &[u8], path: &str) -> Result<Vec<u8>, ReadError> {
    match part.strip_prefix(b"!") {
        Some(name) if name.len() <= 6 => Err(error(name, path)),
        _ => Ok(part.to_vec()),
    }
}

/// The release that a byte of an input chooses.
pub(super) fn version(byte: u8) -> Version {
    let at = usize::from(byte) % VERSIONS.len();
    let text = VERSIONS.get(at);
    text.and_then(|text| text.parse().ok())
        .unwrap_or(Version::new(34, 1, 1))
}

impl Host {
    /// The head of an input chooses version, role and the secret's way; its parts are files,
    /// variables and words. `n` names the files that follow.
    pub(super) fn of(data: &[u8]) -> Self {
        let version = version(super::switch(data, 0));
        let role = match super::switch(data, 1) % 2 {
            0 => Role::Server,
            _ => Role::Agent,
        };
        let secret = match super::switch(data, 2) % 6 {
            0 => Secret::Words,
            1 => Secret::Word,
            2 => Secret::Short,
            3 => Secret::Environment,
            4 => Secret::File,
            _ => Secret::DropIn,
        };
        let path = "/etc/rancher/rke2/config.yaml";
        let mut host = Self {
            rules: ParserRules::of(&version),
            version,
            role,
            invocation: Invocation::of(role),
            files: ConfigFiles::none(path),
            kubelet: KubeletFiles::default(),
            size: data.len(),
        };
        let mut drop_ins = Vec::new();
        let mut name = String::new();
        host.open(secret, &mut drop_ins);
        for (letter, part) in super::lettered(data) {
            let count = drop_ins.len();
            match letter {
                b'n' => name = String::from_utf8_lossy(part).replace('/', "_"),
                b'm' => {
                    let line = format!("token: {SECRET}\n");
                    host.files.main = read(part, path).map(|content| match secret {
                        Secret::File => [line.as_bytes(), &content].concat(),
                        _ => content,
                    });
                }
                b'd' => {
                    let path = format!("{path}.d/{count:04}{name}.yaml");
                    drop_ins.push(DropIn {
                        is_directory: part == b"!",
                        content: read(part, &path),
                        path,
                    });
                }
                b'D' => host.files.drop_ins = read(part, "").map(|_| Vec::new()),
                b'a' => host.invocation.args.push(Argument::new(part)),
                b'e' => {
                    let mut halves = part.splitn(2, |byte| *byte == b'=');
                    let (key, value) = (halves.next(), halves.next());
                    let variable =
                        Variable::new(key.unwrap_or_default(), value.unwrap_or_default());
                    // A later value of the same variable is not the secret's business.
                    host.invocation.env.push(variable);
                }
                b'k' | b'K' => {
                    let list = if letter == b'k' {
                        &mut host.kubelet.conf_d
                    } else {
                        &mut host.kubelet.config_dir
                    };
                    let name = format!("{:02}{name}.conf", list.len());
                    let path = format!("/k/{name}");
                    list.push(ConfFile {
                        content: read(part, &path),
                        name,
                        path,
                    });
                }
                b'c' => {
                    host.kubelet.config = Some(ConfFile {
                        name: "config".to_owned(),
                        path: "/k/config".to_owned(),
                        content: read(part, "/k/config"),
                    });
                }
                b'U' => host.kubelet.unlisted.push(error(part, "/k")),
                _ => {}
            }
        }
        if !drop_ins.is_empty() {
            host.files.drop_ins = Ok(drop_ins);
        }
        host
    }

    /// Puts the secret where nothing before it can change what it is.
    fn open(&mut self, secret: Secret, drop_ins: &mut Vec<DropIn>) {
        let mut word = |text: String| self.invocation.args.push(Argument::new(text));
        match secret {
            Secret::Words => {
                word("--token".to_owned());
                word(SECRET.to_owned());
            }
            Secret::Word => word(format!("--token={SECRET}")),
            Secret::Short => word(format!("-t={SECRET}")),
            Secret::Environment => {
                let variable = Variable::new("RKE2_TOKEN", SECRET);
                self.invocation.env.push(variable);
            }
            Secret::File => {}
            Secret::DropIn => drop_ins.push(DropIn {
                path: format!("{}.d/0.yaml", self.files.path),
                is_directory: false,
                content: Ok(format!("token: \"{SECRET}\"\n").into_bytes()),
            }),
        }
    }
}

/// Whether the secret shows in a text.
#[track_caller]
pub(super) fn keeps_secret(text: &str) {
    assert!(!text.contains(SECRET), "a secret shows: {text}");
}
