#!/bin/sh
# A stand-in for RKE2 v1.34.1+rke2r1. It refuses to run where RKE2 would, with the same checks in the same
# order and the same messages; otherwise it notifies readiness and keeps running. It reads configuration
# lines of the form `key: value`.

fatal() {
    printf 'time="%s" level=fatal msg="%s"\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" >&2
    exit 1
}

setting() {
    sed -n "s/^$1: *\"\{0,1\}\([^\"#]*[^\"# ]\)\"\{0,1\} *\(#.*\)\{0,1\}\$/\1/p" /etc/rancher/rke2/config.yaml 2>/dev/null | tail -n 1
}

if [ "$1" = --version ]; then
    echo "rke2 version v1.34.1+rke2r1 (0123456789abcdef0123456789abcdef01234567)"
    echo "go version go1.24.6 X:boringcrypto"
    exit 0
fi
role=$1
profile=$(setting profile)
protect=$(setting protect-kernel-defaults)

case $profile in
"" | cis | etcd) ;;
*) fatal "invalid value provided for --profile flag" ;;
esac
if [ "$profile" = cis ]; then
    lines=
    for wanted in vm.overcommit_memory=1 vm.panic_on_oom=0 kernel.panic=10 kernel.panic_on_oops=1; do
        key=${wanted%=*}
        value=$(cat "/proc/sys/$(echo "$key" | tr . /)") || exit 1
        if [ "$value" != "${wanted#*=}" ]; then
            lines="${lines}invalid kernel parameter value $key=$value - expected ${wanted#*=}\\n"
        fi
    done
    [ -z "$lines" ] || fatal "$lines"
    if [ "$protect" = false ]; then
        fatal "--protect-kernel-defaults must be true when using --profile=cis"
    fi
fi
if [ "$role" = server ] && [ -n "$profile" ]; then
    lines=
    grep -q '^etcd:' /etc/passwd || lines="missing required: user: unknown user etcd\\n"
    grep -q '^etcd:' /etc/group || lines="${lines}missing required: group: unknown group etcd\\n"
    [ -z "$lines" ] || fatal "$lines"
fi

systemd-notify --ready
exec sleep infinity
