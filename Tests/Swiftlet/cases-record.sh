# SPDX-License-Identifier: Apache-2.0
# What swiftlet's threads ask of the kernel under load, behind their filters: see record-calls. Sourced by cases.

tracing=/sys/kernel/tracing
# recorded COMMAND...: runs it with every system call of it and its children traced, none of which may be lost.
recorded() {
    [ -e "$tracing/trace" ] || mount -t tracefs none "$tracing"
    echo 100000 > "$tracing/buffer_size_kb"; echo 4096 > "$tracing/saved_cmdlines_size"
    echo > "$tracing/trace"; echo 1 > "$tracing/options/event-fork"
    echo 1 > "$tracing/events/raw_syscalls/sys_enter/enable"
    # The subshell is traced, and what it starts.
    ( echo "$BASHPID" > "$tracing/set_event_pid"; set -e; "$@" )
    echo 0 > "$tracing/events/raw_syscalls/sys_enter/enable"
    same "$(cat "$tracing"/per_cpu/cpu*/stats | awk '/^(overrun|dropped events)/{n += $NF} END{print n + 0}')" 0
}
# calls_of MACHINE: lines of kind of thread, machine, count, number, arguments, of what was traced. A thread counts from its seccomp(2) on.
calls_of() {
    sed -n 's/^ *\(.*\)-\([0-9]*\) .* sys_enter: NR \([0-9]*\) (\(.*\))$/\2 \3 \4 \1/p' "$tracing/trace" | tr -d , |
        awk -v machine="$1" '
            $2 == 317 { confined[$1] = 1; next }
            confined[$1] { thread = $9 ~ /^vcpu/ ? "vcpu" : $9 == "api" ? "api" : "vmm"
                n[thread " " machine " " $2 " " $3 " " $4 " " $5 " " $6 " " $7 " " $8]++ }
            END { for (key in n) { split(key, f, " "); print f[1], f[2], n[key], f[3], f[4], f[5], f[6], f[7], f[8], f[9] } }'
}
run_load() {
    truncate -s 32M disk
    options=(--drive "$work/disk")
    seq 1 20000 | image sh -c 'dd if=/dev/vda of=/dev/null bs=64k; dd if=/dev/vda of=/dev/null bs=4k count=2000 iflag=direct
        dd if=/dev/zero of=/dev/vdb bs=64k count=300 oflag=direct; dd if=/dev/zero of=/dev/vdb bs=4k count=1000 conv=fsync
        head -c 100000 /dev/hwrng > /dev/null; cat; seq 1 100000' > out
    options=()
    same "$(tail -n 1 out)" 100000
}
api_load() {
    api_initramfs 'vsock-peer echo 1024 & dd if=/dev/vda of=/dev/null bs=64k; dd if=/dev/vda of=/dev/null bs=4k count=1000 iflag=direct
        dd if=/dev/zero of=/dev/vda bs=64k count=100 oflag=direct; dd if=/dev/zero of=/dev/vda bs=4k count=1000 conv=fsync
        head -c 3000000 /dev/urandom > /in; vsock-peer connect 52 < /in > /back
        head -c 100000 /dev/hwrng > /dev/null; seq 1 300; vsock-peer once 9'
    truncate -s 32M disk; api_config "$(drive a "$work/disk")"
    api_starts; api_configures; says ' 204' PUT /actions "$start"
    local i; peer unix-echo v.sock_52 & local echo=$!
    head -c 3000000 /dev/urandom > in
    until_true peer unix v.sock 1024 < /dev/null
    for i in 1 2 3; do peer unix v.sock 1024 < in > back; cmp in back; done
    for i in {1..20}; do seq 1 1000 | peer unix v.sock 1024 > back; done
    for i in {1..50}; do api GET / > answer; done
    cp disk other; for i in other disk; do says ' 204' PATCH /drives/a "{\"drive_id\": \"a\", \"path_on_host\": \"$work/$i\"}"; done
    wait "$echo"; until_true peer unix v.sock 9 < /dev/null; api_ends 0
}
run_record_cases() {
    check "a machine with a command: boot, block, console" recorded run_load
    calls_of run | sed 's/^/call: /'
    check "a machine with an API: boot, block, vsock, requests" recorded api_load
    calls_of api | sed 's/^/call: /'
}
