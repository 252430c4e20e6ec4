//! The kernel parameters that RKE2's CIS profile and the kubelet check, and how each of them reads a value.
//!
//! A parameter is one row of [`KERNEL_PARAMETERS`], and its id one of [`CheckId`]: the description of its
//! check, its place in the report, what the kernel accepts and where its default comes from follow from the
//! row.

use super::version::Since;
use crate::facts::ReadError;
use crate::finding::CheckId;
use crate::go;

/// One kernel parameter with the value it must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KernelParameter {
    /// The sysctl key, dotted: `kernel.panic`.
    pub key: &'static str,
    /// The path below `/proc/sys`: `kernel/panic`.
    slashed: &'static str,
    /// What is true of a host that passes: `kernel.panic is 10`.
    pub title: &'static str,
    /// The check of it.
    pub check: CheckId,
    /// The only value that passes.
    pub required: i64,
    /// The least value that the kernel accepts.
    pub least: i32,
    /// The greatest value that the kernel accepts.
    pub most: i32,
    /// The releases whose CIS profile checks it.
    pub(crate) rke2: Since,
    /// The releases whose kubelet checks it.
    pub(crate) kubelet: Since,
    /// The kernel's default in mainline and in kernels of distributions; `None` where they differ.
    pub kernel_default: Option<i64>,
    /// The option of the kernel's build that sets the default, where there is one.
    pub build_option: Option<&'static str>,
    /// Why it matters and what is often misunderstood, for the description of its check.
    pub about: &'static str,
}

/// A row: the check, the key in parts, the required value and all else.
macro_rules! kernel_parameter {
    ($check:ident, $first:literal $(/ $part:literal)+ = $required:literal, $($field:ident: $value:expr),+ $(,)?) => {
        KernelParameter {
            key: concat!($first $(, ".", $part)+),
            slashed: concat!($first $(, "/", $part)+),
            title: concat!($first $(, ".", $part)+, " is ", $required),
            check: CheckId::$check,
            required: $required,
            $($field: $value),+
        }
    };
}

/// All of them, in the order of the report.
///
/// RKE2 checks four: rancher/rke2 `pkg/cli/cmds/profile_linux.go`. The kubelet checks all six: kubernetes
/// `pkg/kubelet/cm/container_manager_linux.go` with the values of component-helpers `node/util/sysctl`,
/// unchanged since Kubernetes 1.7.
pub const KERNEL_PARAMETERS: [KernelParameter; 6] = [
    kernel_parameter!(SysctlOvercommitMemory, "vm" / "overcommit_memory" = 1,
        least: 0,
        most: 2,
        rke2: Since::ALWAYS,
        kubelet: Since::ALWAYS,
        kernel_default: Some(0),
        build_option: None,
        about: "the kernel's default is 0. A kubelet without protect-kernel-defaults sets 1 silently, so a node \
                that ran without a profile has the right value until the next boot",
    ),
    kernel_parameter!(SysctlPanicOnOom, "vm" / "panic_on_oom" = 0,
        least: 0,
        most: 2,
        rke2: Since::ALWAYS,
        kubelet: Since::ALWAYS,
        kernel_default: Some(0),
        build_option: None,
        about: "this is the kernel's default. Tuning for databases and clusters sometimes sets it to 1",
    ),
    kernel_parameter!(SysctlPanic, "kernel" / "panic" = 10,
        least: i32::MIN,
        most: i32::MAX,
        rke2: Since::ALWAYS,
        kubelet: Since::ALWAYS,
        kernel_default: Some(0),
        build_option: Some("CONFIG_PANIC_TIMEOUT"),
        about: "the seconds from a panic to the reboot. Only 10 passes: a longer wait is refused as well. panic= \
                on the kernel command line sets it too, and any line in sysctl.d overrides that",
    ),
    kernel_parameter!(SysctlPanicOnOops, "kernel" / "panic_on_oops" = 1,
        least: i32::MIN,
        most: i32::MAX,
        rke2: Since::ALWAYS,
        kubelet: Since::ALWAYS,
        kernel_default: None,
        build_option: Some("CONFIG_PANIC_ON_OOPS_VALUE"),
        about: "whether an oops causes a panic. Kernels of some distributions are built with 1, most with 0",
    ),
    kernel_parameter!(SysctlRootMaxkeys, "kernel" / "keys" / "root_maxkeys" = 1_000_000,
        least: 1,
        most: i32::MAX,
        rke2: Since::NEVER,
        kubelet: Since::ALWAYS,
        kernel_default: Some(1_000_000),
        build_option: None,
        about: "this is the kernel's default. RKE2 does not check it, so on a node with another value RKE2 starts \
                and the kubelet fails",
    ),
    kernel_parameter!(SysctlRootMaxbytes, "kernel" / "keys" / "root_maxbytes" = 25_000_000,
        least: 1,
        most: i32::MAX,
        rke2: Since::NEVER,
        kubelet: Since::ALWAYS,
        kernel_default: Some(25_000_000),
        build_option: None,
        about: "this is the kernel's default. RKE2 does not check it, so on a node with another value RKE2 starts \
                and the kubelet fails",
    ),
];

