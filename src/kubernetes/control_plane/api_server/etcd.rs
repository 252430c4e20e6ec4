//! Options of etcd.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/options/etcd.go`.

use super::super::errors::{Errors, quote};
use super::super::options::Options;
use crate::go;

/// Since which minor the media type is checked.
const MEDIA_TYPE: u32 = 29;
/// Since which minor overrides are parsed whole.
const PARSED_OVERRIDES: u32 = 34;

/// `EtcdOptions.Validate`.
pub(super) fn validate(options: &Options, errors: &mut Errors) {
    if options
        .list("etcd-servers")
        .is_none_or(|servers| servers.is_empty())
    {
        errors.push(
            "--etcd-servers must be specified",
            options.at(&["etcd-servers"]),
        );
    }
    if !matches!(options.text("storage-backend", ""), "" | "etcd3") {
        errors.push(
            "--storage-backend invalid, allowed values: etcd3. If not specified, it will default to 'etcd3'",
            options.at(&["storage-backend"]),
        );
    }
    let overrides = options.list("etcd-servers-overrides").unwrap_or_default();
    if !overrides.iter().all(|text| is_override(options, text)) {
        errors.push(
            "--etcd-servers-overrides invalid, must be of format: group/resource#servers, where servers are URLs, semicolon separated",
            options.at(&["etcd-servers-overrides"]),
        );
    }
    let reload = "encryption-provider-config-automatic-reload";
    if options.text("encryption-provider-config", "").is_empty() && options.bool(reload, false) {
        errors.push(
            format!("--{reload} must be set with --encryption-provider-config"),
            options.at(&[reload, "encryption-provider-config"]),
        );
    }
    let media = options.text("storage-media-type", "");
    let known = [
        "",
        "application/json",
        "application/yaml",
        "application/vnd.kubernetes.protobuf",
    ];
    if options.since(MEDIA_TYPE) && !known.contains(&media) {
        errors.push(
            format!(
                "--storage-media-type {} invalid, allowed values: application/json, application/vnd.kubernetes.protobuf, application/yaml",
                quote(media)
            ),
            options.at(&["storage-media-type"]),
        );
    }
}

/// `group/resource#server;server`.
fn is_override(options: &Options, text: &str) -> bool {
    let parts: Vec<&str> = text.split('#').collect();
    let [resource, servers] = parts[..] else {
        return false;
    };
    if resource.matches('/').count() != 1 {
        return false;
    }
    !options.since(PARSED_OVERRIDES) || servers.split(';').all(|server| !server.is_empty())
}

/// `ParseWatchCacheSizes`.
pub(super) fn watch_cache_sizes(options: &Options) -> Result<(), String> {
    if !options.bool("watch-cache", true) {
        return Ok(());
    }
    for text in options.list("watch-cache-sizes").unwrap_or_default() {
        let parts: Vec<&str> = text.split('#').collect();
        let [_, size] = parts[..] else {
            return Err(format!("invalid value of watch cache size: {text}"));
        };
        match go::atoi(size.as_bytes()) {
            Err(_) => return Err(format!("invalid size of watch cache size: {text}")),
            Ok(size) if size < 0 => {
                return Err(format!("watch cache size cannot be negative: {text}"));
            }
            Ok(_) => {}
        }
    }
    Ok(())
}
