# SPDX-License-Identifier: Apache-2.0
# A guest that attacks its devices through their windows: swiftlet goes on, serves what is spared, and stays small. Sourced by cases.

# hostile_initramfs SEED SECONDS DISK [SCRIPT]: the guest attacks all devices but the disk, then runs the script.
hostile_initramfs() { api_initramfs "hostile $1 $2 $3 && { ${4:-true}; }"; }
# The spared disk: every sector begins with its number.
numbered_disk() {
    perl -e 'for my $n (0 .. 8191) { print pack("Q<x504", $n) }' > numbered
    sha256sum numbered > numbered.sum
}
is_told() { grep -q "$1" "$console" || { grep -q 'hostile: FAIL' "$console" && return 0; return 1; }; }
# Memory of swiftlet's own, in KiB: what is dirty besides the guest's 256 MiB.
own_memory() {
    awk '/^[0-9a-f]+-[0-9a-f]+ /{ size = 0 } $1 == "Size:"{ size = $2 } $1 == "Private_Dirty:" && size < 200000{ sum += $2 } END{ print sum }' "/proc/$vmm/smaps"
}
# Processor time of all threads but the vCPUs, in hundredths of a second.
ticks() { awk '$2 !~ /vcpu/{ sum += $14 + $15 } END{ print sum }' "/proc/$vmm"/task/*/stat; }
# Without the kernel's own workers for io_uring and KVM.
thread_names() { sort "/proc/$vmm"/task/*/comm | grep -v -E '^(iou-wrk|kvm)-'; }
# Why each device gave up is told, in whole lines, and no more than four times; where no command has the stream too.
faults_are_told() {
    local line='^swiftlet: (drives/[a-z0-9]+|vsock|entropy|console): (cannot start|queue [0-9]+): .*; it waits for the guest to reset it(; no more is told of it)?$'
    cut -c1-200 err | head -4
    if grep -v -E "$line" err; then return 1; fi
    same "$(cut -d: -f2 err | sort | uniq -c | awk '$1 > 4')" ''
    [ -s err ]
}
# survives SECONDS: follows an attack of that length from its first line to its last.
survives() {
    local threads before most=0 own begin limit=$((SECONDS + $1 * 4 + 60))
    until_true is_told 'attacking'
    threads=$(thread_names); before=$(own_memory)
    while
        own=$(own_memory); [ "$own" -le "$most" ] || most=$own
        ! is_told 'hostile: idle'
    do
        kill -0 "$vmm" || { echo "swiftlet is gone"; return 1; }
        [ "$SECONDS" -lt "$limit" ] || { echo "the guest says nothing more"; return 1; }
        sleep 0.3
    done
    # Everything is left as the attack left it. What it asked for last is soon done, later on a busy machine; then nobody
    # works on it: on a calm one there are no ticks, and who spins takes all of them.
    sleep 0.5
    for _ in 1 2 3 4; do
        begin=$(ticks); sleep 1; own=$(($(ticks) - begin))
        [ "$own" -ge 10 ] || break
    done
    until_true is_told 'all serve'
    grep 'hostile:' "$console"
    echo "$before KiB before, $most KiB at most; $own ticks of 100 while idle"
    if grep -q 'hostile: FAIL' "$console"; then return 1; fi
    same "$(thread_names)" "$threads"
    [ "$most" -gt 0 ]
    [ "$most" -lt $((before + 16384)) ]
    [ "$own" -lt 10 ]
    # The attack came through: some of it was answered with DEVICE_NEEDS_RESET.
    grep -q -E 'asked for one [1-9]' "$console"
    sha256sum -c numbered.sum
}

all_devices() {
    hostile_initramfs "$1" "$2" vdc 'vsock-peer once 9'
    numbered_disk; truncate -s 8M one two
    api_config "$(engine "$(drive one "$work/one")" Sync), $(engine "$(drive two "$work/two")" Async), $(drive numbered "$work/numbered" true)"
    sed -i 's/quiet panic=-1/quiet panic=-1 mem=240M/; s/"vcpu_count": 1/"vcpu_count": 2/' config.json
    api_starts --config-file config.json; console=out
    trap 'kill -KILL "$vmm" 2> /dev/null || true' EXIT
    survives "$2"
    until_true peer unix v.sock 9 < /dev/null
    api_ends 0
    same "$(stat -c %s one two | tr '\n' ' ')" '8388608 8388608 '
    faults_are_told
}

# A console is there for a command. Its input never ends, nobody keeps its output, and the guest reports the end when told to.
console_too() {
    hostile_initramfs "$1" "$2" vdb 'for port in /sys/class/virtio-ports/*; do
        case $(cat $port/name) in stdin) in=/dev/${port##*/} ;; status) status=/dev/${port##*/} ;; *) : > /dev/${port##*/} ;; esac
    done; grep -q go < $in; echo exited 7 > $status; sleep 60'
    numbered_disk; : > serial; console=serial
    rm -f endless; mkfifo endless; exec 3> >(tail -c 4096 > out) 4> >(tail -c 4096 > err) 5<> endless
    yes "" >&5 & filler=$!
    "$SWIFTLET" run --kernel "$cloud" --initrd api.cpio --rootfs "$image" --drive "$work/numbered,ro" --cpus 2 --cmdline mem=240M --console serial "${rings[@]}" -- x \
        < endless >&3 2>&4 3>&- 4>&- 5>&- & vmm=$!
    exec 3>&- 4>&-
    trap 'kill -KILL "$vmm" "$filler" 2> /dev/null || true' EXIT
    survives "$2"
    grep -q 'type 3, serves' serial
    kill "$filler"; echo go >&5
    api_ends 7
    until_true grep -a -q 'the console serves' out
}

run_hostile_cases() {
    # Where packed rings are offered, every fourth attempt of the guest is at a split one.
    check "hostile: the console attacked, with a disk and entropy beside it, in packed rings and split ones, and all serve after a reset" packed console_too "$SEED" 3
    check "hostile: disks, entropy and vsock attacked from two CPUs; a spared disk serves meanwhile, and all do after a reset" all_devices "$SEED" 5
    [ "$COMBINATIONS" = all ] || return 0
    local round long="${HOSTILE_SECONDS:-60}"
    for round in 1 2 3; do
        check "hostile: the same for longer ($round)" all_devices $((SEED + round)) "$long"
        check "hostile: the console for longer ($round)" console_too $((SEED + round)) "$long"
    done
}
