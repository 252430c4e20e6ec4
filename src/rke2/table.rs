//! Releases of RKE2, and the flags of each.
//!
//! Made by `tests/lab/flag-table` from `tests/cases/rke2-flags.json`: change that.

use super::flag_history::{FlagKind, Form, Row, Run};

/// Every release that has rules, in the order of their numbers: minor, patch, revision.
#[rustfmt::skip]
pub(super) const RELEASES: [(u32, u32, u32); 319] = [
    (18, 9, 1),
    (18, 10, 1),
    (18, 12, 1),
    (18, 12, 2),
    (18, 13, 1),
    (18, 15, 1),
    (18, 16, 1),
    (18, 17, 1),
    (18, 18, 1),
    (18, 19, 1),
    (18, 20, 1),
    (19, 5, 1),
    (19, 7, 1),
    (19, 8, 1),
    (19, 9, 1),
    (19, 10, 1),
    (19, 11, 1),
    (19, 12, 1),
    (19, 13, 1),
    (19, 13, 2),
    (19, 14, 1),
    (19, 15, 1),
    (19, 15, 2),
    (19, 16, 1),
    (20, 4, 1),
    (20, 5, 1),
    (20, 6, 1),
    (20, 7, 1),
    (20, 7, 2),
    (20, 8, 1),
    (20, 9, 1),
    (20, 9, 2),
    (20, 10, 1),
    (20, 11, 1),
    (20, 11, 2),
    (20, 12, 1),
    (20, 13, 1),
    (20, 14, 1),
    (20, 14, 2),
    (20, 15, 1),
    (20, 15, 2),
    (21, 2, 1),
    (21, 3, 1),
    (21, 3, 2),
    (21, 4, 1),
    (21, 4, 2),
    (21, 4, 3),
    (21, 5, 1),
    (21, 5, 2),
    (21, 6, 1),
    (21, 7, 1),
    (21, 7, 2),
    (21, 8, 1),
    (21, 8, 2),
    (21, 9, 1),
    (21, 10, 1),
    (21, 10, 2),
    (21, 11, 1),
    (21, 12, 1),
    (21, 12, 2),
    (21, 13, 1),
    (21, 13, 2),
    (21, 14, 1),
    (22, 3, 1),
    (22, 4, 1),
    (22, 4, 2),
    (22, 5, 1),
    (22, 5, 2),
    (22, 6, 1),
    (22, 7, 1),
    (22, 7, 2),
    (22, 8, 1),
    (22, 9, 1),
    (22, 9, 2),
    (22, 10, 1),
    (22, 10, 2),
    (22, 11, 1),
    (22, 12, 1),
    (22, 13, 1),
    (22, 15, 1),
    (22, 15, 2),
    (22, 16, 1),
    (22, 17, 1),
    (23, 1, 1),
    (23, 1, 2),
    (23, 3, 1),
    (23, 4, 1),
    (23, 4, 2),
    (23, 5, 1),
    (23, 6, 1),
    (23, 6, 2),
    (23, 7, 1),
    (23, 7, 2),
    (23, 8, 1),
    (23, 9, 1),
    (23, 10, 1),
    (23, 12, 1),
    (23, 13, 1),
    (23, 14, 1),
    (23, 15, 1),
    (23, 16, 1),
    (23, 17, 1),
    (24, 1, 1),
    (24, 1, 2),
    (24, 2, 1),
    (24, 3, 1),
    (24, 4, 1),
    (24, 6, 1),
    (24, 7, 1),
    (24, 8, 1),
    (24, 9, 1),
    (24, 9, 2),
    (24, 10, 1),
    (24, 11, 1),
    (24, 12, 1),
    (24, 13, 1),
    (24, 14, 1),
    (24, 15, 1),
    (24, 16, 1),
    (24, 17, 1),
    (25, 0, 1),
    (25, 2, 1),
    (25, 3, 1),
    (25, 4, 1),
    (25, 5, 1),
    (25, 5, 2),
    (25, 6, 1),
    (25, 7, 1),
    (25, 8, 1),
    (25, 9, 1),
    (25, 10, 1),
    (25, 11, 1),
    (25, 12, 1),
    (25, 13, 1),
    (25, 14, 1),
    (25, 15, 1),
    (25, 15, 2),
    (25, 16, 1),
    (25, 16, 2),
    (26, 0, 1),
    (26, 0, 2),
    (26, 1, 1),
    (26, 2, 1),
    (26, 3, 1),
    (26, 4, 1),
    (26, 5, 1),
    (26, 6, 1),
    (26, 7, 1),
    (26, 8, 1),
    (26, 9, 1),
    (26, 10, 1),
    (26, 10, 2),
    (26, 11, 1),
    (26, 12, 1),
    (26, 13, 1),
    (26, 14, 1),
    (26, 15, 1),
    (27, 1, 1),
    (27, 2, 1),
    (27, 3, 1),
    (27, 4, 1),
    (27, 5, 1),
    (27, 6, 1),
    (27, 7, 1),
    (27, 7, 2),
    (27, 8, 1),
    (27, 9, 1),
    (27, 10, 1),
    (27, 11, 1),
    (27, 12, 1),
    (27, 13, 1),
    (27, 14, 1),
    (27, 15, 1),
    (27, 16, 1),
    (27, 16, 2),
    (28, 1, 1),
    (28, 2, 1),
    (28, 3, 1),
    (28, 3, 2),
    (28, 4, 1),
    (28, 5, 1),
    (28, 6, 1),
    (28, 7, 1),
    (28, 8, 1),
    (28, 9, 1),
    (28, 10, 1),
    (28, 11, 1),
    (28, 12, 1),
    (28, 13, 1),
    (28, 14, 1),
    (28, 15, 1),
    (29, 0, 1),
    (29, 1, 1),
    (29, 2, 1),
    (29, 3, 1),
    (29, 4, 1),
    (29, 5, 1),
    (29, 6, 1),
    (29, 7, 1),
    (29, 8, 1),
    (29, 9, 1),
    (29, 10, 1),
    (29, 11, 1),
    (29, 12, 1),
    (29, 13, 1),
    (29, 14, 1),
    (29, 15, 1),
    (30, 0, 1),
    (30, 1, 1),
    (30, 2, 1),
    (30, 3, 1),
    (30, 4, 1),
    (30, 5, 1),
    (30, 6, 1),
    (30, 7, 1),
    (30, 8, 1),
    (30, 9, 1),
    (30, 10, 1),
    (30, 11, 1),
    (30, 12, 1),
    (30, 13, 1),
    (30, 14, 1),
    (30, 14, 2),
    (30, 14, 4),
    (31, 0, 1),
    (31, 1, 1),
    (31, 1, 2),
    (31, 2, 1),
    (31, 3, 1),
    (31, 4, 1),
    (31, 5, 1),
    (31, 6, 1),
    (31, 7, 1),
    (31, 8, 1),
    (31, 9, 1),
    (31, 10, 1),
    (31, 11, 1),
    (31, 12, 1),
    (31, 13, 1),
    (31, 14, 1),
    (31, 14, 2),
    (32, 0, 1),
    (32, 1, 1),
    (32, 2, 1),
    (32, 3, 1),
    (32, 4, 1),
    (32, 5, 1),
    (32, 6, 1),
    (32, 7, 1),
    (32, 8, 1),
    (32, 9, 1),
    (32, 10, 1),
    (32, 11, 1),
    (32, 11, 2),
    (32, 11, 3),
    (32, 12, 1),
    (32, 13, 1),
    (32, 13, 2),
    (33, 0, 1),
    (33, 1, 1),
    (33, 2, 1),
    (33, 3, 1),
    (33, 4, 1),
    (33, 5, 1),
    (33, 6, 1),
    (33, 7, 1),
    (33, 7, 2),
    (33, 7, 3),
    (33, 8, 1),
    (33, 9, 1),
    (33, 10, 1),
    (33, 10, 2),
    (33, 10, 3),
    (33, 11, 1),
    (33, 12, 1),
    (33, 12, 2),
    (33, 13, 1),
    (33, 13, 2),
    (34, 1, 1),
    (34, 2, 1),
    (34, 3, 1),
    (34, 3, 2),
    (34, 3, 3),
    (34, 4, 1),
    (34, 5, 1),
    (34, 6, 1),
    (34, 6, 2),
    (34, 6, 3),
    (34, 7, 1),
    (34, 8, 1),
    (34, 8, 2),
    (34, 9, 1),
    (34, 10, 1),
    (34, 11, 1),
    (34, 12, 1),
    (35, 0, 1),
    (35, 0, 2),
    (35, 0, 3),
    (35, 1, 1),
    (35, 2, 1),
    (35, 3, 1),
    (35, 3, 2),
    (35, 3, 3),
    (35, 4, 1),
    (35, 5, 1),
    (35, 5, 2),
    (35, 6, 1),
    (35, 7, 1),
    (35, 8, 1),
    (35, 9, 1),
    (36, 0, 1),
    (36, 1, 1),
    (36, 1, 2),
    (36, 2, 1),
    (36, 3, 1),
    (36, 4, 1),
    (36, 5, 1),
    (37, 0, 1),
    (37, 1, 1),
];

