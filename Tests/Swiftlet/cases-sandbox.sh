# SPDX-License-Identifier: Apache-2.0
# The filters of system calls, on running machines. That every other case passes behind them is most of the proof. Sourced by cases.

# confined PID MODE NAME...: the process has threads of these names and no others, all with this `Seccomp:`.
confined() {
    local pid="$1" mode="$2"; shift 2
    # Newer kernels list a worker of KVM's own among the threads.
    same "$(cat "/proc/$pid"/task/*/comm | grep -v '^kvm-' | sort | tr '\n' ' ')" "$(printf '%s\n' "$@" | sort | tr '\n' ' ')" || return 1
    same "$(grep -h '^Seccomp:' "/proc/$pid"/task/*/status | tr -d '\t' | sort -u)" "Seccomp:$mode" || return 1
    same "$(grep -h '^NoNewPrivs:' "/proc/$pid"/task/*/status | tr -d '\t' | sort -u)" "NoNewPrivs:$((mode > 0))"
}
api_threads() {
    api_initramfs 'vsock-peer once 9'; truncate -s 1M disk; api_config "$(drive a "$work/disk")"
    api_starts "${@:2}"
    # Before the machine is made the API's thread is confined already, and the other makes machines.
    [ "$1" = 0 ] || until_true grep -q $'^Seccomp:\t2' /proc/"$vmm"/task/*/status
    api_configures
    says ' 204' PUT /actions "$start"
    until_true confined "$vmm" "$1" "${SWIFTLET##*/}" api vcpu0
    truncate -s 2M disk; says ' 204' PATCH /drives/a "{\"drive_id\": \"a\", \"path_on_host\": \"$work/disk\"}"
    until_true peer unix v.sock 9 < /dev/null; api_ends 0
}
run_threads() {
    rm -f hold; mkfifo hold
    "$SWIFTLET" run --kernel "$cloud" --initrd "$cloud_initramfs" --rootfs "$image" --cpus 2 "${@:2}" -- cat < hold > out 2> err & local vmm=$!
    exec 3> hold
    until_true confined "$vmm" "$1" "${SWIFTLET##*/}" vcpu0 vcpu1
    echo through >&3; exec 3>&-
    wait "$vmm"; same "$(cat out)" through
}
violation() {
    ends 148 "$SWIFTLET" run --kernel "$bare/hello" --seccomp-filter "$STRICT" < /dev/null > out 2> err
    same "$(wc -l < err)" 1
    grep -q '^swiftlet: seccomp: thread vcpu0 may not make system call 16 ioctl(0x[0-9a-f]*, 0xae80, 0x0, ' err || { cat err; return 1; }
}
api_violation() {
    api_initramfs true; api_config; rm -f v.sock p.sock
    ends 148 "$SWIFTLET" --no-api --config-file config.json --seccomp-filter "$STRICT" < /dev/null > out 2> err
    grep -q 'thread vcpu0 may not' err; rm -f v.sock p.sock
}
no_filters_in_file() {
    refuses 'random: not a file of seccomp filters' --kernel "$bare/hello" --seccomp-filter random
    refuses 'cannot read the seccomp filters no-such-filters: .*No such file' --kernel "$bare/hello" --seccomp-filter no-such-filters
    ends 152 "$SWIFTLET" --no-api --config-file config.json --seccomp-filter random 2> err
}
run_sandbox_cases() {
    head -c 1000 /dev/urandom > random
    check "every thread of a machine with an API and all devices runs behind a filter" api_threads 2
    check "--no-seccomp: none does" api_threads 0 --no-seccomp
    check "every thread of a machine with a command runs behind a filter" run_threads 2
    check "run --no-seccomp: none does" run_threads 0 --no-seccomp
    check "a call that a filter of the user's refuses ends with 148 and one line that names it" violation
    check "the same of a machine that a file describes" api_violation
    check "a file of filters that is none" no_filters_in_file
    check "filters and no filters exclude each other" refuses 'exclude each other' --kernel "$bare/hello" --no-seccomp --seccomp-filter random
}
