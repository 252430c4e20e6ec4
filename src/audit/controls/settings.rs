//! The kubelet's settings that controls ask for: flag and field. Upstream: kubernetes
//! cmd/kubelet/app/options and staging/src/k8s.io/kubelet/config/v1beta1.

use crate::audit::control::KubeletSetting;

const fn setting(flag: &'static str, field: &'static str) -> KubeletSetting {
    KubeletSetting { flag, field }
}

pub(super) const ANONYMOUS: KubeletSetting =
    setting("anonymous-auth", "authentication.anonymous.enabled");
pub(super) const AUTHORIZATION: KubeletSetting =
    setting("authorization-mode", "authorization.mode");
pub(super) const CLIENT_CA: KubeletSetting =
    setting("client-ca-file", "authentication.x509.clientCAFile");
pub(super) const READ_ONLY_PORT: KubeletSetting = setting("read-only-port", "readOnlyPort");
pub(super) const STREAMING_TIMEOUT: KubeletSetting = setting(
    "streaming-connection-idle-timeout",
    "streamingConnectionIdleTimeout",
);
pub(in crate::audit) const PROTECT_KERNEL_DEFAULTS: KubeletSetting =
    setting("protect-kernel-defaults", "protectKernelDefaults");
pub(super) const IPTABLES_UTIL_CHAINS: KubeletSetting =
    setting("make-iptables-util-chains", "makeIPTablesUtilChains");
pub(in crate::audit) const EVENT_QPS: KubeletSetting = setting("event-qps", "eventRecordQPS");
pub(super) const TLS_CERT: KubeletSetting = setting("tls-cert-file", "tlsCertFile");
pub(super) const TLS_KEY: KubeletSetting = setting("tls-private-key-file", "tlsPrivateKeyFile");
pub(super) const ROTATE_CERTIFICATES: KubeletSetting =
    setting("rotate-certificates", "rotateCertificates");
pub(super) const POD_PIDS_LIMIT: KubeletSetting = setting("pod-max-pids", "podPidsLimit");
pub(in crate::audit) const SECCOMP_DEFAULT: KubeletSetting =
    setting("seccomp-default", "seccompDefault");
