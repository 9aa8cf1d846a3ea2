# SPDX-License-Identifier: Apache-2.0
# Bad input: one clear line on standard error, the documented status, nothing left behind. Sourced by cases.

# refuses PATTERN ARG...: status 125 and exactly one line that matches.
refuses() {
    local pattern="$1"; shift
    ends 125 "$SWIFTLET" run "$@" 2> err < /dev/null
    same "$(wc -l < err)" 1
    grep -q -E "$pattern" err || { cat err; return 1; }
}
run_input_cases() {
    : > empty; head -c 100000 "$cloud" > truncated; head -c 1000000 /dev/urandom > random; mkdir -p directory
    check "no kernel file" refuses 'no-such-kernel.*No such file' --kernel no-such-kernel
    check "an empty kernel" refuses 'empty' --kernel empty
    check "a truncated kernel" refuses 'truncated' --kernel truncated
    check "random bytes as the kernel" refuses 'random' --kernel random
    check "a directory as the kernel" refuses 'directory' --kernel directory
    check "no initrd file" refuses 'no-such-initrd' --kernel "$cloud" --initrd no-such-initrd
    check "an initrd larger than memory" refuses 'initrd|memory' --kernel "$cloud" --initrd <(:) --memory 16M
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
}
