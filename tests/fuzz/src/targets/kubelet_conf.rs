//! The kubelet's own files: configuration, its directory, and what `kubelet-arg` adds.

use preflight_rke2::testing::rke2::config::{
    ConfigFiles, Effective, SettingOrigin, kubelet, resolve,
};

use super::host::Host;

pub(super) fn run(data: &[u8]) {
    let mut host = Host::of(data);
    let words = host.files.main.unwrap_or_default();
    let main = [
        b"profile: cis\nkubelet-arg:\n- config=/k.yaml\n- config-dir=/k.d\n",
        words.as_slice(),
    ]
    .concat();
    host.files = ConfigFiles {
        main: Ok(main),
        ..ConfigFiles::none(host.files.path)
    };
    let settings = resolve(&host.invocation, &host.files, host.role, &host.rules);
    let found = kubelet(&settings, &host.rules, &host.kubelet);
    assert_eq!(found, kubelet(&settings, &host.rules, &host.kubelet));

    let files = || {
        let drop_ins = host.kubelet.conf_d.iter().chain(&host.kubelet.config_dir);
        drop_ins.chain(&host.kubelet.config)
    };
    let known = |effective: &Effective| match &effective.origin {
        SettingOrigin::File { path, .. } => {
            *path == host.files.path || files().any(|file| file.path == *path)
        }
        _ => true,
    };
    assert!(known(&found.protect_kernel_defaults));
    assert!(known(&found.fail_cgroup_v1));
    // A file is malformed once, or in two values.
    let most = files().count().saturating_mul(2);
    assert!(found.gaps.len() <= most.saturating_add(host.kubelet.unlisted.len()));
    let arguments = settings.kubelet_args().len();
    assert!(found.refusals.len() <= arguments.saturating_mul(3));
}
