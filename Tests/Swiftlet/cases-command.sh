# SPDX-License-Identifier: Apache-2.0
# A command in an image: its status and its streams come out exactly. Sourced by cases.

status_of_true() { ends 0 image true; same "$(cat result)" '{"cause":"command","status":0}'; }
status_of_its_own() { ends 42 image sh -c 'exit 42'; }
status_of_a_signal() { ends 137 image sh -c 'kill -9 $$'; }
# Told at once: the guest's own time limit (10 s) is for hosts that do not listen.
status_not_found() { options=(--console console); ends 127 image no-such-command; no_power_off; }
status_not_executable() { options=(--console console); ends 126 image /etc/passwd; no_power_off; }
no_power_off() { same "$(cat result | cut -d, -f1)" '{"cause":"command"'; ! grep -q 'Power down' console; }
streams_apart() {
    ends 0 image sh -c 'echo out; echo err >&2' > out 2> err
    same "$(cat out)" out; same "$(cat err)" err
}
input_binary_clean() { printf 'a\0b' > in; ends 0 image cat < in > out; cmp in out; }
input_large() { head -c 3000000 /dev/urandom > in; ends 0 image cat < in > out; cmp in out; }
output_large() { ends 0 image head -c 5000000 /dev/zero > out; same "$(wc -c < out)" 5000000; }
output_to_closed_reader() { ends 141 bash -c '"$@" | head -c 10 > out; exit "${PIPESTATUS[0]}"' - "${plain[@]}" yes; }
input_end_is_seen() { ends 0 image sh -c 'cat; echo end' < /dev/null > out; same "$(cat out)" end; }
kernel_is_its_own() { ends 0 image uname -r > out; same "$(cat out)" "${cloud##*vmlinuz-}"; }
root_is_the_image() { ends 0 image cat /etc/debian_version > out; cmp out "$ROOTFS/etc/debian_version"; }
root_is_writable_above() {
    ends 0 image sh -c 'echo x > /etc/new && rm /etc/passwd && cat /etc/new' > out; same "$(cat out)" x
    [ ! -e "$ROOTFS/etc/new" ] && [ -e "$ROOTFS/etc/passwd" ]
}
orphans_end_with_the_command() { ends 0 image sh -c 'sleep 1000 & echo done' > out; same "$(cat out)" done; }
no_kernel_noise() { ends 0 image true > out 2> err; same "$(cat out err)" ""; }
arguments_exact() { ends 0 image printf '%s|' 'a b' '' $'new\nline' '"q"' > out; same "$(cat out)" $'a b||new\nline|"q"|'; }
drive_read_write() {
    head -c 1048576 /dev/urandom > disk; cp disk before
    options=(--drive "$work/disk")
    ends 0 image sh -c 'dd if=/dev/vdb bs=4096 count=256 2>/dev/null | sha256sum; printf hello | dd of=/dev/vdb bs=512 seek=7 conv=notrunc,fsync 2>/dev/null' > out
    same "$(cut -d' ' -f1 out)" "$(sha256sum < before | cut -d' ' -f1)"
    same "$(dd if=disk bs=512 skip=7 count=1 2>/dev/null | head -c 5)" hello
}
drive_read_only() {
    head -c 65536 /dev/zero > disk; options=(--drive "$work/disk,ro")
    ends 1 image sh -c 'cat /sys/block/vdb/ro >&2; echo x 2>/dev/null > /dev/vdb' 2> err
    same "$(head -1 err)" 1; cmp disk <(head -c 65536 /dev/zero)
}
entropy_device() { ends 0 image cat /sys/class/misc/hw_random/rng_available > out; grep -q virtio_rng out; }
root_from_a_directory() {
    mkdir -p root/bin && cp "$(command -v busybox)" root/bin/busybox && ln -sf busybox root/bin/sh
    mkdir -p root/{dev,proc,sys}
    ends 0 "$SWIFTLET" run --kernel "$cloud" --initrd "$cloud_initramfs" --rootfs root -- /bin/sh -c 'echo from $0' > out
    same "$(cat out)" 'from /bin/sh'
    same "$(ls "$work" | grep -c -v -E '^(vmlinuz|initramfs|.*erofs|log|console|out|root|result|in|err|disk|before)')" 0
}
time_is_right() { ends 0 image date +%s > out; local now; now=$(date +%s); [ $((now - $(cat out))) -lt 20 ] && [ $((now - $(cat out))) -gt -20 ]; }

run_command_cases() {
    plain=("$SWIFTLET" run --kernel "$cloud" --initrd "$cloud_initramfs" --rootfs "$image" --)
    check "a command's status 0, and the cause as JSON" status_of_true
    check "a command's own status comes out" status_of_its_own
    check "a command ended by signal n gives 128+n" status_of_a_signal
    check "a command that is not there gives 127" status_not_found
    check "a command that is not executable gives 126" status_not_executable
    check "standard output and error stay apart" streams_apart
    check "standard input is binary-clean" input_binary_clean
    check "3 MB through standard input and output come out unharmed" input_large
    check "5 MB of output are all there" output_large
    check "a reader that goes away ends the machine as SIGPIPE would" output_to_closed_reader
    check "the end of the input is seen" input_end_is_seen
    check "the kernel inside is the one that was given" kernel_is_its_own
    check "the root is the image" root_is_the_image
    check "the root is writable, and the image is not" root_is_writable_above
    check "what a command left running ends with it" orphans_end_with_the_command
    check "the kernel's messages stay out of the streams" no_kernel_noise
    check "arguments arrive exactly" arguments_exact
    check "a drive is read and written" drive_read_write
    check "a read-only drive cannot be written" drive_read_only
    check "the entropy device is used" entropy_device
    check "the guest knows the time" time_is_right
    check "a directory becomes the root, and leaves no temporary file" root_from_a_directory
}