impl KernelParameter {
    /// The key with slashes, as below `/proc/sys` and in the kubelet's messages.
    pub const fn slashed(&self) -> &'static str {
        self.slashed
    }

    /// The file below `/proc` with its value.
    pub fn path(&self) -> String {
        format!("/proc/sys/{}", self.slashed())
    }

    /// The line of a `sysctl.d` file that sets it.
    pub fn line(&self) -> String {
        format!("{} = {}", self.key, self.required)
    }

    /// RKE2's reading of the file: at least two bytes, the last a line feed; without line feeds a Go
    /// integer. The error is the line that RKE2 fails with, and hides every other mismatch.
    pub fn as_rke2(&self, content: &Result<Vec<u8>, ReadError>) -> Result<i64, String> {
        let content = content.as_ref().map_err(ToString::to_string)?;
        if content.len() < 2 || content.last() != Some(&b'\n') {
            return Err(format!("invalid contents: {}", self.slashed()));
        }
        let digits: Vec<u8> = content.iter().copied().filter(|b| *b != b'\n').collect();
        go::atoi(&digits).map_err(|error| go::atoi_message(&digits, error))
    }

    /// The kubelet's reading: spaces and line feeds trimmed at both ends, then a Go integer.
    pub fn as_kubelet(content: &Result<Vec<u8>, ReadError>) -> Result<i64, String> {
        let content = content.as_ref().map_err(ToString::to_string)?;
        let blank = |byte: &u8| matches!(byte, b' ' | b'\n');
        let start = content.iter().position(|b| !blank(b)).unwrap_or(0);
        let end = content
            .iter()
            .rposition(|b| !blank(b))
            .map_or(0, |last| last.saturating_add(1));
        let text = content.get(start..end).unwrap_or_default();
        go::atoi(text).map_err(|error| go::atoi_message(text, error))
    }

    /// RKE2's message for another value than the required one.
    pub fn rke2_mismatch(&self, actual: i64) -> String {
        format!(
            "invalid kernel parameter value {}={actual} - expected {}",
            self.key, self.required
        )
    }

    /// The kubelet's message for the same.
    pub fn kubelet_mismatch(&self, actual: i64) -> String {
        format!(
            "invalid kernel flag: {}, expected value: {}, actual value: {actual}",
            self.slashed(),
            self.required
        )
    }

    /// The kubelet's error where it cannot set the required value: Go's `os.WriteFile`.
    pub fn kubelet_write_failure(&self, errno: i32) -> String {
        format!("open {}: {}", self.path(), go::errno(errno))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_consistent() {
        for parameter in KERNEL_PARAMETERS {
            let key = parameter.key;
            assert_eq!(parameter.slashed(), key.replace('.', "/"));
            assert_eq!(parameter.title, format!("{key} is {}", parameter.required));
            assert_eq!(parameter.check.sysctl_key(), Some(key));
            let range = i64::from(parameter.least)..=i64::from(parameter.most);
            assert!(range.contains(&parameter.required), "{key}");
            assert!(
                parameter
                    .kernel_default
                    .is_none_or(|value| range.contains(&value)),
                "{key}"
            );
        }
    }

    /// The units of this program have their own network namespace, with another `/proc/sys/net`.
    #[test]
    fn no_parameter_belongs_to_a_namespace_that_the_units_leave() {
        for parameter in KERNEL_PARAMETERS {
            assert!(!parameter.key.starts_with("net."), "{}", parameter.key);
        }
    }

    #[test]
    fn the_two_readers_differ_where_upstream_does() {
        let panic = KERNEL_PARAMETERS[2];
        for (content, rke2, kubelet) in [
            (&b"10\n"[..], Ok(10), Ok(10)),
            (b"10", Err("invalid contents: kernel/panic"), Ok(10)),
            (
                b"\n",
                Err("invalid contents: kernel/panic"),
                Err(r#"strconv.Atoi: parsing "": invalid syntax"#),
            ),
            (
                b"",
                Err("invalid contents: kernel/panic"),
                Err(r#"strconv.Atoi: parsing "": invalid syntax"#),
            ),
            (
                b" 10 \n",
                Err(r#"strconv.Atoi: parsing " 10 ": invalid syntax"#),
                Ok(10),
            ),
            (
                b"1\n0\n",
                Ok(10),
                Err(r#"strconv.Atoi: parsing "1\n0": invalid syntax"#),
            ),
            (
                b"10\t\n",
                Err(r#"strconv.Atoi: parsing "10\t": invalid syntax"#),
                Err(r#"strconv.Atoi: parsing "10\t": invalid syntax"#),
            ),
            (b"+010\n", Ok(10), Ok(10)),
        ] {
            let content = Ok(content.to_vec());
            assert_eq!(panic.as_rke2(&content), rke2.map_err(str::to_owned));
            assert_eq!(
                KernelParameter::as_kubelet(&content),
                kubelet.map_err(str::to_owned)
            );
        }
    }

    #[test]
    fn a_parameter_has_one_file_and_both_readers_words() {
        let panic = KERNEL_PARAMETERS[2];
        assert_eq!(panic.path(), "/proc/sys/kernel/panic");
        assert_eq!(panic.line(), "kernel.panic = 10");
        assert_eq!(
            panic.rke2_mismatch(0),
            "invalid kernel parameter value kernel.panic=0 - expected 10"
        );
        assert_eq!(
            panic.kubelet_mismatch(0),
            "invalid kernel flag: kernel/panic, expected value: 10, actual value: 0"
        );
        let one_digit = Ok(b"1\n".to_vec());
        assert_eq!(panic.as_rke2(&one_digit), Ok(1));
    }
}
