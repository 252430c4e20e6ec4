//! The kubelet's settings that controls ask for: flag and field. Upstream: kubernetes
//! cmd/kubelet/app/options and staging/src/k8s.io/kubelet/config/v1beta1.

use crate::audit::control::Setting;

const fn setting(flag: &'static str, field: &'static str) -> Setting {
    Setting { flag, field }
}

pub(super) const ANONYMOUS: Setting = setting("anonymous-auth", "authentication.anonymous.enabled");
pub(super) const AUTHORIZATION: Setting = setting("authorization-mode", "authorization.mode");
pub(super) const CLIENT_CA: Setting = setting("client-ca-file", "authentication.x509.clientCAFile");
pub(super) const READ_ONLY_PORT: Setting = setting("read-only-port", "readOnlyPort");
pub(super) const STREAMING_TIMEOUT: Setting = setting(
    "streaming-connection-idle-timeout",
    "streamingConnectionIdleTimeout",
);
pub(super) const PROTECT_KERNEL_DEFAULTS: Setting =
    setting("protect-kernel-defaults", "protectKernelDefaults");
pub(super) const IPTABLES_UTIL_CHAINS: Setting =
    setting("make-iptables-util-chains", "makeIPTablesUtilChains");
pub(super) const EVENT_QPS: Setting = setting("event-qps", "eventRecordQPS");
pub(super) const TLS_CERT: Setting = setting("tls-cert-file", "tlsCertFile");
pub(super) const TLS_KEY: Setting = setting("tls-private-key-file", "tlsPrivateKeyFile");
pub(super) const ROTATE_CERTIFICATES: Setting =
    setting("rotate-certificates", "rotateCertificates");
pub(super) const POD_PIDS_LIMIT: Setting = setting("pod-max-pids", "podPidsLimit");
pub(super) const SECCOMP_DEFAULT: Setting = setting("seccomp-default", "seccompDefault");
