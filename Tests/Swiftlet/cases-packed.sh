# SPDX-License-Identifier: Apache-2.0
# Packed rings, with the drivers of the guest's own kernel. Sourced by cases.

# packed CASE ARGUMENTS...: another case, whose devices all offer packed rings.
packed() { rings=(--packed-rings); "$@"; }
# What the guest tells of each device: its type, and whether its driver took the packed ring (bit 34).
tells_rings='for device in /sys/bus/virtio/devices/*; do echo "ring $(cat $device/device) $(cut -c35 $device/features)"; done'
# guest_has RINGS: no device but those, each with that bit; in the guest's output.
guest_has() { same "$(tr -d '\r' < "${2:-out}" | sed -n 's/^ring 0x00//p' | sort | tr '\n' ' ')" "$1 "; }

# guest_says PATTERN: in what the guest told, which is shown if it is not.
guest_says() { grep -q "$1" out || { echo "no '$1'"; cat -v out; return 1; }; }

# Written, flushed, read back, discarded; megabytes through the sockets in both directions at once, and many connections.
all_devices_packed() {
    api_initramfs "$tells_rings"'
        vsock-peer echo 1024 & dd if=/dev/vda of=/dev/vdb bs=64k conv=fsync 2> /dev/null
        dd if=/dev/vda of=/dev/vdc bs=512 count=600 conv=fsync 2> /dev/null
        echo 3 > /proc/sys/vm/drop_caches; echo "vdb $(sha256sum < /dev/vdb)"; echo "vdc $(head -c 307200 /dev/vdc | sha256sum)"
        blkdiscard -o 0 -l 4194304 /dev/vdb && echo discarded
        head -c 4096 /dev/hwrng > /one; head -c 4096 /dev/hwrng > /two; cmp -s /one /two || echo "random $(wc -c < /one) $(wc -c < /two)"
        head -c 3000001 /dev/urandom > /in; until vsock-peer connect 52 < /in > /back 2> /dev/null; do sleep 0.1; done; cmp /in /back && echo guest got its own; vsock-peer once 9'
    head -c 8388608 /dev/urandom > from; truncate -s 8M sync async
    api_config "$(drive a "$work/from" true), $(engine "$(drive b "$work/sync")" Sync), $(engine "$(drive c "$work/async")" Async)"
    packed api_starts --config-file config.json
    trap 'kill -KILL "$vmm" 2> /dev/null || true' EXIT
    head -c 3000001 /dev/urandom > in
    until_true peer unix v.sock 1024 < /dev/null
    peer unix v.sock 1024 < in > back; cmp in back
    # Its time begins when the guest is there: on a busy machine that takes a while.
    until_true grep -q '^random' out
    peer unix-echo v.sock_52 || { echo "the host's echo ended with $?"; cat -v out; return 1; }
    until_true grep -q 'guest got its own' out
    until_true peer unix v.sock 9 < /dev/null; api_ends 0
    guest_has '02 1 02 1 02 1 04 1 13 1'
    guest_says "vdb $(sha256sum < from)"
    guest_says "vdc $(head -c 307200 from | sha256sum)"
    guest_says '^discarded'
    cmp <(head -c 4194304 /dev/zero) <(head -c 4194304 sync); cmp <(tail -c 4194304 from) <(tail -c 4194304 sync)
    same "$(stat -c %b sync)" 8192
    cmp -n 307200 from async
    guest_says '^random 4096 4096'
    same "$(wc -c < err)" 0
}
# The console is there for a command alone.
console_packed() {
    rings=(--packed-rings)
    head -c 3000000 /dev/urandom > in
    ends 0 image sh -c "cat; { $tells_rings; } >&2" < in > out 2> err
    cmp in out
    guest_has '02 1 03 1 04 1' err
}
# Unless they are asked for, none are offered.
split_unless_asked() { ends 0 image sh -c "$tells_rings" > out; guest_has '02 0 03 0 04 0'; }

run_packed_cases() {
    check "packed rings: drives of both engines, entropy and vsock work through them, and the kernel says that it took them" all_devices_packed
    [ "$COMBINATIONS" = all ] || return 0
    check "packed rings: 3 MB through a command's console" console_packed
    check "packed rings: none unless asked for" split_unless_asked
    check "packed rings: vsock carries both directions to their exact ends" packed vsock_both_ways
    check "packed rings: a drive's file is replaced under a running guest" packed drive_replaced
    check "packed rings: a drive is as slow as its rate limiter says, until a change lifts it" packed drive_limited
    check "packed rings: 5 MB of output are all there" packed output_large
    check "packed rings: a drive is read and written" packed drive_read_write
    local engine
    for engine in Sync Async; do
        check "packed rings: $engine: cut off under load" packed cut_off "$engine" 25 noatime
    done
    local round long="${HOSTILE_SECONDS:-60}"
    for round in 1 2; do
        check "packed rings: disks, entropy and vsock attacked ($round)" packed all_devices $((SEED + 10 + round)) "$long"
        check "packed rings: the console attacked ($round)" packed console_too $((SEED + 10 + round)) "$long"
    done
}
