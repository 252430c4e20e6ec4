//! Our own configuration: several files, the later over the earlier.

use preflight_rke2::testing::configuration::Configuration;
use preflight_rke2::testing::requirements::catalogue::CHECKS;

fn merge(files: &[(String, &[u8])]) -> Result<Configuration, String> {
    let ids: Vec<&str> = CHECKS.iter().map(|check| check.id.as_str()).collect();
    let files = files
        .iter()
        .map(|(path, content)| (path.as_str(), *content));
    Configuration::merge(files, |id| ids.contains(&id), &ids).map_err(|error| {
        assert!(error.place.line.is_some());
        error.to_string()
    })
}

pub(super) fn run(data: &[u8]) {
    let files: Vec<(String, &[u8])> = super::parts(data)
        .enumerate()
        .map(|(at, content)| (format!("/etc/preflight-rke2/{at}.toml"), content))
        .collect();
    let merged = merge(&files);
    assert_eq!(merged, merge(&files));
    // Each file is read on its own: the first bad one is told, and only a bad one.
    let alone = files.chunks(1).map(merge).find_map(Result::err);
    assert_eq!(merged.clone().err(), alone);
    if let (Ok(before), Some(last)) = (merged, files.last()) {
        let mut twice = files.clone();
        twice.push(last.clone());
        assert_eq!(merge(&twice), Ok(before), "saying it again changes nothing");
    }
}
