# SPDX-License-Identifier: Apache-2.0
# Kernels, formats, CPUs, memory, and how a machine ends. Sourced by cases.

# boots FLAVOUR FORMAT CPUS MEMORY: the guest sees exactly those CPUs, about that memory, and that kernel.
boots() {
    local at="$KERNELS/$1" kernel cpus="$3" memory="$4" seen
    if [ "$2" = vmlinux ]; then kernel="$at/vmlinux"; else kernel=$(echo "$at"/boot/vmlinuz-*); fi
    ends 0 "$SWIFTLET" run --kernel "$kernel" --initrd "$at/initramfs" --cpus "$cpus" --memory "${memory}M" \
        --rootfs "$image" -- sh -c 'uname -r; nproc; awk "/MemTotal/{print int(\$2/1024)}" /proc/meminfo' > out
    same "$(sed -n 1p out)" "$(basename "$(echo "$at"/boot/vmlinuz-*)" | sed 's/^vmlinuz-//')"
    same "$(sed -n 2p out)" "$cpus"
    seen=$(sed -n 3p out)
    [ "$seen" -le "$memory" ] && [ "$seen" -ge $((memory * 80 / 100 - 60)) ] || { echo "memory $seen of $memory"; return 1; }
}
# An init that only ends the machine in one way.
ends_by() { image sh -c "$1"; }
poweroff_is_0() { ends 0 "$SWIFTLET" run --kernel "$cloud" --initrd "$cloud_initramfs" --result result < /dev/null; grep -q '"cause":"poweroff"' result; }
reboot_is_3() { ends 125 image sh -c 'echo b > /proc/sysrq-trigger; sleep 60' 2> err; grep -q '"cause":"reboot"' result; }
panic_is_4() { ends 125 image sh -c 'echo c > /proc/sysrq-trigger; sleep 60' 2> err; grep -q '"cause":"panic"' result; }
no_init_panics() { ends 4 "$SWIFTLET" run --kernel "$cloud" --result result < /dev/null > out; grep -q '"cause":"panic"' result; grep -q 'Kernel panic' out; }
triple_fault_is_4() { ends 4 "$SWIFTLET" run --kernel "$bare/triple-fault" --result result; grep -q '"cause":"triple fault"' result; }
bare_metal_example() { ends 0 "$SWIFTLET" run --kernel "$bare/hello" > out; grep -q 'Hello from' out; }
kaslr_moves_the_kernel() {
    ends 0 image sh -c 'grep -m1 " _text$" /proc/kallsyms' > one; ends 0 image sh -c 'grep -m1 " _text$" /proc/kallsyms' > two
    grep -q ' T _text' one; ! cmp -s one two
}
nokaslr_leaves_it() { options=(--cmdline nokaslr); ends 0 image grep -m1 ' _text$' /proc/kallsyms > out; same "$(cut -d' ' -f1 out)" ffffffff81000000; }
serial_console_speaks() { ends 0 "$SWIFTLET" run --kernel "$cloud" --initrd "$cloud_initramfs" < /dev/null > out; grep -q 'Linux version' out; grep -q 'guest-init: ready' out; }
killed_by_signal() {
    "$SWIFTLET" run --kernel "$cloud" --initrd "$cloud_initramfs" --rootfs "$image" -- sleep 1000 & local vmm=$!
    sleep 5; kill -TERM "$vmm"; local got=0; wait "$vmm" || got=$?; same "exit $got" "exit 143"
}
# An initramfs of busybox alone, whose init reads a line from the console.
echo_initramfs() {
    rm -rf echo; mkdir -p echo/bin; cp "$(command -v busybox)" echo/bin/busybox
    printf '#!/bin/busybox sh\nread line\necho "got <$line>"\n/bin/busybox poweroff -f\n' > echo/init; chmod 755 echo/init
    ( cd echo && find . | cpio -o -H newc --quiet ) > echo.cpio
}
console_input() {
    echo_initramfs
    ends 0 "$SWIFTLET" run --kernel "$cloud" --initrd echo.cpio --cmdline quiet <<< 'typed text' > out
    grep -q 'got <typed text>' out || { cat -v out; return 1; }
}
# terminal COMMAND: runs it on a terminal of its own, whose settings are kept before, during and after.
terminal() {
    cat > session <<EOF
stty -a > before
( sleep 4; stty -a > during < /dev/tty ) &
$1
stty -a > after
EOF
    timeout -k 5 60 script -qec "bash session" /dev/null > transcript < /dev/null
    grep -q -- ' -icanon' during || { echo "not raw while it ran"; return 1; }
    cmp before after
}
terminal_after_poweroff() { terminal "'$SWIFTLET' run --kernel '$cloud' --initrd '$cloud_initramfs'"; }
terminal_after_signal() {
    echo_initramfs
    terminal "( sleep 7; pkill -TERM -x \"\$(basename '$SWIFTLET')\" ) & '$SWIFTLET' run --kernel '$cloud' --initrd echo.cpio; echo status \$?"
    grep -q 'status 143' transcript
}
sixteen_cpus() { boots linux-image-cloud-amd64 bzImage 16 512; }

run_boot_cases() {
    local flavour format cpus memory rows=()
    for flavour in linux-image-cloud-amd64 linux-image-amd64; do for format in bzImage vmlinux; do
        for cpus in 1 4; do for memory in 128 5120; do rows+=("$flavour $format $cpus $memory"); done; done
    done; done
    # Without "all", each kernel in each format, with CPUs and memory drawn by the seed.
    if [ "$COMBINATIONS" != all ]; then
        local sample=() i
        for i in 0 1 2 3; do sample+=("${rows[$((i * 4 + (SEED + i) % 4))]}"); done
        rows=("${sample[@]}")
    fi
    for row in "${rows[@]}"; do
        # shellcheck disable=SC2086
        check "boots: $row MiB" boots $row
    done
    check "16 CPUs are up" sixteen_cpus
    check "poweroff ends the machine with 0" poweroff_is_0
    check "a reboot under a command is told" reboot_is_3
    check "a panic under a command is told" panic_is_4
    check "a panic ends the machine with 4" no_init_panics
    check "a triple fault ends the machine with 4" triple_fault_is_4
    check "the bare-metal example runs" bare_metal_example
    check "KASLR moves the kernel between two boots" kaslr_moves_the_kernel
    check "nokaslr leaves it where it was linked" nokaslr_leaves_it
    check "the serial console shows the boot" serial_console_speaks
    check "a signal ends the machine" killed_by_signal
    check "what is typed reaches the guest" console_input
    check "the terminal is raw while the guest runs, and as before after it" terminal_after_poweroff
    check "the terminal is as before after a signal" terminal_after_signal
}
