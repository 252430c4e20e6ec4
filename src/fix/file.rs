//! The new content of a `sysctl.d` file that is to set some keys.

use crate::rke2::kernel::KernelParameter;
use crate::sysctl_d::Dialect;
use crate::sysctl_d::syntax::{self, Statement};

/// The first line of a new file.
pub(crate) const HEADER: &str =
    "# Kernel parameters that RKE2 and its kubelet require. Written by preflight-rke2 fix.";

/// `before` without its assignments of `parameters`, and with ours at the end. All other lines, in
/// whatever encoding, stay as they are.
pub(crate) fn with_parameters(before: Option<&[u8]>, parameters: &[KernelParameter]) -> Vec<u8> {
    let mut after = match before {
        Some(before) => without(before, parameters),
        None => format!("{HEADER}\n").into_bytes(),
    };
    if !matches!(after.last(), None | Some(b'\n')) {
        after.push(b'\n');
    }
    for parameter in parameters {
        after.extend_from_slice(parameter.line().as_bytes());
        after.push(b'\n');
    }
    after
}

fn without(before: &[u8], parameters: &[KernelParameter]) -> Vec<u8> {
    let mut after = Vec::with_capacity(before.len());
    let mut path = Vec::new();
    for text in before.split_inclusive(|byte| *byte == b'\n') {
        let mut statements = syntax::lines(text, Dialect::default());
        let ours = match (statements.next(), statements.next()) {
            (Some(line), None) => match line.statement {
                Statement::Assign { key, .. } => {
                    syntax::normalize(key, &mut path);
                    parameters
                        .iter()
                        .any(|parameter| parameter.slashed().as_bytes() == path)
                }
                _ => false,
            },
            _ => false,
        };
        if !ours {
            after.extend_from_slice(text);
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::kernel::KERNEL_PARAMETERS;
    use proptest::prelude::*;

    fn merged(before: Option<&[u8]>) -> String {
        String::from_utf8(with_parameters(before, &KERNEL_PARAMETERS[..2])).unwrap()
    }

    #[test]
    fn our_lines_come_last_and_others_stay() {
        const OURS: &str = "vm.overcommit_memory = 1\nvm.panic_on_oom = 0\n";
        assert_eq!(merged(None), format!("{HEADER}\n{OURS}"));
        for (before, kept) in [
            ("", ""),
            ("# mine\nkernel.panic=5", "# mine\nkernel.panic=5\n"),
            (
                "vm.overcommit_memory=0\n# vm.panic_on_oom=1\n",
                "# vm.panic_on_oom=1\n",
            ),
            (
                "-vm/overcommit_memory = 2\r\nvm.swappiness=1\r\n",
                "vm.swappiness=1\r\n",
            ),
            (
                "vm.overcommit_*=0\n-vm.overcommit_memory\n",
                "vm.overcommit_*=0\n-vm.overcommit_memory\n",
            ),
            // Two statements that share a line in the eyes of an editor.
            (
                "vm.overcommit_memory=0\rvm.swappiness=1\n",
                "vm.overcommit_memory=0\rvm.swappiness=1\n",
            ),
        ] {
            assert_eq!(
                merged(Some(before.as_bytes())),
                format!("{kept}{OURS}"),
                "{before:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing(before: Vec<u8>) {
            let once = with_parameters(Some(&before), &KERNEL_PARAMETERS);
            prop_assert_eq!(&with_parameters(Some(&once), &KERNEL_PARAMETERS), &once);
        }
    }
}
