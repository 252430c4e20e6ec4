#!/bin/bash
# A stand-in for an agent of RKE2 v1.36.3+rke2r1 that runs the real kubelet as RKE2 does: with the directory of
# configuration files that it generates, with what kubelet-arg names, again five seconds after it ended, and with
# the kubelet's log below the data directory. It reads `profile: cis` and entries of kubelet-arg on lines of
# their own. /lab/kubelet, /lab/kubeconfig and /lab/cri.sock are the test's.

if [ "$1" = --version ]; then
    echo "rke2 version v1.36.3+rke2r1 (0123456789abcdef0123456789abcdef01234567)"
    echo "go version go1.24.6 X:boringcrypto"
    exit 0
fi
config=/etc/rancher/rke2/config.yaml
agent=/var/lib/rancher/rke2/agent
conf_d=$agent/etc/kubelet.conf.d
mkdir -p "$conf_d" "$agent/logs"

protect=false
grep -q '^profile: cis$' "$config" && protect=true
cat >"$conf_d/00-rke2-defaults.conf" <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix:///lab/cri.sock
failSwapOn: false
healthzPort: 0
makeIPTablesUtilChains: false
protectKernelDefaults: $protect
EOF
rm -f "$conf_d/10-cli-config.conf"
arguments=()
while read -r entry; do
    case $entry in
    config=*) cp "${entry#config=}" "$conf_d/10-cli-config.conf" ;;
    *) arguments+=("--$entry") ;;
    esac
done < <(sed -n 's/^- //p' "$config")

touch /run/rke2-stand-in-runs
[ -z "$NOTIFY_SOCKET" ] || systemd-notify --ready
while :; do
    /lab/kubelet --v=2 --config-dir="$conf_d" --kubeconfig=/lab/kubeconfig --hostname-override=node \
        --root-dir=/lab/kubelet-root --cert-dir=/lab/kubelet-pki --cgroups-per-qos=false \
        --enforce-node-allocatable= "${arguments[@]}" >>"$agent/logs/kubelet.log" 2>&1 &
    echo $! >/run/kubelet.pid
    wait $!
    echo "Kubelet exited: exit status $?"
    sleep 5
done