/// Those of [`RELEASES`] whose sources were not read: their rules are extrapolated.
#[rustfmt::skip]
pub(super) const EXTRAPOLATED: [(u32, u32, u32); 8] = [
    (34, 11, 1),
    (34, 12, 1),
    (35, 8, 1),
    (35, 9, 1),
    (36, 4, 1),
    (36, 5, 1),
    (37, 0, 1),
    (37, 1, 1),
];

/// The flags of `rke2 server`, by name; runs are positions in [`RELEASES`], both ends included.
#[rustfmt::skip]
pub(super) const SERVER: &[Row] = &[
    Row { name: "advertise-address", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "advertise-port", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "agent-token", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "agent-token-file", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "airgap-extra-registry", runs: &[
        Run { first: 24, last: 318, form: Form::Passed },
    ] },
    Row { name: "alsologtostderr", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "apiserver-bind-address", runs: &[
        Run { first: 203, last: 206, form: Form::Dropped },
        Run { first: 215, last: 223, form: Form::Dropped },
        Run { first: 229, last: 318, form: Form::Dropped },
    ] },
    Row { name: "apiserver-port", runs: &[
        Run { first: 203, last: 206, form: Form::Dropped },
        Run { first: 215, last: 223, form: Form::Dropped },
        Run { first: 229, last: 318, form: Form::Dropped },
    ] },
    Row { name: "audit-policy-file", runs: &[
        Run { first: 2, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_AUDIT_POLICY_FILE"]) },
    ] },
    Row { name: "bind-address", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "cloud-controller-manager-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_CLOUD_CONTROLLER_MANAGER_EXTRA_ENV"]) },
    ] },
    Row { name: "cloud-controller-manager-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_CLOUD_CONTROLLER_MANAGER_EXTRA_MOUNT"]) },
    ] },
    Row { name: "cloud-controller-manager-image", runs: &[
        Run { first: 97, last: 101, form: Form::Own(FlagKind::Text, &["RKE2_CLOUD_CONTROLLER_MANAGER_IMAGE"]) },
        Run { first: 108, last: 119, form: Form::Own(FlagKind::Text, &["RKE2_CLOUD_CONTROLLER_MANAGER_IMAGE"]) },
        Run { first: 122, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_CLOUD_CONTROLLER_MANAGER_IMAGE"]) },
    ] },
    Row { name: "cloud-provider-config", runs: &[
        Run { first: 0, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_CLOUD_PROVIDER_CONFIG"]) },
    ] },
    Row { name: "cloud-provider-name", runs: &[
        Run { first: 0, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_CLOUD_PROVIDER_NAME"]) },
    ] },
    Row { name: "cluster-cidr", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "cluster-dns", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "cluster-domain", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "cluster-init", runs: &[
        Run { first: 0, last: 1, form: Form::Passed },
        Run { first: 2, last: 318, form: Form::Dropped },
    ] },
    Row { name: "cluster-reset", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "cluster-reset-restore-path", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "cluster-secret", runs: &[
        Run { first: 0, last: 138, form: Form::Dropped },
    ] },
    Row { name: "cni", runs: &[
        Run { first: 27, last: 40, form: Form::Own(FlagKind::Text, &["RKE2_CNI"]) },
        Run { first: 41, last: 318, form: Form::Own(FlagKind::List, &["RKE2_CNI"]) },
    ] },
    Row { name: "config", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "container-runtime-endpoint", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "control-plane-probe-configuration", runs: &[
        Run { first: 106, last: 318, form: Form::Own(FlagKind::List, &["RKE2_CONTROL_PLANE_PROBE_CONFIGURATION"]) },
    ] },
    Row { name: "control-plane-resource-limits", runs: &[
        Run { first: 43, last: 105, form: Form::Own(FlagKind::Text, &["RKE2_CONTROL_PLANE_RESOURCE_LIMITS"]) },
        Run { first: 106, last: 318, form: Form::Own(FlagKind::List, &["RKE2_CONTROL_PLANE_RESOURCE_LIMITS"]) },
    ] },
    Row { name: "control-plane-resource-requests", runs: &[
        Run { first: 43, last: 105, form: Form::Own(FlagKind::Text, &["RKE2_CONTROL_PLANE_RESOURCE_REQUESTS"]) },
        Run { first: 106, last: 318, form: Form::Own(FlagKind::List, &["RKE2_CONTROL_PLANE_RESOURCE_REQUESTS"]) },
    ] },
    Row { name: "data-dir", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "datastore-cafile", runs: &[
        Run { first: 170, last: 174, form: Form::Passed },
        Run { first: 184, last: 190, form: Form::Passed },
        Run { first: 195, last: 318, form: Form::Passed },
        Run { first: 0, last: 169, form: Form::Dropped },
        Run { first: 175, last: 183, form: Form::Dropped },
        Run { first: 191, last: 194, form: Form::Dropped },
    ] },
    Row { name: "datastore-certfile", runs: &[
        Run { first: 170, last: 174, form: Form::Passed },
        Run { first: 184, last: 190, form: Form::Passed },
        Run { first: 195, last: 318, form: Form::Passed },
        Run { first: 0, last: 169, form: Form::Dropped },
        Run { first: 175, last: 183, form: Form::Dropped },
        Run { first: 191, last: 194, form: Form::Dropped },
    ] },
    Row { name: "datastore-endpoint", runs: &[
        Run { first: 170, last: 174, form: Form::Passed },
        Run { first: 184, last: 190, form: Form::Passed },
        Run { first: 195, last: 318, form: Form::Passed },
        Run { first: 0, last: 169, form: Form::Dropped },
        Run { first: 175, last: 183, form: Form::Dropped },
        Run { first: 191, last: 194, form: Form::Dropped },
    ] },
    Row { name: "datastore-keyfile", runs: &[
        Run { first: 170, last: 174, form: Form::Passed },
        Run { first: 184, last: 190, form: Form::Passed },
        Run { first: 195, last: 318, form: Form::Passed },
        Run { first: 0, last: 169, form: Form::Dropped },
        Run { first: 175, last: 183, form: Form::Dropped },
        Run { first: 191, last: 194, form: Form::Dropped },
    ] },
    Row { name: "debug", runs: &[
        Run { first: 0, last: 113, form: Form::Own(FlagKind::Bool, &["RKE2_DEBUG"]) },
        Run { first: 120, last: 127, form: Form::Own(FlagKind::Bool, &["RKE2_DEBUG"]) },
        Run { first: 139, last: 142, form: Form::Own(FlagKind::Bool, &["RKE2_DEBUG"]) },
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "default-local-storage-path", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "default-runtime", runs: &[
        Run { first: 153, last: 156, form: Form::Passed },
        Run { first: 166, last: 174, form: Form::Passed },
        Run { first: 180, last: 318, form: Form::Passed },
    ] },
    Row { name: "disable", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "disable-agent", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "disable-api-server", runs: &[
        Run { first: 7, last: 8, form: Form::Passed },
        Run { first: 14, last: 15, form: Form::Passed },
        Run { first: 24, last: 26, form: Form::Passed },
    ] },
    Row { name: "disable-apiserver", runs: &[
        Run { first: 9, last: 10, form: Form::Passed },
        Run { first: 16, last: 23, form: Form::Passed },
        Run { first: 27, last: 318, form: Form::Passed },
    ] },
    Row { name: "disable-cloud-controller", runs: &[
        Run { first: 7, last: 10, form: Form::Passed },
        Run { first: 14, last: 318, form: Form::Passed },
        Run { first: 0, last: 6, form: Form::Dropped },
        Run { first: 11, last: 13, form: Form::Dropped },
    ] },
    Row { name: "disable-controller-manager", runs: &[
        Run { first: 7, last: 10, form: Form::Passed },
        Run { first: 14, last: 318, form: Form::Passed },
    ] },
    Row { name: "disable-default-registry-endpoint", runs: &[
        Run { first: 154, last: 156, form: Form::Passed },
        Run { first: 167, last: 174, form: Form::Passed },
        Run { first: 181, last: 190, form: Form::Passed },
        Run { first: 192, last: 318, form: Form::Passed },
    ] },
    Row { name: "disable-etcd", runs: &[
        Run { first: 7, last: 10, form: Form::Passed },
        Run { first: 14, last: 318, form: Form::Passed },
    ] },
    Row { name: "disable-helm-controller", runs: &[
        Run { first: 30, last: 40, form: Form::Dropped },
        Run { first: 42, last: 318, form: Form::Dropped },
    ] },
    Row { name: "disable-kube-proxy", runs: &[
        Run { first: 30, last: 40, form: Form::Passed },
        Run { first: 42, last: 318, form: Form::Passed },
        Run { first: 0, last: 29, form: Form::Dropped },
        Run { first: 41, last: 41, form: Form::Dropped },
    ] },
    Row { name: "disable-network-policy", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "disable-scheduler", runs: &[
        Run { first: 7, last: 10, form: Form::Passed },
        Run { first: 14, last: 318, form: Form::Passed },
        Run { first: 0, last: 6, form: Form::Dropped },
        Run { first: 11, last: 13, form: Form::Dropped },
    ] },
    Row { name: "disable-selinux", runs: &[
        Run { first: 0, last: 138, form: Form::Dropped },
    ] },
    Row { name: "docker", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "egress-selector-mode", runs: &[
        Run { first: 74, last: 82, form: Form::Passed },
        Run { first: 91, last: 318, form: Form::Passed },
    ] },
    Row { name: "embedded-registry", runs: &[
        Run { first: 154, last: 156, form: Form::Passed },
        Run { first: 167, last: 174, form: Form::Passed },
        Run { first: 181, last: 190, form: Form::Passed },
        Run { first: 192, last: 318, form: Form::Passed },
    ] },
    Row { name: "enable-pprof", runs: &[
        Run { first: 76, last: 82, form: Form::Passed },
        Run { first: 93, last: 101, form: Form::Passed },
        Run { first: 104, last: 318, form: Form::Passed },
    ] },
    Row { name: "enable-servicelb", runs: &[
        Run { first: 97, last: 101, form: Form::Own(FlagKind::Bool, &["RKE2_ENABLE_SERVICELB"]) },
        Run { first: 108, last: 119, form: Form::Own(FlagKind::Bool, &["RKE2_ENABLE_SERVICELB"]) },
        Run { first: 122, last: 318, form: Form::Own(FlagKind::Bool, &["RKE2_ENABLE_SERVICELB"]) },
    ] },
    Row { name: "etc-image", runs: &[
        Run { first: 24, last: 24, form: Form::Own(FlagKind::Text, &["RKE2_ETCD_IMAGE"]) },
    ] },
    Row { name: "etcd-arg", runs: &[
        Run { first: 36, last: 40, form: Form::Passed },
        Run { first: 50, last: 62, form: Form::Passed },
        Run { first: 64, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-disable-snapshots", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-expose-metrics", runs: &[
        Run { first: 24, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_ETCD_EXTRA_ENV"]) },
    ] },
    Row { name: "etcd-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_ETCD_EXTRA_MOUNT"]) },
    ] },
    Row { name: "etcd-image", runs: &[
        Run { first: 3, last: 23, form: Form::Own(FlagKind::Text, &["RKE2_ETCD_IMAGE"]) },
        Run { first: 25, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_ETCD_IMAGE"]) },
    ] },
    Row { name: "etcd-s3", runs: &[
        Run { first: 8, last: 10, form: Form::Passed },
        Run { first: 15, last: 23, form: Form::Passed },
        Run { first: 26, last: 318, form: Form::Passed },
        Run { first: 24, last: 25, form: Form::Dropped },
    ] },
    Row { name: "etcd-s3-access-key", runs: &[
        Run { first: 8, last: 10, form: Form::Passed },
        Run { first: 15, last: 23, form: Form::Passed },
        Run { first: 26, last: 318, form: Form::Passed },
        Run { first: 24, last: 25, form: Form::Dropped },
    ] },
    Row { name: "etcd-s3-bucket", runs: &[
        Run { first: 8, last: 10, form: Form::Passed },
        Run { first: 15, last: 23, form: Form::Passed },
        Run { first: 26, last: 318, form: Form::Passed },
        Run { first: 24, last: 25, form: Form::Dropped },
    ] },
    Row { name: "etcd-s3-bucket-lookup-type", runs: &[
        Run { first: 220, last: 223, form: Form::Passed },
        Run { first: 234, last: 240, form: Form::Passed },
        Run { first: 246, last: 257, form: Form::Passed },
        Run { first: 259, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-s3-config-secret", runs: &[
        Run { first: 173, last: 174, form: Form::Passed },
        Run { first: 187, last: 190, form: Form::Passed },
        Run { first: 198, last: 206, form: Form::Passed },
        Run { first: 210, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-s3-endpoint", runs: &[
        Run { first: 8, last: 10, form: Form::Passed },
        Run { first: 15, last: 23, form: Form::Passed },
        Run { first: 26, last: 318, form: Form::Passed },
        Run { first: 24, last: 25, form: Form::Dropped },
    ] },
    Row { name: "etcd-s3-endpoint-ca", runs: &[
        Run { first: 8, last: 10, form: Form::Passed },
        Run { first: 15, last: 23, form: Form::Passed },
        Run { first: 26, last: 318, form: Form::Passed },
        Run { first: 24, last: 25, form: Form::Dropped },
    ] },
    Row { name: "etcd-s3-folder", runs: &[
        Run { first: 8, last: 10, form: Form::Passed },
        Run { first: 15, last: 23, form: Form::Passed },
        Run { first: 26, last: 318, form: Form::Passed },
        Run { first: 24, last: 25, form: Form::Dropped },
    ] },
    Row { name: "etcd-s3-insecure", runs: &[
        Run { first: 35, last: 40, form: Form::Passed },
        Run { first: 49, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-s3-proxy", runs: &[
        Run { first: 173, last: 174, form: Form::Passed },
        Run { first: 187, last: 190, form: Form::Passed },
        Run { first: 198, last: 206, form: Form::Passed },
        Run { first: 210, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-s3-region", runs: &[
        Run { first: 8, last: 10, form: Form::Passed },
        Run { first: 15, last: 23, form: Form::Passed },
        Run { first: 26, last: 318, form: Form::Passed },
        Run { first: 24, last: 25, form: Form::Dropped },
    ] },
    Row { name: "etcd-s3-retention", runs: &[
        Run { first: 237, last: 240, form: Form::Passed },
        Run { first: 249, last: 257, form: Form::Passed },
        Run { first: 262, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-s3-secret-key", runs: &[
        Run { first: 8, last: 10, form: Form::Passed },
        Run { first: 15, last: 23, form: Form::Passed },
        Run { first: 26, last: 318, form: Form::Passed },
        Run { first: 24, last: 25, form: Form::Dropped },
    ] },
    Row { name: "etcd-s3-session-token", runs: &[
        Run { first: 205, last: 206, form: Form::Passed },
        Run { first: 217, last: 223, form: Form::Passed },
        Run { first: 231, last: 240, form: Form::Passed },
        Run { first: 243, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-s3-skip-ssl-verify", runs: &[
        Run { first: 8, last: 10, form: Form::Passed },
        Run { first: 15, last: 23, form: Form::Passed },
        Run { first: 26, last: 318, form: Form::Passed },
        Run { first: 24, last: 25, form: Form::Dropped },
    ] },
    Row { name: "etcd-s3-timeout", runs: &[
        Run { first: 35, last: 40, form: Form::Passed },
        Run { first: 49, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-snapshot-compress", runs: &[
        Run { first: 39, last: 40, form: Form::Passed },
        Run { first: 54, last: 62, form: Form::Passed },
        Run { first: 68, last: 82, form: Form::Passed },
        Run { first: 85, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-snapshot-dir", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-snapshot-name", runs: &[
        Run { first: 8, last: 10, form: Form::Passed },
        Run { first: 15, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-snapshot-reconcile-interval", runs: &[
        Run { first: 206, last: 206, form: Form::Passed },
        Run { first: 218, last: 223, form: Form::Passed },
        Run { first: 232, last: 240, form: Form::Passed },
        Run { first: 244, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-snapshot-retention", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "etcd-snapshot-schedule-cron", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "flannel-backend", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "flannel-cni-conf", runs: &[
        Run { first: 76, last: 82, form: Form::Dropped },
        Run { first: 93, last: 101, form: Form::Dropped },
        Run { first: 104, last: 318, form: Form::Dropped },
    ] },
    Row { name: "flannel-conf", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "flannel-external-ip", runs: &[
        Run { first: 98, last: 101, form: Form::Dropped },
        Run { first: 109, last: 119, form: Form::Dropped },
        Run { first: 123, last: 318, form: Form::Dropped },
    ] },
    Row { name: "flannel-iface", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "flannel-ipv6-masq", runs: &[
        Run { first: 69, last: 82, form: Form::Dropped },
        Run { first: 86, last: 318, form: Form::Dropped },
    ] },
    Row { name: "helm-controller-arg", runs: &[
        Run { first: 277, last: 277, form: Form::Passed },
        Run { first: 292, last: 294, form: Form::Passed },
        Run { first: 307, last: 309, form: Form::Passed },
        Run { first: 314, last: 318, form: Form::Passed },
    ] },
    Row { name: "helm-job-image", runs: &[
        Run { first: 118, last: 119, form: Form::Passed },
        Run { first: 132, last: 138, form: Form::Passed },
        Run { first: 147, last: 156, form: Form::Passed },
        Run { first: 160, last: 318, form: Form::Passed },
    ] },
    Row { name: "https-listen-port", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "image-credential-provider-bin-dir", runs: &[
        Run { first: 27, last: 318, form: Form::Passed },
    ] },
    Row { name: "image-credential-provider-config", runs: &[
        Run { first: 27, last: 318, form: Form::Passed },
    ] },
    Row { name: "image-service-endpoint", runs: &[
        Run { first: 135, last: 138, form: Form::Dropped },
        Run { first: 150, last: 156, form: Form::Dropped },
        Run { first: 163, last: 174, form: Form::Dropped },
        Run { first: 177, last: 318, form: Form::Dropped },
    ] },
    Row { name: "ingress-controller", runs: &[
        Run { first: 173, last: 174, form: Form::Own(FlagKind::List, &["RKE_INGRESS_CONTROLLER"]) },
        Run { first: 187, last: 190, form: Form::Own(FlagKind::List, &["RKE_INGRESS_CONTROLLER"]) },
        Run { first: 198, last: 206, form: Form::Own(FlagKind::List, &["RKE_INGRESS_CONTROLLER"]) },
        Run { first: 210, last: 256, form: Form::Own(FlagKind::List, &["RKE_INGRESS_CONTROLLER"]) },
        Run { first: 257, last: 257, form: Form::Own(FlagKind::List, &["RKE2_INGRESS_CONTROLLER", "RKE_INGRESS_CONTROLLER"]) },
        Run { first: 258, last: 269, form: Form::Own(FlagKind::List, &["RKE_INGRESS_CONTROLLER"]) },
        Run { first: 270, last: 277, form: Form::Own(FlagKind::List, &["RKE2_INGRESS_CONTROLLER", "RKE_INGRESS_CONTROLLER"]) },
        Run { first: 278, last: 284, form: Form::Own(FlagKind::List, &["RKE_INGRESS_CONTROLLER"]) },
        Run { first: 285, last: 294, form: Form::Own(FlagKind::List, &["RKE2_INGRESS_CONTROLLER", "RKE_INGRESS_CONTROLLER"]) },
        Run { first: 295, last: 299, form: Form::Own(FlagKind::List, &["RKE_INGRESS_CONTROLLER"]) },
        Run { first: 300, last: 318, form: Form::Own(FlagKind::List, &["RKE2_INGRESS_CONTROLLER", "RKE_INGRESS_CONTROLLER"]) },
    ] },
    Row { name: "kine-tls", runs: &[
        Run { first: 170, last: 174, form: Form::Dropped },
        Run { first: 184, last: 190, form: Form::Dropped },
        Run { first: 195, last: 318, form: Form::Dropped },
    ] },
    Row { name: "kube-apiserver-arg", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "kube-apiserver-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_APISERVER_EXTRA_ENV"]) },
    ] },
    Row { name: "kube-apiserver-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_APISERVER_EXTRA_MOUNT"]) },
    ] },
    Row { name: "kube-apiserver-image", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_KUBE_APISERVER_IMAGE"]) },
    ] },
    Row { name: "kube-cloud-controller-arg", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "kube-cloud-controller-manager-arg", runs: &[
        Run { first: 135, last: 138, form: Form::Passed },
        Run { first: 150, last: 156, form: Form::Passed },
        Run { first: 163, last: 174, form: Form::Passed },
        Run { first: 177, last: 318, form: Form::Passed },
        Run { first: 0, last: 134, form: Form::Dropped },
        Run { first: 139, last: 149, form: Form::Dropped },
        Run { first: 157, last: 162, form: Form::Dropped },
        Run { first: 175, last: 176, form: Form::Dropped },
    ] },
    Row { name: "kube-controller-arg", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "kube-controller-manager-arg", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "kube-controller-manager-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_CONTROLLER_MANAGER_EXTRA_ENV"]) },
    ] },
    Row { name: "kube-controller-manager-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_CONTROLLER_MANAGER_EXTRA_MOUNT"]) },
    ] },
    Row { name: "kube-controller-manager-image", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_KUBE_CONTROLLER_MANAGER_IMAGE"]) },
    ] },
    Row { name: "kube-proxy-arg", runs: &[
        Run { first: 0, last: 23, form: Form::Passed },
        Run { first: 30, last: 40, form: Form::Passed },
        Run { first: 42, last: 318, form: Form::Passed },
        Run { first: 24, last: 29, form: Form::Dropped },
        Run { first: 41, last: 41, form: Form::Dropped },
    ] },
    Row { name: "kube-proxy-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_PROXY_EXTRA_ENV"]) },
    ] },
    Row { name: "kube-proxy-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_PROXY_EXTRA_MOUNT"]) },
    ] },
    Row { name: "kube-proxy-image", runs: &[
        Run { first: 30, last: 40, form: Form::Own(FlagKind::Text, &["RKE2_KUBE_PROXY_IMAGE"]) },
        Run { first: 42, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_KUBE_PROXY_IMAGE"]) },
    ] },
    Row { name: "kube-scheduler-arg", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "kube-scheduler-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_SCHEDULER_EXTRA_ENV"]) },
    ] },
    Row { name: "kube-scheduler-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_SCHEDULER_EXTRA_MOUNT"]) },
    ] },
    Row { name: "kube-scheduler-image", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_KUBE_SCHEDULER_IMAGE"]) },
    ] },
    Row { name: "kubelet-arg", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "kubelet-path", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_KUBELET_PATH"]) },
    ] },
    Row { name: "lb-server-port", runs: &[
        Run { first: 24, last: 318, form: Form::Passed },
    ] },
    Row { name: "log", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "multi-cluster-cidr", runs: &[
        Run { first: 143, last: 190, form: Form::Passed },
    ] },
    Row { name: "no-deploy", runs: &[
        Run { first: 0, last: 138, form: Form::Dropped },
    ] },
    Row { name: "no-flannel", runs: &[
        Run { first: 0, last: 138, form: Form::Dropped },
    ] },
    Row { name: "node-external-dns", runs: &[
        Run { first: 204, last: 206, form: Form::Passed },
        Run { first: 216, last: 223, form: Form::Passed },
        Run { first: 230, last: 318, form: Form::Passed },
    ] },
    Row { name: "node-external-ip", runs: &[
        Run { first: 2, last: 318, form: Form::Passed },
        Run { first: 0, last: 1, form: Form::Dropped },
    ] },
    Row { name: "node-internal-dns", runs: &[
        Run { first: 204, last: 206, form: Form::Passed },
        Run { first: 216, last: 223, form: Form::Passed },
        Run { first: 230, last: 318, form: Form::Passed },
    ] },
    Row { name: "node-ip", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "node-label", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "node-name", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "node-name-from-cloud-provider-metadata", runs: &[
        Run { first: 202, last: 206, form: Form::Own(FlagKind::Bool, &["RKE2_NODE_NAME_FROM_CLOUD_PROVIDER_METADATA"]) },
        Run { first: 214, last: 223, form: Form::Own(FlagKind::Bool, &["RKE2_NODE_NAME_FROM_CLOUD_PROVIDER_METADATA"]) },
        Run { first: 228, last: 318, form: Form::Own(FlagKind::Bool, &["RKE2_NODE_NAME_FROM_CLOUD_PROVIDER_METADATA"]) },
    ] },
    Row { name: "node-taint", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "nonroot-devices", runs: &[
        Run { first: 202, last: 206, form: Form::Passed },
        Run { first: 214, last: 223, form: Form::Passed },
        Run { first: 228, last: 318, form: Form::Passed },
    ] },
    Row { name: "pause-image", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_PAUSE_IMAGE"]) },
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "pod-security-admission-config-file", runs: &[
        Run { first: 120, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_POD_SECURITY_ADMISSION_CONFIG_FILE"]) },
    ] },
    Row { name: "prefer-bundled-bin", runs: &[
        Run { first: 99, last: 101, form: Form::Dropped },
        Run { first: 110, last: 119, form: Form::Dropped },
        Run { first: 124, last: 318, form: Form::Dropped },
    ] },
    Row { name: "prime", runs: &[
        Run { first: 257, last: 257, form: Form::Own(FlagKind::Bool, &["RKE2_PRIME"]) },
        Run { first: 270, last: 277, form: Form::Own(FlagKind::Bool, &["RKE2_PRIME"]) },
        Run { first: 285, last: 294, form: Form::Own(FlagKind::Bool, &["RKE2_PRIME"]) },
        Run { first: 300, last: 318, form: Form::Own(FlagKind::Bool, &["RKE2_PRIME"]) },
    ] },
    Row { name: "private-registry", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "profile", runs: &[
        Run { first: 0, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_CIS_PROFILE"]) },
    ] },
    Row { name: "protect-kernel-defaults", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "resolv-conf", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "rootless", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "runtime-image", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_RUNTIME_IMAGE"]) },
    ] },
    Row { name: "secrets-encryption", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "secrets-encryption-provider", runs: &[
        Run { first: 219, last: 223, form: Form::Passed },
        Run { first: 233, last: 240, form: Form::Passed },
        Run { first: 245, last: 318, form: Form::Passed },
    ] },
    Row { name: "selinux", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "server", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "service-cidr", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "service-node-port-range", runs: &[
        Run { first: 24, last: 318, form: Form::Passed },
    ] },
    Row { name: "servicelb-namespace", runs: &[
        Run { first: 97, last: 101, form: Form::Passed },
        Run { first: 108, last: 119, form: Form::Passed },
        Run { first: 122, last: 318, form: Form::Passed },
        Run { first: 93, last: 96, form: Form::Dropped },
        Run { first: 104, last: 107, form: Form::Dropped },
        Run { first: 120, last: 121, form: Form::Dropped },
    ] },
    Row { name: "snapshotter", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "supervisor-metrics", runs: &[
        Run { first: 172, last: 174, form: Form::Passed },
        Run { first: 186, last: 190, form: Form::Passed },
        Run { first: 197, last: 206, form: Form::Passed },
        Run { first: 209, last: 318, form: Form::Passed },
    ] },
    Row { name: "supervisor-port", runs: &[
        Run { first: 203, last: 206, form: Form::Dropped },
        Run { first: 215, last: 223, form: Form::Dropped },
        Run { first: 229, last: 318, form: Form::Dropped },
    ] },
    Row { name: "system-default-registry", runs: &[
        Run { first: 0, last: 26, form: Form::Own(FlagKind::Text, &["RKE2_SYSTEM_DEFAULT_REGISTRY"]) },
        Run { first: 27, last: 318, form: Form::Passed },
    ] },
    Row { name: "tls-san", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "tls-san-security", runs: &[
        Run { first: 119, last: 119, form: Form::Passed },
        Run { first: 133, last: 138, form: Form::Passed },
        Run { first: 148, last: 156, form: Form::Passed },
        Run { first: 161, last: 318, form: Form::Passed },
    ] },
    Row { name: "token", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "token-file", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "v", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "vmodule", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "vpn-auth", runs: &[
        Run { first: 131, last: 138, form: Form::Dropped },
        Run { first: 146, last: 156, form: Form::Dropped },
        Run { first: 159, last: 318, form: Form::Dropped },
    ] },
    Row { name: "vpn-auth-file", runs: &[
        Run { first: 131, last: 138, form: Form::Dropped },
        Run { first: 146, last: 156, form: Form::Dropped },
        Run { first: 159, last: 318, form: Form::Dropped },
    ] },
    Row { name: "with-node-id", runs: &[
        Run { first: 116, last: 119, form: Form::Passed },
        Run { first: 130, last: 138, form: Form::Passed },
        Run { first: 145, last: 156, form: Form::Passed },
        Run { first: 158, last: 318, form: Form::Passed },
        Run { first: 0, last: 115, form: Form::Dropped },
        Run { first: 120, last: 129, form: Form::Dropped },
        Run { first: 139, last: 144, form: Form::Dropped },
        Run { first: 157, last: 157, form: Form::Dropped },
    ] },
    Row { name: "write-kubeconfig", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "write-kubeconfig-group", runs: &[
        Run { first: 172, last: 174, form: Form::Passed },
        Run { first: 186, last: 190, form: Form::Passed },
        Run { first: 197, last: 206, form: Form::Passed },
        Run { first: 209, last: 318, form: Form::Passed },
    ] },
    Row { name: "write-kubeconfig-mode", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "write-kubeconfig-name", runs: &[
        Run { first: 317, last: 318, form: Form::Passed },
    ] },
];

