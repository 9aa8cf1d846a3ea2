# SPDX-License-Identifier: Apache-2.0
# Bad input: one clear line on standard error, the documented status, nothing left behind. Sourced by cases.

# refuses PATTERN ARG...: status 125 and exactly one line that matches.
refuses() {
    local pattern="$1"; shift
    ends 125 "$SWIFTLET" run "$@" 2> err < /dev/null
    same "$(wc -l < err)" 1
    grep -q -E "$pattern" err || { cat err; return 1; }
}
# Under a mount namespace or another user, the first line of the error must match.
refuses_under() {
    local pattern="$1"; shift
    ends 125 "$@" 2> err < /dev/null
    grep -q -E "$pattern" err || { cat err; return 1; }
}
no_kvm() {
    refuses_under 'there is no /dev/kvm.*lab' unshare -m sh -c \
        'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"' - "$SWIFTLET" run --kernel "$bare/hello"
}
no_permission() {
    cp "$bare/hello" "$SWIFTLET" /run/; chmod 755 /run/hello "/run/${SWIFTLET##*/}"; chmod 600 /dev/kvm
    refuses_under 'no permission on /dev/kvm.*group' setpriv --reuid=65534 --regid=65534 --clear-groups \
        "/run/${SWIFTLET##*/}" run --kernel /run/hello
}
full_disk() {
    mkdir -p full; mount -t tmpfs -o size=64k none full
    refuses_under 'mkfs.erofs|No space' env TMPDIR="$work/full" "$SWIFTLET" run --kernel "$cloud" \
        --initrd "$cloud_initramfs" --rootfs "$ROOTFS/etc" -- true
    local left; left=$(ls full | wc -l); umount full; same "$left" 0
}
result_on_a_full_disk() { refuses_under 'cannot write /dev/full' "$SWIFTLET" run --kernel "$bare/hello" --result /dev/full; }
run_input_cases() {
    : > empty; head -c 100000 "$cloud" > truncated; head -c 1000000 /dev/urandom > random; mkdir -p directory; truncate -s 400M large
    check "no kernel file" refuses 'no-such-kernel.*No such file' --kernel no-such-kernel
    check "an empty kernel" refuses 'empty' --kernel empty
    check "a truncated kernel" refuses 'truncated' --kernel truncated
    check "random bytes as the kernel" refuses 'random' --kernel random
    check "a directory as the kernel" refuses 'directory' --kernel directory
    check "an empty initrd" refuses 'initrd' --kernel "$cloud" --initrd empty
    check "no initrd file" refuses 'no-such-initrd' --kernel "$cloud" --initrd no-such-initrd
    check "an initrd larger than memory" refuses 'initrd' --kernel "$cloud" --initrd large
    check "too little memory for the kernel" refuses 'memory' --kernel "$cloud" --memory 16M
    check "no memory at all" refuses 'memory' --kernel "$cloud" --memory 0
    check "no CPU" refuses 'CPU' --kernel "$cloud" --cpus 0
    check "too many CPUs" refuses 'CPU' --kernel "$cloud" --cpus 10000
    check "no drive file" refuses 'no-such-drive' --kernel "$cloud" --drive no-such-drive
    check "a directory as a drive" refuses 'directory' --kernel "$cloud" --drive directory
    check "an unknown option" refuses 'unknown option' --kernel "$cloud" --frobnicate
    check "a command without a root" refuses 'rootfs' --kernel "$cloud" -- true
    check "a root that is not there" refuses 'no-such-root' --kernel "$cloud" --initrd "$cloud_initramfs" --rootfs no-such-root -- true
    check "a command line that is too long" refuses 'command line' --kernel "$cloud" --cmdline "$(printf 'x%.0s' {1..5000})"
    check "no /dev/kvm" no_kvm
    check "no permission on /dev/kvm" no_permission
    check "a full disk while the root is made" full_disk
    check "a full disk for the result" result_on_a_full_disk
}
