//! Reading below a root.

use super::limits::MAX_FILE;
use super::*;
use std::os::unix::fs::symlink;

fn image() -> (tempfile::TempDir, HostRoot) {
    let dir = tempfile::tempdir().unwrap();
    let root = HostRoot::open(dir.path()).unwrap();
    (dir, root)
}

#[test]
fn absolute_links_resolve_inside_the_root() {
    let (dir, root) = image();
    std::fs::create_dir(dir.path().join("etc")).unwrap();
    std::fs::write(dir.path().join("etc/real"), "inside").unwrap();
    symlink("/etc/real", dir.path().join("etc/link")).unwrap();
    symlink("../../../../etc/real", dir.path().join("etc/up")).unwrap();
    assert_eq!(root.read("/etc/link").unwrap(), b"inside");
    assert_eq!(root.read("/etc/up").unwrap(), b"inside");
    assert_eq!(root.read_link("/etc/link").unwrap(), Path::new("/etc/real"));
    assert_eq!(root.lstat("/etc/link").unwrap().kind, FileKind::Link);
    assert_eq!(root.stat("/etc/link").unwrap().kind, FileKind::File);
}

#[test]
fn a_link_out_of_the_root_finds_nothing_outside() {
    let (dir, root) = image();
    symlink("/etc/passwd", dir.path().join("passwd")).unwrap();
    let error = root.read("/passwd").unwrap_err();
    assert!(error.is_absent(), "{error}");
    assert_eq!(error.to_string(), "open /passwd: no such file or directory");
}

#[test]
fn other_kinds_of_files_are_errors_and_do_not_block() {
    let (dir, root) = image();
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    std::fs::create_dir(dir.path().join("dir")).unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    assert_eq!(
        root.read("/fifo").unwrap_err().to_string(),
        "/fifo: not a regular file but a FIFO"
    );
    assert_eq!(
        root.read("/dir").unwrap_err().to_string(),
        "read /dir: is a directory"
    );
    assert_eq!(
        root.read("/loop").unwrap_err().to_string(),
        "open /loop: too many levels of symbolic links"
    );
    assert!(root.read("/socket").is_err());
}

#[test]
fn the_null_device_reads_as_empty() {
    assert_eq!(HostRoot::live().read("/dev/null").unwrap(), b"");
    assert_eq!(
        HostRoot::live().stat("/dev/null").unwrap().kind,
        FileKind::Null
    );
}

#[test]
fn a_traced_root_records_paths() {
    let root = HostRoot::traced();
    let _ = root.read("/etc/passwd");
    let _ = root.read("/none/such");
    let _ = root.list("/etc");
    let expected = [
        ("/etc", true),
        ("/etc/passwd", false),
        ("/none/such", false),
    ];
    let expected: Trace = expected.map(|(path, listed)| (path.into(), listed)).into();
    assert_eq!(root.take_trace(), expected);
    assert_eq!(root.take_trace(), Trace::new());
}

#[test]
fn lists_names_without_the_dots() {
    let (dir, root) = image();
    std::fs::write(dir.path().join(".hidden"), "").unwrap();
    assert_eq!(root.list("/").unwrap(), [".hidden"]);
    assert!(root.list("/none").unwrap_err().is_absent());
}

#[test]
fn a_root_is_a_directory() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(HostRoot::open(file.path()).is_err());
    assert!(HostRoot::open(Path::new("/")).unwrap().is_live());
}

#[test]
fn a_file_larger_than_the_limit_is_not_read() {
    let (dir, root) = image();
    let path = dir.path().join("f");
    let full = usize::try_from(MAX_FILE).unwrap();
    std::fs::write(&path, vec![b'x'; full]).unwrap();
    assert_eq!(root.read("/f").unwrap().len(), full);
    assert_eq!(root.read_errors(), []);
    std::fs::write(&path, vec![b'x'; full + 1]).unwrap();
    let root = HostRoot::open(dir.path()).unwrap();
    let error = root.read("/f").unwrap_err();
    assert_eq!(error.to_string(), "/f: larger than 6291456 bytes");
    // The caller may treat the file as absent, so the error is recorded.
    assert_eq!(root.read_errors(), [error]);
    assert_eq!(root.read_large(Path::new("/f")).unwrap().len(), full + 1);
}

