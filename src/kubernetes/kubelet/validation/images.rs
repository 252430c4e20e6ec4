//! Garbage collection and verification of images, and parameters of the kernel for pods.

use std::collections::HashSet;

use crate::kubernetes::codec::duration;
use crate::kubernetes::codec::tree::Value;

use super::Check;
use super::fields::quoted;

/// Parameters of the kernel that name spaces have.
const NAMESPACED: [&str; 11] = [
    "kernel.domainname",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
    "kernel.shm",
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.msg",
];
const NAMESPACED_PREFIXES: [&str; 3] = ["net.", "fs.mqueue.", "user."];

impl Check<'_> {
    pub(super) fn image_ages(&mut self) {
        const MINIMUM: &str = "imageMinimumGCAge";
        const MAXIMUM: &str = "imageMaximumGCAge";
        if !self.since(29) {
            return;
        }
        let (least, most) = (self.duration(MINIMUM), self.duration(MAXIMUM));
        if most != 0 && !self.is_enabled("ImageMaximumGCAge") {
            let option = if self.since(30) {
                "imageMaximumGCAge"
            } else {
                "ImageMaximumGCAge"
            };
            let words = format!(
                "ImageMaximumGCAge feature gate is required for Kubelet configuration option {option}"
            );
            self.invalid(MAXIMUM, &words);
        }
        if self.since(37) {
            self.sysctls();
        }
        if self.since(36) && least < 0 {
            let words = format!("{MINIMUM} {} must not be negative", duration::format(least));
            self.invalid(MINIMUM, &words);
        }
        if most < 0 {
            let words = format!("{MAXIMUM} {} must not be negative", duration::format(most));
            self.invalid(MAXIMUM, &words);
        }
        if most > 0 && most <= least {
            let words = format!(
                "{MAXIMUM} {} must be greater than {MINIMUM} {}",
                duration::format(most),
                duration::format(least)
            );
            self.invalid(MAXIMUM, &words);
        }
    }

    fn sysctls(&mut self) {
        const FIELD: &str = "defaultPodSysctls";
        let names: Vec<String> = match self.get(FIELD).map(|node| &node.value) {
            Some(Value::Map(entries)) => entries.iter().map(|(name, _)| name.clone()).collect(),
            _ => return,
        };
        if names.is_empty() {
            return;
        }
        if !self.is_enabled("DefaultPodSysctls") {
            self.invalid(
                FIELD,
                "DefaultPodSysctls feature gate is required for Kubelet configuration option defaultPodSysctls",
            );
            return;
        }
        let mut seen = HashSet::new();
        for name in names {
            let shown = quoted(&name);
            if !is_sysctl(&name) {
                let words = format!("{shown} is not a valid sysctl name for {FIELD}");
                self.invalid(FIELD, &words);
                continue;
            }
            let normal = normal(&name);
            let is_namespaced = NAMESPACED.contains(&normal.as_str())
                || NAMESPACED_PREFIXES
                    .iter()
                    .any(|prefix| normal.starts_with(prefix));
            if !is_namespaced {
                let words = format!("{shown} is not known to be namespaced for {FIELD}");
                self.invalid(FIELD, &words);
            }
            if !seen.insert(normal.clone()) {
                let words = format!("duplicate sysctl {} found in {FIELD}", quoted(&normal));
                self.invalid(FIELD, &words);
            }
        }
    }

    pub(super) fn image_verification(&mut self) {
        const POLICY: &str = "imagePullCredentialsVerificationPolicy";
        const LIST: &str = "preloadedImagesVerificationAllowlist";
        if !self.since(33) {
            return;
        }
        let policy = self.text(POLICY).to_owned();
        let patterns: Vec<String> = self.texts(LIST).into_iter().map(str::to_owned).collect();
        if !self.is_enabled("KubeletEnsureSecretPulledImages") {
            for (field, is_set) in [(POLICY, !policy.is_empty()), (LIST, !patterns.is_empty())] {
                if is_set {
                    let words = format!(
                        "`{field}` must not be set if KubeletEnsureSecretPulledImages feature gate is not enabled"
                    );
                    self.invalid(field, &words);
                }
            }
            return;
        }
        if !matches!(
            policy.as_str(),
            "NeverVerify"
                | "NeverVerifyPreloadedImages"
                | "NeverVerifyAllowlistedImages"
                | "AlwaysVerify"
        ) {
            let words = format!(
                "option {} specified for {POLICY}. Valid options are \"NeverVerify\", \
                 \"NeverVerifyPreloadedImages\", \"NeverVerifyAllowlistedImages\" or \"AlwaysVerify\"",
                quoted(&policy)
            );
            self.invalid(POLICY, &words);
        }
        if !patterns.is_empty() && policy != "NeverVerifyAllowlistedImages" {
            self.invalid(
                LIST,
                "can't set `preloadedImagesVerificationAllowlist` if `imagePullCredentialsVertificationPolicy` is \
                 not \"NeverVerifyAllowlistedImages\"",
            );
        } else if let Some(error) = patterns.iter().find_map(|pattern| pattern_error(pattern)) {
            let words = format!("invalid image pattern in `{LIST}`: {error}");
            self.invalid(LIST, &words);
        }
    }
}

/// Why a pattern of images is refused, as far as wildcards and space go. Names of images are not checked.
fn pattern_error(pattern: &str) -> Option<String> {
    if pattern.trim() != pattern {
        return Some(format!(
            "leading/trailing spaces are not allowed: {pattern}"
        ));
    }
    let is_wildcard = pattern.ends_with("/*");
    let name = if is_wildcard {
        pattern.strip_suffix('*').unwrap_or(pattern)
    } else {
        pattern
    };
    if name.is_empty() {
        return Some(format!("the supplied pattern is too short: {pattern}"));
    }
    if name.contains('*') {
        return Some(format!(
            "not a valid wildcard pattern, only patterns ending with '/*' are allowed: {pattern}"
        ));
    }
    (is_wildcard && name.len() == 1).then(|| "at least registry hostname is required".to_owned())
}

/// The form of a parameter's name: words of letters, digits, `-` and `_` between dots or slashes.
fn is_sysctl(name: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_word = |word: &str| {
        word.starts_with(is_end)
            && word.ends_with(is_end)
            && word.chars().all(|c| is_end(c) || matches!(c, '-' | '_'))
    };
    name.len() <= 253 && name.split(['.', '/']).all(is_word)
}

/// `sysctl.NormalizeName`: with dots between words, where the first separator is a slash.
fn normal(name: &str) -> String {
    match name.find(['.', '/']) {
        Some(at) if name.get(at..).is_some_and(|rest| rest.starts_with('/')) => name
            .chars()
            .map(|c| match c {
                '/' => '.',
                '.' => '/',
                c => c,
            })
            .collect(),
        _ => name.to_owned(),
    }
}
