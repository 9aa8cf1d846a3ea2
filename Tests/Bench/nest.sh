# SPDX-License-Identifier: Apache-2.0
# nest: a container from `ctr run` to its end, an exec, output, and what it costs in memory. Sourced by Tests/bench.

bench_nest() {
    local cache="${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm-lab}" at init root
    local cloud="$cache/kernels/linux-image-cloud-amd64"
    root="$PWD/.build/nest-root"
    make --no-print-directory install DESTDIR="$root" PREFIX=/usr/local || return 1
    init="$PWD/Runtimes/guest-init/.build/release/guest-init"
    at="$cache/bench"
    mkdir -p "$at"
    gcc -O2 -Wall -o "$at/started" "$here/started.c" || return 1
    # The same kernel and the same modules, with an init that does nothing: the kernel's own share.
    "$root/usr/local/bin/swiftlet" initramfs --init "$init" --modules "$(echo "$cloud"/lib/modules/*)" --output "$at/initramfs" || return 1
    local containerd images store
    containerd=$(Tests/Lab/fetch-containerd) && images=$(Tests/Nest/make-images) && store=$(Tests/Nest/make-store) || return 1
    ROUNDS="$rounds" AT="$at" KERNEL="$cloud/vmlinux" CONTAINERD="$containerd" IMAGES="$images" STORE="$store" NEST_ROOT="$root" \
        Tests/Lab/lab --cpus "${LAB_CPUS:-1}" --memory 10000 --timeout $((900 + rounds * 60)) -- "$PWD/$here/containers" > "$work/containers" || return 1
    # The breakdown, and whatever did not run, follow the table.
    grep '^note ' "$work/containers" | sed 's/^note //' > "$work/notes" || true
    local same='in the same lab'
    containers run nest runc "ctr run --rm of one command, warm" 1000 s "runc $same" ''
    containers run nest gvisor "the same" 1000 s "gVisor (runsc) $same" x1
    containers run kernel runc "its kernel's share: QEMU microvm, empty init" 1000 s "runc $same" ''
    awk '$1 == "run-nest" { n[$2] = $3 } $1 == "run-kernel" { k[$2] = $3 } END { for (r in n) if (r > 0 && r in k) print "above-nest", r, n[r] - k[r] }' "$work/containers" >> "$work/above"
    grep '^run-runc ' "$work/containers" | sed 's/^run-runc/above-runc/' >> "$work/above"
    compare "$work/above" above-nest above-runc "above the kernel's share" 1000 s "runc's whole $same" x1
    quantile 50; quantile 99
    containers stdout nest runc "output in writes of 64 KiB, 64 MiB" 1 MB/s "runc $same" '>0.5'
    containers dirty nest runc "Private_Dirty of shim and VMM, 10 s after the last request" 1000 MB "runc's shim $same" '<5'
    containers smallest nest '' "smallest guest in which a container says hello" 1 MiB '' '<96'
    containers twenty nest runc "20 containers at once, started to removed" 1000 s "runc $same" ''
}
# containers KEY OURS BASE WHAT DIVISOR UNIT BASELINE TARGET
containers() { compare "$work/containers" "$1-$2" "$1-$3" "${@:4}"; }
# quantile N: of the times of all execs.
quantile() {
    local key
    for key in nest runc; do
        grep "^exec-$key " "$work/containers" | sort -k3n |
            awk -v q="$1" -v k="exec$1-$key" '{ v[NR] = $3 } END { at = int(NR * q / 100 + 0.5); if (at < 1) at = 1; if (at > NR) at = NR; print k, 1, v[at] }'
    done > "$work/quantile"
    compare "$work/quantile" "exec$1-nest" "exec$1-runc" "exec into a running container, p$1" 1 ms "runc in the same lab" x1.5
}
