//! The kernel parameters that RKE2's CIS profile and the kubelet demand, and how each reads them.

use crate::facts::ReadError;
use crate::finding::CheckId;
use crate::go;

/// One kernel parameter with the value it must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KernelParameter {
    /// The sysctl key, dotted.
    pub key: &'static str,
    /// The check of it.
    pub check: CheckId,
    /// The one value that passes.
    pub required: i64,
    /// Whether RKE2's own check is about it too; the kubelet's is about all.
    pub checked_by_rke2: bool,
    /// What the kernel starts with where nothing sets it, as far as its build does not decide:
    /// mainline and the distributions' kernels, `CONFIG_PANIC_TIMEOUT=0`.
    pub kernel_default: Option<i64>,
}

/// All of them, in the order they are reported.
///
/// The four of RKE2: `pkg/cli/cmds/profile_linux.go`, unchanged from v1.18.9 to v1.36.3. The six of
/// the kubelet: kubernetes `pkg/kubelet/cm/container_manager_linux.go` with the values of
/// component-helpers `node/util/sysctl`, unchanged since Kubernetes 1.7.
pub const KERNEL_PARAMETERS: [KernelParameter; 6] = [
    KernelParameter {
        key: "vm.overcommit_memory",
        check: CheckId::SysctlOvercommitMemory,
        required: 1,
        checked_by_rke2: true,
        kernel_default: Some(0),
    },
    KernelParameter {
        key: "vm.panic_on_oom",
        check: CheckId::SysctlPanicOnOom,
        required: 0,
        checked_by_rke2: true,
        kernel_default: Some(0),
    },
    KernelParameter {
        key: "kernel.panic",
        check: CheckId::SysctlPanic,
        required: 10,
        checked_by_rke2: true,
        kernel_default: Some(0),
    },
    KernelParameter {
        key: "kernel.panic_on_oops",
        check: CheckId::SysctlPanicOnOops,
        required: 1,
        checked_by_rke2: true,
        kernel_default: None,
    },
    KernelParameter {
        key: "kernel.keys.root_maxkeys",
        check: CheckId::SysctlRootMaxkeys,
        required: 1_000_000,
        checked_by_rke2: false,
        kernel_default: Some(1_000_000),
    },
    KernelParameter {
        key: "kernel.keys.root_maxbytes",
        check: CheckId::SysctlRootMaxbytes,
        required: 25_000_000,
        checked_by_rke2: false,
        kernel_default: Some(25_000_000),
    },
];

impl KernelParameter {
    /// The key with slashes, as below `/proc/sys` and in the kubelet's messages.
    pub fn slashed(&self) -> String {
        self.key.replace('.', "/")
    }

    /// The file the kernel shows it in.
    pub fn path(&self) -> String {
        format!("/proc/sys/{}", self.slashed())
    }

    /// The line of a `sysctl.d` file that sets it.
    pub fn line(&self) -> String {
        format!("{} = {}", self.key, self.required)
    }

    /// RKE2's reading of the file: at least two bytes, the last a line feed; without line feeds a Go
    /// integer. The error is the line it ends with, and hides every other mismatch.
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

    /// RKE2's words for a value that is not the required one.
    pub fn rke2_mismatch(&self, actual: i64) -> String {
        format!(
            "invalid kernel parameter value {}={actual} - expected {}",
            self.key, self.required
        )
    }

    /// The kubelet's words for the same.
    pub fn kubelet_mismatch(&self, actual: i64) -> String {
        format!(
            "invalid kernel flag: {}, expected value: {}, actual value: {actual}",
            self.slashed(),
            self.required
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Our units have a network name space of their own, where `/proc/sys/net` is another one.
    #[test]
    fn no_watched_parameter_belongs_to_a_name_space_that_the_units_leave() {
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
