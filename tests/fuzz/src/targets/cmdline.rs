//! The kernel command line, and the short texts that contain a version.

use preflight_rke2::testing::gate::plan::{Override, kernel_override};
use preflight_rke2::testing::rke2::build_info;
use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;
use preflight_rke2::testing::rke2::version::Version;
use preflight_rke2::testing::sysctl_d::cmdline::CommandLine;

pub(super) fn run(data: &[u8]) {
    kernel_override(data);
    for (word, asked) in [
        ("off", Override::Off),
        ("report", Override::Report),
        ("x", Override::None),
    ] {
        let last = format!(" preflight_rke2={word}");
        let line = [data, last.as_bytes()].concat();
        assert_eq!(kernel_override(&line), asked, "the last word counts");
    }
    let booted = CommandLine::parse(data);
    for parameter in KERNEL_PARAMETERS {
        let path = parameter.slashed();
        if let Some(found) = booted.last_assignment(path.as_bytes()) {
            assert!(found.text.len() <= data.len().saturating_mul(3));
        }
        let first = format!("sysctl.{}={} ", parameter.key, parameter.required);
        let line = [first.as_bytes(), data].concat();
        let booted = CommandLine::parse(&line);
        assert!(booted.last_assignment(path.as_bytes()).is_some());
    }
    let text = String::from_utf8_lossy(data);
    if let Ok(version) = text.parse::<Version>() {
        let shown = version.to_string();
        assert_eq!(shown.parse::<Version>().ok(), Some(version), "{shown}");
    }
    build_info::from_version_output(data);
    build_info::from_data_dir(&text);
}
