//! Which processes `audit` takes for RKE2's: on a booted host, with processes that resemble its kubelet.

use crate::lab::Lab;
use crate::on;

on!(only_what_rke2_runs_is_its_kubelet: bookworm trixie);
fn only_what_rke2_runs_is_its_kubelet(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(
            r#"bin=/var/lib/rancher/rke2/data/v1/bin
            mkdir -p $bin /srv/pod$bin /srv/fake
            chmod -R go+rX /var/lib/rancher
            for folder in $bin /srv/pod$bin /srv/fake; do cp /bin/bash $folder/kubelet; done
            up rke2-server
            unit=/system.slice/rke2-server.service
            answer() { preflight-rke2 audit --control kubelet.anonymous --format json; }
            # begin GROUP ANSWER PREFIX… PROGRAM: a process in that control group, with that flag.
            begin() {
                group=$1; flag=$2; shift 2
                "$@" -c 'sleep 600; :' kubelet --anonymous-auth=$flag &
                pid=$!
                eventually grep -q kubelet /proc/$pid/comm
                if [ -n "$group" ]; then
                    mkdir -p /sys/fs/cgroup$group
                    echo $pid >/sys/fs/cgroup$group/cgroup.procs
                fi
            }
            nobody() { exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
            mounted() { exec unshare --mount --propagation private sh -c 'mount --bind /srv/fake/kubelet "$0" && exec "$0" "$@"' "$@"; }
            end() { kill -9 $pid; wait $pid 2>/dev/null; }
            users=/user.slice/user-65534.slice/user@65534.service/rke2-server.service
            pods=/kubepods.slice/kubepods-pod9.slice/x.scope/rke2-server.service

            rec none answer
            begin $unit true $bin/kubelet; own=$pid
            rec own answer
            # Each with the flag that would hide the other's.
            begin $users false nobody $bin/kubelet; rec users answer; end
            begin $unit false nobody $bin/kubelet; rec uid answer; end
            begin $pods false mounted $bin/kubelet; rec pod answer; end
            begin $pods false chroot /srv/pod /var/lib/rancher/rke2/data/v1/bin/kubelet; rec chroot answer; end
            # The same ones alone, with the flag that would be a fault of RKE2's.
            pid=$own; end
            begin $users true nobody $bin/kubelet; rec users_alone answer; end
            begin $unit true nobody $bin/kubelet; rec uid_alone answer; end
            begin $pods true mounted $bin/kubelet; rec pod_alone answer; end
            # Two that may be it, and one that is not where it should be.
            begin $unit false $bin/kubelet; own=$pid
            begin $unit false $bin/kubelet; rec two answer; end
            pid=$own; end
            begin '' false $bin/kubelet; rec elsewhere answer; end"#,
        )
        .boot();
    let outcome_is = |name: &str, word: &str| {
        outcome.has(name, &[&format!("\"outcome\": \"{word}\"")]);
    };
    for name in ["own", "users", "uid", "pod", "chroot"] {
        outcome_is(name, "fail");
        outcome.has(name, &["runs with"]);
    }
    for name in ["none", "users_alone", "uid_alone", "pod_alone"] {
        outcome_is(name, "pass");
        outcome.lacks(name, &["runs with"]);
    }
    outcome_is("two", "error");
    outcome.has("two", &["several processes may be it"]);
    outcome_is("elsewhere", "error");
    outcome.has("elsewhere", &["its control group"]);
}
