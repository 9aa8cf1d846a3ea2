# SPDX-License-Identifier: Apache-2.0
# What swiftlet's filters of system calls cost. Sourced by Tests/bench.

# Way, bytes of a request or packet, how many of them, and words.
filter_loads() {
    echo "disk 131072 8000 |sequential read of 128 KiB, one at a time"
    echo "disk 4096 10000 |sequential read of 4 KiB, one at a time"
    echo "send 65536 6000 |vsock: guest to host, 64 KiB a packet"
    echo "receive 65536 6000 |vsock: host to guest, 64 KiB a packet"
}

bench_filters() {
    local swiftlet="${SWIFTLET:-$PWD/.build/release/swiftlet}" at="${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm-lab}/bench"
    [ -x "$swiftlet" ] || make --no-print-directory build-release || return 1
    mkdir -p "$at"
    gcc -std=gnu17 -static -O2 -Wall -o "$at/device-load" "$here/device-load.c" && bare_guest "$at/bare-load" || return 1
    ROUNDS="$rounds" SWIFTLET="$swiftlet" GUEST="$at/bare-load" SERVER="$at/device-load" LOADS="$(filter_loads | sed 's/ |.*//')" \
        where_kvm_is "$PWD/$here/bare-filters" > "$work/filters" || return 1
    local way size count words
    while read -r way size count words; do
        compare "$work/filters" "bound-$way-$size" "free-$way-$size" "${words#|}" 1e6 MB/s "the same machine with --no-seccomp" '>0.98' paired
    done < <(filter_loads)
    # What the kernel is asked for, and nothing else: the guest and the device would come on top.
    build seccompiler FilterBenchmarks || return 1
    where_kvm_is "$program" Runtimes/swiftlet/Policy/*.json > "$work/out" || return 1
    awk '/ ns .* ns /{ name = $0; sub(/ +[0-9]+ ns.*/, "", name); rest = substr($0, length(name) + 1); split(rest, f, " ")
            print name "\tns\t" f[1] "\t" f[3] "\ta thread without a filter\t" f[5] "\t" (name ~ /exit/ ? "x1.02" : "") }' \
        "$work/out" >> "$work/rows"
}

# bare_guest FILE: 32-bit code, as a machine that boots by PVH begins, in the 64-bit ELF that the loader takes.
bare_guest() {
    local example=Runtimes/swiftlet/Examples/bare-metal
    gcc -m32 -march=i686 -std=gnu17 -O2 -Wall -Wextra -Werror -ffreestanding -mgeneral-regs-only -fno-pic -fno-stack-protector \
        -fcf-protection=none -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -nostdlib -static -no-pie \
        "-Wa,-I,$example" "-Wl,-T,$example/link.ld" -Wl,--build-id=none,-n,--no-warn-rwx-segments -o "$1.32" "$here/bare-load.c" &&
        objcopy -O elf64-x86-64 "$1.32" "$1"
}
