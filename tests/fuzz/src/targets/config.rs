//! RKE2's configuration: files, environment and arguments to settings.

use preflight_rke2::testing::rke2::config::{
    Setting, SettingOrigin, SettingValue, config_path, kubelet, kubelet_paths, resolve,
};
use preflight_rke2::testing::rke2::start::StartSettings;

use super::host::{Host, keeps_secret};

/// Aliases may unfold to this many values in one file, whatever its length: the library's limit.
const UNFOLDED: usize = 4_000_000;

fn items(setting: &Setting) -> usize {
    let values = match &setting.value {
        SettingValue::List(items) => items.len(),
        _ => 1,
    };
    let places = setting.sources.len().max(values);
    places.saturating_add(setting.overridden.len())
}

fn is_of(host: &Host, origin: &SettingOrigin) -> bool {
    let SettingOrigin::File { path, line } = origin else {
        return true;
    };
    let drop_ins = host.files.drop_ins.iter().flatten();
    *line > 0 && (*path == host.files.path || drop_ins.into_iter().any(|file| file.path == *path))
}

pub(super) fn run(data: &[u8]) {
    let host = Host::of(data);
    let path = config_path(&host.invocation);
    let settings = resolve(&host.invocation, &host.files, host.role, &host.rules);
    let again = resolve(&host.invocation, &host.files, host.role, &host.rules);
    assert_eq!(settings, again);

    // An item for each byte at the most, and some for every flag.
    let flags = settings.values.len().saturating_mul(3);
    let mut most = host.size.saturating_add(flags).saturating_add(64);
    if data.contains(&b'*') {
        most = most.saturating_add(UNFOLDED);
    }
    let all: usize = settings.values.iter().map(items).sum();
    assert!(all <= most, "{all} items of {} bytes", host.size);
    assert!(settings.ignored.len() <= most);
    assert!(settings.gaps.len() <= host.size.saturating_add(1));
    for setting in &settings.values {
        let lost = setting.overridden.iter().map(|lost| &lost.origin);
        let origins = setting.sources.iter().chain(lost);
        assert!(origins.into_iter().all(|origin| is_of(&host, origin)));
        if let SettingValue::List(items) = &setting.value {
            assert_eq!(items.len(), setting.sources.len(), "{}", setting.name);
        }
    }

    let paths = kubelet_paths(&settings, &host.rules);
    let runs = kubelet(&settings, &host.rules, &host.kubelet);
    assert_eq!(runs, kubelet(&settings, &host.rules, &host.kubelet));

    if all < 10_000 {
        keeps_secret(&format!("{:?} {:?} {path:?}", host.invocation, host.files));
        keeps_secret(&format!("{settings:?} {paths:?} {runs:?}"));
        let start = StartSettings::new(
            host.version.clone(),
            &settings,
            &runs,
            preflight_rke2::testing::rke2::start::ComponentFailures::default(),
        );
        keeps_secret(&format!("{start:?}"));
        for setting in &settings.values {
            keeps_secret(&setting.display_value().to_string());
        }
    }
}
