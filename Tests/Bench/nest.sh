# SPDX-License-Identifier: Apache-2.0
# nest: a container from `ctr run` to its end, an exec, output, and what it costs in memory. Sourced by Tests/bench.
#
# NEST_ROOT=DIR measures what `make install DESTDIR=DIR` made there; made anew unless given. PARTS: see Tests/Bench/containers.

bench_nest() {
    local cache="${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm-lab}" root="${NEST_ROOT:-$PWD/.build/nest-root}" containerd images store
    [ -n "${NEST_ROOT:-}" ] || make --no-print-directory install DESTDIR="$root" PREFIX=/usr/local || return 1
    # Under the cache, because the lab sees the machine's disk and not what it keeps in memory.
    mkdir -p "$cache/bench"
    gcc -O2 -Wall -o "$cache/bench/started" "$here/started.c" || return 1
    containerd=$(Tests/Lab/fetch-containerd) && images=$(Tests/Nest/make-images) && store=$(Tests/Nest/make-store) || return 1
    rm -rf .build/bench-logs
    ROUNDS="$rounds" AT="$cache/bench" CONTAINERD="$containerd" IMAGES="$images" STORE="$store" NEST_ROOT="$root" \
        Tests/Lab/lab --cpus "${LAB_CPUS:-1}" --memory 10000 --timeout $((900 + rounds * 60)) --out "$PWD/.build/bench-logs" -- \
        "$PWD/$here/containers" > "$work/containers" || return 1
    # What could not be measured, and what the memory is made of, follow the table.
    sed -n 's/^note //p' "$work/containers" > "$work/notes"
    sed -i '/^note /d' "$work/containers"
    local same='in the same lab' whole="the container's whole time"
    containers run nest runc "ctr run --rm of one command, warm, against runc" 1000 s "runc $same" ''
    containers run nest gvisor "the same, against gVisor" 1000 s "gVisor (runsc) $same" x1
    containers run kernel runc "the kernel's share: QEMU microvm, empty init" 1000 s "runc $same" ''
    awk '$1 == "run-nest" { n[$2] = $3 } $1 == "run-kernel" { k[$2] = $3 } $1 == "run-runc" { print "above-runc", $2, $3 }
        END { for (r in n) if (r in k) print "above-nest", r, n[r] - k[r] }' "$work/containers" > "$work/above"
    [ ! -s "$work/above" ] || compare "$work/above" above-nest above-runc "what is above that, against all of runc" 1000 s "runc's whole $same" x1
    phase rest "of it: client, containerd, the shim's start"
    phase shim "shim: specification, image, scratch disk, cgroup"
    phase vmm "VMM, until its guest's clock runs"
    phase kernel "guest kernel, until its init"
    phase loader "loader: drivers, system image"
    phase agent "agent, until it made the sandbox"
    phase crun "crun create and start"
    phase end "the last output, end of the VM, cleaning up"
    quantile 50; quantile 99
    containers stdout nest runc "output in writes of 64 KiB, 64 MiB" 1 MB/s "runc $same" '>0.5'
    containers dirty nest runc "Private_Dirty of shim and VMM, 10 s after requests" 1000 MB "runc's shim $same" '<5'
    containers smallest nest '' "smallest guest in which a container says hello" 1 MiB '' '<96'
    containers twenty nest runc "20 containers at once, started to removed" 1000 s "runc $same" ''
}
# containers KEY OURS BASE WHAT DIVISOR UNIT BASELINE TARGET. What PARTS left out has no row.
containers() { ! grep -q "^$1-$2 " "$work/containers" || compare "$work/containers" "$1-$2" "$1-$3" "${@:4}"; }
# phase KEY WHAT: its share of the run that was taken apart.
phase() { ! grep -q "^phase-$1 " "$work/containers" || compare "$work/containers" "phase-$1" whole "  $2" 1000 s "$whole" ''; }
# quantile N: of the times of all execs.
quantile() {
    local key
    for key in nest runc; do
        grep "^exec-$key [1-9]" "$work/containers" | sort -k3n |
            awk -v q="$1" -v k="exec$1-$key" '{ v[NR] = $3 } END { at = int(NR * q / 100 + 0.5); if (at < 1) at = 1; if (at > NR) at = NR; print k, 1, v[at] }'
    done > "$work/quantile"
    ! grep -q "^exec-nest" "$work/containers" || compare "$work/quantile" "exec$1-nest" "exec$1-runc" "exec into a running container, p$1" 1 ms "runc in the same lab" x1.5
}