#[test]
fn all_files_together_have_limits() {
    let (dir, root) = image();
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    write("half", "x".repeat(3 << 20));
    assert!(root.read("/half").is_ok());
    assert!(root.read("/half").is_ok());
    let error = root.read("/half").unwrap_err().to_string();
    assert_eq!(
        error,
        "/half: larger than 8388608 bytes with what was read before"
    );
    // A file within the limit is read.
    write("small", "x".to_owned());
    assert!(root.read("/small").is_ok());

    let root = HostRoot::open(dir.path()).unwrap();
    write("many", "k: v\n".repeat(30_000));
    let error = root.read("/many").unwrap_err().to_string();
    assert_eq!(error, "/many: larger than 32768 words and lines");
    write("some", "k: v\n".repeat(10_000));
    for _ in 0..4 {
        assert!(root.read("/some").is_ok());
    }
    let error = root.read("/some").unwrap_err().to_string();
    assert!(
        error.ends_with("131072 words and lines with what was read before"),
        "{error}"
    );

    let root = HostRoot::open(dir.path()).unwrap();
    write("names", String::new());
    std::fs::create_dir(dir.path().join("d")).unwrap();
    for number in 0..1000 {
        std::fs::write(dir.path().join(format!("d/{number}")), "").unwrap();
    }
    let lists = (0..300).take_while(|_| root.list("/d").is_ok()).count();
    assert_eq!(lists, 131);
}

#[test]
fn stat_does_not_open_the_file() {
    let (dir, root) = image();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    assert_eq!(root.stat("/socket").unwrap().kind, FileKind::Socket);
    assert_eq!(root.lstat("/socket").unwrap().kind, FileKind::Socket);
    assert_eq!(root.stat("/").unwrap().kind, FileKind::Directory);
    let live = HostRoot::live();
    assert_eq!(live.stat("/dev/zero").unwrap().kind, FileKind::Device);
    let path = dir.path().join("f");
    std::fs::write(&path, "abc").unwrap();
    for mode in [0o640, 0o4711] {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(&path, permissions).unwrap();
        let status = root.stat("/f").unwrap();
        assert_eq!((status.mode, status.size), (mode, 3));
    }
}

#[test]
fn the_end_of_a_log_begins_with_a_line() {
    let (dir, root) = image();
    let at = dir.path().join("log");
    let end = |content: &str, limit| {
        std::fs::write(&at, content).unwrap();
        let (read, status) = root.read_log_end(Path::new("/log"), limit).unwrap();
        assert_eq!(usize::try_from(status.size), Ok(content.len()));
        String::from_utf8(read).unwrap()
    };
    for (content, limit, expected) in [
        ("", 4, ""),
        ("a\nbc\n", 9, "a\nbc\n"),
        ("a\nbc\n", 5, "a\nbc\n"),
        ("a\nbc\n", 4, "bc\n"),
        ("a\nbc\n", 3, "bc\n"),
        ("a\nbc\n", 2, ""),
        ("abcdef", 3, ""),
        ("a\nbcdef", 6, "bcdef"),
        ("abc", 3, "abc"),
    ] {
        assert_eq!(end(content, limit), expected, "{content:?} {limit}");
    }
    let sparse = std::fs::File::create(&at).unwrap();
    sparse.set_len(1 << 40).unwrap();
    let (read, _) = root.read_log_end(Path::new("/log"), 1 << 16).unwrap();
    assert_eq!(read, b"");
}

#[test]
fn a_log_is_a_regular_file_below_the_root() {
    let (dir, root) = image();
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    symlink("/etc/passwd", dir.path().join("out")).unwrap();
    symlink("../../../../../../etc/passwd", dir.path().join("up")).unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    symlink("/in", dir.path().join("link")).unwrap();
    std::fs::write(dir.path().join("in"), "x\n").unwrap();
    for path in ["/fifo", "/out", "/up", "/loop", "/none", "/"] {
        assert_eq!(root.read_log_end(Path::new(path), 9), None, "{path}");
    }
    let (read, _) = root.read_log_end(Path::new("/link"), 9).unwrap();
    assert_eq!(read, b"x\n");
    assert_eq!(root.list_logs(Path::new("/none"), 9), [""; 0]);
    assert_eq!(root.list_logs(Path::new("/"), 2).len(), 2);
    assert_eq!(root.read_errors(), []);
}

#[test]
fn logs_are_not_watched() {
    let root = HostRoot::traced();
    let _ = root.read_log_end(Path::new("/etc/passwd"), 9);
    let _ = root.list_logs(Path::new("/etc"), 9);
    let _ = root.log_status(Path::new("/etc/passwd"));
    assert_eq!(root.take_trace(), Trace::new());
}
