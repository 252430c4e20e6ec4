#!/bin/sh
# A typical start script of an operator: one tool per check.
status=0
want() {
	[ "$(sysctl -n "$1")" = "$2" ] || status=3
}
want vm.overcommit_memory 1
want vm.panic_on_oom 0
want kernel.panic 10
want kernel.panic_on_oops 1
want kernel.keys.root_maxkeys 1000000
want kernel.keys.root_maxbytes 25000000
getent passwd etcd >/dev/null || status=3
getent group etcd >/dev/null || status=3
exit $status