/// The flags of `rke2 agent`, by name; runs are positions in [`RELEASES`], both ends included.
#[rustfmt::skip]
pub(super) const AGENT: &[Row] = &[
    Row { name: "airgap-extra-registry", runs: &[
        Run { first: 24, last: 318, form: Form::Passed },
    ] },
    Row { name: "alsologtostderr", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "audit-policy-file", runs: &[
        Run { first: 2, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_AUDIT_POLICY_FILE"]) },
    ] },
    Row { name: "bind-address", runs: &[
        Run { first: 172, last: 174, form: Form::Passed },
        Run { first: 186, last: 190, form: Form::Passed },
        Run { first: 197, last: 206, form: Form::Passed },
        Run { first: 209, last: 318, form: Form::Passed },
    ] },
    Row { name: "cloud-controller-manager-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_CLOUD_CONTROLLER_MANAGER_EXTRA_ENV"]) },
    ] },
    Row { name: "cloud-controller-manager-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_CLOUD_CONTROLLER_MANAGER_EXTRA_MOUNT"]) },
    ] },
    Row { name: "cloud-controller-manager-image", runs: &[
        Run { first: 97, last: 101, form: Form::Own(FlagKind::Text, &["RKE2_CLOUD_CONTROLLER_MANAGER_IMAGE"]) },
        Run { first: 108, last: 119, form: Form::Own(FlagKind::Text, &["RKE2_CLOUD_CONTROLLER_MANAGER_IMAGE"]) },
        Run { first: 122, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_CLOUD_CONTROLLER_MANAGER_IMAGE"]) },
    ] },
    Row { name: "cloud-provider-config", runs: &[
        Run { first: 0, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_CLOUD_PROVIDER_CONFIG"]) },
    ] },
    Row { name: "cloud-provider-name", runs: &[
        Run { first: 0, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_CLOUD_PROVIDER_NAME"]) },
    ] },
    Row { name: "cluster-secret", runs: &[
        Run { first: 0, last: 138, form: Form::Dropped },
    ] },
    Row { name: "config", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "container-runtime-endpoint", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "control-plane-probe-configuration", runs: &[
        Run { first: 106, last: 318, form: Form::Own(FlagKind::List, &["RKE2_CONTROL_PLANE_PROBE_CONFIGURATION"]) },
    ] },
    Row { name: "control-plane-resource-limits", runs: &[
        Run { first: 43, last: 105, form: Form::Own(FlagKind::Text, &["RKE2_CONTROL_PLANE_RESOURCE_LIMITS"]) },
        Run { first: 106, last: 318, form: Form::Own(FlagKind::List, &["RKE2_CONTROL_PLANE_RESOURCE_LIMITS"]) },
    ] },
    Row { name: "control-plane-resource-requests", runs: &[
        Run { first: 43, last: 105, form: Form::Own(FlagKind::Text, &["RKE2_CONTROL_PLANE_RESOURCE_REQUESTS"]) },
        Run { first: 106, last: 318, form: Form::Own(FlagKind::List, &["RKE2_CONTROL_PLANE_RESOURCE_REQUESTS"]) },
    ] },
    Row { name: "data-dir", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "debug", runs: &[
        Run { first: 0, last: 113, form: Form::Own(FlagKind::Bool, &["RKE2_DEBUG"]) },
        Run { first: 120, last: 127, form: Form::Own(FlagKind::Bool, &["RKE2_DEBUG"]) },
        Run { first: 139, last: 142, form: Form::Own(FlagKind::Bool, &["RKE2_DEBUG"]) },
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "default-runtime", runs: &[
        Run { first: 153, last: 156, form: Form::Passed },
        Run { first: 166, last: 174, form: Form::Passed },
        Run { first: 180, last: 318, form: Form::Passed },
    ] },
    Row { name: "disable-apiserver-lb", runs: &[
        Run { first: 137, last: 138, form: Form::Dropped },
        Run { first: 152, last: 156, form: Form::Dropped },
        Run { first: 165, last: 174, form: Form::Dropped },
        Run { first: 179, last: 318, form: Form::Dropped },
    ] },
    Row { name: "disable-default-registry-endpoint", runs: &[
        Run { first: 154, last: 156, form: Form::Passed },
        Run { first: 167, last: 174, form: Form::Passed },
        Run { first: 181, last: 190, form: Form::Passed },
        Run { first: 192, last: 318, form: Form::Passed },
    ] },
    Row { name: "disable-selinux", runs: &[
        Run { first: 0, last: 138, form: Form::Dropped },
    ] },
    Row { name: "docker", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "enable-pprof", runs: &[
        Run { first: 172, last: 174, form: Form::Passed },
        Run { first: 186, last: 190, form: Form::Passed },
        Run { first: 197, last: 206, form: Form::Passed },
        Run { first: 209, last: 318, form: Form::Passed },
    ] },
    Row { name: "etc-image", runs: &[
        Run { first: 24, last: 24, form: Form::Own(FlagKind::Text, &["RKE2_ETCD_IMAGE"]) },
    ] },
    Row { name: "etcd-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_ETCD_EXTRA_ENV"]) },
    ] },
    Row { name: "etcd-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_ETCD_EXTRA_MOUNT"]) },
    ] },
    Row { name: "etcd-image", runs: &[
        Run { first: 3, last: 23, form: Form::Own(FlagKind::Text, &["RKE2_ETCD_IMAGE"]) },
        Run { first: 25, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_ETCD_IMAGE"]) },
    ] },
    Row { name: "flannel-cni-conf", runs: &[
        Run { first: 76, last: 82, form: Form::Dropped },
        Run { first: 93, last: 101, form: Form::Dropped },
        Run { first: 104, last: 318, form: Form::Dropped },
    ] },
    Row { name: "flannel-conf", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "flannel-iface", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "image-credential-provider-bin-dir", runs: &[
        Run { first: 27, last: 318, form: Form::Passed },
    ] },
    Row { name: "image-credential-provider-config", runs: &[
        Run { first: 27, last: 318, form: Form::Passed },
    ] },
    Row { name: "image-service-endpoint", runs: &[
        Run { first: 135, last: 138, form: Form::Dropped },
        Run { first: 150, last: 156, form: Form::Dropped },
        Run { first: 163, last: 174, form: Form::Dropped },
        Run { first: 177, last: 318, form: Form::Dropped },
    ] },
    Row { name: "kube-apiserver-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_APISERVER_EXTRA_ENV"]) },
    ] },
    Row { name: "kube-apiserver-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_APISERVER_EXTRA_MOUNT"]) },
    ] },
    Row { name: "kube-apiserver-image", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_KUBE_APISERVER_IMAGE"]) },
    ] },
    Row { name: "kube-controller-manager-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_CONTROLLER_MANAGER_EXTRA_ENV"]) },
    ] },
    Row { name: "kube-controller-manager-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_CONTROLLER_MANAGER_EXTRA_MOUNT"]) },
    ] },
    Row { name: "kube-controller-manager-image", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_KUBE_CONTROLLER_MANAGER_IMAGE"]) },
    ] },
    Row { name: "kube-proxy-arg", runs: &[
        Run { first: 0, last: 23, form: Form::Passed },
        Run { first: 30, last: 40, form: Form::Passed },
        Run { first: 42, last: 318, form: Form::Passed },
        Run { first: 24, last: 29, form: Form::Dropped },
        Run { first: 41, last: 41, form: Form::Dropped },
    ] },
    Row { name: "kube-proxy-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_PROXY_EXTRA_ENV"]) },
    ] },
    Row { name: "kube-proxy-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_PROXY_EXTRA_MOUNT"]) },
    ] },
    Row { name: "kube-proxy-image", runs: &[
        Run { first: 30, last: 40, form: Form::Own(FlagKind::Text, &["RKE2_KUBE_PROXY_IMAGE"]) },
        Run { first: 42, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_KUBE_PROXY_IMAGE"]) },
    ] },
    Row { name: "kube-scheduler-extra-env", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_SCHEDULER_EXTRA_ENV"]) },
    ] },
    Row { name: "kube-scheduler-extra-mount", runs: &[
        Run { first: 43, last: 318, form: Form::Own(FlagKind::List, &["RKE2_KUBE_SCHEDULER_EXTRA_MOUNT"]) },
    ] },
    Row { name: "kube-scheduler-image", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_KUBE_SCHEDULER_IMAGE"]) },
    ] },
    Row { name: "kubelet-arg", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "kubelet-path", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_KUBELET_PATH"]) },
    ] },
    Row { name: "lb-server-port", runs: &[
        Run { first: 24, last: 318, form: Form::Passed },
    ] },
    Row { name: "log", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "no-flannel", runs: &[
        Run { first: 0, last: 138, form: Form::Dropped },
    ] },
    Row { name: "node-external-dns", runs: &[
        Run { first: 204, last: 206, form: Form::Passed },
        Run { first: 216, last: 223, form: Form::Passed },
        Run { first: 230, last: 318, form: Form::Passed },
    ] },
    Row { name: "node-external-ip", runs: &[
        Run { first: 6, last: 10, form: Form::Passed },
        Run { first: 13, last: 318, form: Form::Passed },
        Run { first: 0, last: 5, form: Form::Dropped },
        Run { first: 11, last: 12, form: Form::Dropped },
    ] },
    Row { name: "node-internal-dns", runs: &[
        Run { first: 204, last: 206, form: Form::Passed },
        Run { first: 216, last: 223, form: Form::Passed },
        Run { first: 230, last: 318, form: Form::Passed },
    ] },
    Row { name: "node-ip", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "node-label", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "node-name", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "node-name-from-cloud-provider-metadata", runs: &[
        Run { first: 202, last: 206, form: Form::Own(FlagKind::Bool, &["RKE2_NODE_NAME_FROM_CLOUD_PROVIDER_METADATA"]) },
        Run { first: 214, last: 223, form: Form::Own(FlagKind::Bool, &["RKE2_NODE_NAME_FROM_CLOUD_PROVIDER_METADATA"]) },
        Run { first: 228, last: 318, form: Form::Own(FlagKind::Bool, &["RKE2_NODE_NAME_FROM_CLOUD_PROVIDER_METADATA"]) },
    ] },
    Row { name: "node-taint", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "nonroot-devices", runs: &[
        Run { first: 202, last: 206, form: Form::Passed },
        Run { first: 214, last: 223, form: Form::Passed },
        Run { first: 228, last: 318, form: Form::Passed },
    ] },
    Row { name: "pause-image", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_PAUSE_IMAGE"]) },
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "pod-security-admission-config-file", runs: &[
        Run { first: 120, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_POD_SECURITY_ADMISSION_CONFIG_FILE"]) },
    ] },
    Row { name: "prefer-bundled-bin", runs: &[
        Run { first: 99, last: 101, form: Form::Dropped },
        Run { first: 110, last: 119, form: Form::Dropped },
        Run { first: 124, last: 318, form: Form::Dropped },
    ] },
    Row { name: "private-registry", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "profile", runs: &[
        Run { first: 0, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_CIS_PROFILE"]) },
    ] },
    Row { name: "protect-kernel-defaults", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "resolv-conf", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "rootless", runs: &[
        Run { first: 0, last: 318, form: Form::Dropped },
    ] },
    Row { name: "runtime-image", runs: &[
        Run { first: 3, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_RUNTIME_IMAGE"]) },
    ] },
    Row { name: "selinux", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "server", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "snapshotter", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "system-default-registry", runs: &[
        Run { first: 0, last: 318, form: Form::Own(FlagKind::Text, &["RKE2_SYSTEM_DEFAULT_REGISTRY"]) },
    ] },
    Row { name: "token", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "token-file", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "v", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "vmodule", runs: &[
        Run { first: 0, last: 318, form: Form::Passed },
    ] },
    Row { name: "vpn-auth", runs: &[
        Run { first: 131, last: 138, form: Form::Dropped },
        Run { first: 146, last: 156, form: Form::Dropped },
        Run { first: 159, last: 318, form: Form::Dropped },
    ] },
    Row { name: "vpn-auth-file", runs: &[
        Run { first: 131, last: 138, form: Form::Dropped },
        Run { first: 146, last: 156, form: Form::Dropped },
        Run { first: 159, last: 318, form: Form::Dropped },
    ] },
    Row { name: "with-node-id", runs: &[
        Run { first: 116, last: 119, form: Form::Passed },
        Run { first: 130, last: 138, form: Form::Passed },
        Run { first: 145, last: 156, form: Form::Passed },
        Run { first: 158, last: 318, form: Form::Passed },
        Run { first: 0, last: 115, form: Form::Dropped },
        Run { first: 120, last: 129, form: Form::Dropped },
        Run { first: 139, last: 144, form: Form::Dropped },
        Run { first: 157, last: 157, form: Form::Dropped },
    ] },
];
