# SPDX-License-Identifier: Apache-2.0
# Drives under load: both engines, a file system that is cut off in the middle, and room that comes back. Sourced by cases.

# engine DRIVE ENGINE: the drive of another engine, whose guest can say when its data must be safe.
engine() { jq -c ".io_engine = \"$2\" | .cache_type = \"Writeback\"" <<< "$1"; }
# rings: how many io_urings the running swiftlet has.
rings() { find "/proc/$vmm/fd" -lname '*io_uring*' | wc -l; }

asynchronous_drive() {
    api_initramfs 'dd if=/dev/vda of=/dev/vdb bs=64k conv=fsync 2> /dev/null; echo copied
        while [ "$(cat /sys/block/vda/size)" = 16384 ]; do sleep 0.1; done
        cat /dev/vda | sha256sum; vsock-peer once 9'
    head -c 8388608 /dev/urandom > from; truncate -s 8M to; head -c 2097152 /dev/urandom > other
    api_config "$(engine "$(drive a "$work/from")" Async), $(engine "$(drive b "$work/to")" Async)"
    api_starts --config-file config.json
    until_true grep -q '^copied' out
    cmp from to
    same "$(rings) $(api GET /vm/config | sed 's/ 200$//' | jq -c '[.drives[].io_engine]')" '2 ["Async","Async"]'
    # The filter lets no thread make another ring: a drive with another file goes on without.
    says ' 204' PATCH /drives/a "{\"drive_id\": \"a\", \"path_on_host\": \"$work/other\"}"
    until_true grep -q "$(sha256sum < other)" out
    same "$(rings) $(api GET /vm/config | sed 's/ 200$//' | jq -c '[.drives[].io_engine]')" '1 ["Sync","Async"]'
    until_true peer unix v.sock 9 < /dev/null; api_ends 0
    same "$(wc -c < err)" 0
}

# loaded OPTIONS: a guest that mounts its drive, fills it and trims it when it is told to; then it writes files, tells the
# checksum of each when it is as safe as fsync makes it, and has others written, replaced and removed without at the same time.
loaded() {
    api_initramfs 'mkdir /mnt; mount -t ext4 -o '"$1"' /dev/vda /mnt
        dd if=/dev/zero of=/mnt/large bs=1M count=24 conv=fsync 2> /dev/null; echo filled
        while [ "$(cat /sys/block/vdb/size)" = 0 ]; do sleep 0.1; done
        rm /mnt/large; sync; fstrim /mnt; echo trimmed
        noise() { while true; do for n in 1 2 3 4 5 6 7; do
            head -c $((n * 70000)) /dev/urandom > /mnt/noise$n; rm -f /mnt/noise$(((n + 3) % 7 + 1)); done; done; }
        noise & i=0
        while true; do
            i=$((i + 1)); head -c $((i * 7919 % 200000 + 1)) /dev/urandom > /file
            dd if=/file of=/mnt/safe$((i % 60)).$i bs=32k conv=fsync 2> /dev/null && echo safe $i safe$((i % 60)).$i $(sha256sum < /file)
            [ $i -lt 60 ] || rm -f /mnt/safe$((i % 60)).$((i - 60))
        done'
}
blocks() { stat -c %b disk; }
few_blocks() { [ "$(blocks)" -lt "$1" ]; }
safe() { grep -c '^safe .* -' out; }
at_least_safe() { [ "$(safe)" -ge "$1" ]; }
# cut_off ENGINE FILES OPTIONS: ends swiftlet by SIGKILL when that many files are safe, and looks at what is left of them.
cut_off() {
    loaded "$3"; rm -rf disk left; truncate -s 96M disk; mkfs.ext4 -q -E nodiscard disk; : > empty; truncate -s 1M grown
    local fresh full; fresh=$(blocks)
    api_config "$(engine "$(drive a "$work/disk")" "$1"), $(drive b "$work/empty")"
    api_starts --config-file config.json
    until_true grep -q '^filled' out
    full=$(blocks)
    says ' 204' PATCH /drives/b "{\"drive_id\": \"b\", \"path_on_host\": \"$work/grown\"}"
    until_true grep -q '^trimmed' out
    # 24 MiB are 49152 blocks; the journal and what the guest goes on writing are in the rest.
    echo "blocks: $fresh fresh, $full full, $(blocks) trimmed"
    [ "$full" -ge $((fresh + 49152)) ]
    few_blocks $((full - 40000))
    local i; for ((i = 0; i < 1200; i++)); do ! at_least_safe "$2" || break; sleep 0.1; done
    at_least_safe "$2"
    kill -KILL "$vmm"; wait "$vmm" || true
    rm -f a.sock v.sock p.sock
    # The journal alone is replayed: what is wrong besides must be seen, not mended.
    e2fsck -y -E journal_only disk > fsck || [ $? -le 1 ] || { cat fsck; return 1; }
    e2fsck -fn disk > fsck || { cat fsck; return 1; }
    mkdir left; debugfs -R 'rdump / left' disk 2> /dev/null
    # What was still being removed or written when the end came is neither here nor there; a name that is there is whole.
    local word number name sum count=0 wrong=0 last; last=$(safe)
    while read -r word number name sum _; do
        [ "$word" = safe ] && [ ${#sum} = 64 ] && [ "$number" -gt $((last - 59)) ] || continue
        count=$((count + 1))
        [ "$(sha256sum < "left/$name" | cut -d' ' -f1)" = "$sum" ] || { echo "$name is not what it was"; wrong=$((wrong + 1)); }
    done < <(tr -d '\r' < out | grep '^safe .* -')
    echo "$count files compared, of $last"
    [ "$wrong" = 0 ] && [ "$count" -ge $(($2 < 50 ? $2 : 50)) ]
}

run_disk_cases() {
    check "asynchronous drives read and write what the guest does; another file is synchronous" asynchronous_drive
    check "Async: cut off under load: the file system is whole, what was synced is there, what was trimmed is free" cut_off Async 25 noatime
    [ "$COMBINATIONS" = all ] || return 0
    local round engine
    for round in 1 2 3; do for engine in Sync Async; do
        check "$engine: cut off under load, later ($round)" cut_off "$engine" $((10 + round * 15)) noatime
    done; done
}
