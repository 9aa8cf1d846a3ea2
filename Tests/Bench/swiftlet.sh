# SPDX-License-Identifier: Apache-2.0
# swiftlet: to its first KVM_RUN, to the guest's init, and what it costs in memory. Sourced by Tests/bench.

bench_swiftlet() {
    local cache="${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm-lab}"
    local cloud="$cache/kernels/linux-image-cloud-amd64"
    local swiftlet="${SWIFTLET:-$PWD/.build/release/swiftlet}" init="$PWD/Runtimes/guest-init/.build/release/guest-init"
    Tests/Lab/fetch-kernels linux-image-amd64 linux-image-cloud-amd64 || return 1
    [ -x "$swiftlet" ] && [ -x "$init" ] || make --no-print-directory build-release || return 1
    # Under the cache, because the lab sees the machine's disk and not what it keeps in memory.
    local at="$cache/bench"
    mkdir -p "$at"
    gcc -O2 -Wall -o "$at/started" "$here/started.c" && gcc -O2 -Wall -o "$at/read-file" "$here/read-file.c" || return 1
    "$swiftlet" initramfs --init "$init" --modules "$(echo "$cloud"/lib/modules/*)" --output "$at/initramfs" || return 1
    local image="$cache/images/debian.erofs" rootfs
    rootfs=$(Tests/Lab/make-image) || return 1
    [ -s "$image" ] || mkfs.erofs --quiet "$image" "$rootfs" || return 1

    first_run "$at" "$swiftlet" "$cloud/vmlinux" || return 1
    local runner=(Tests/Lab/lab --cpus "${LAB_CPUS:-1}" --memory 4000 --timeout $((120 + rounds * 60)) --)
    if Tests/Lab/native-kvm; then runner=(env); fi
    ROUNDS="$rounds" AT="$at" SWIFTLET="$swiftlet" KERNEL="$cloud/vmlinux" IMAGE="$image" \
        "${runner[@]}" "$PWD/$here/guest-starts" > "$work/starts" || return 1
    local where='in the same lab'
    if Tests/Lab/native-kvm; then where='on the same machine'; fi
    local qemu; qemu="QEMU $(qemu-system-x86_64 --version | sed -n 's/.*version \([0-9.]*\).*/\1/p') -M microvm,rtc=on $where"
    pairs start "start to the guest's init, vmlinux, 256 MiB, 1 CPU" 1e6 ms "$qemu" x1
    pairs cpu "processor time until then" 1 ms "$qemu" ''
    pairs dirty "Private_Dirty besides guest memory, 10 s after boot" 976.5625 MB "$qemu" '<2.5'
    pairs rss "RSS besides guest memory, 10 s after boot" 1024 MiB "$qemu" '<5'
    compare "$work/starts" api-dirty plain-dirty "Private_Dirty with the API, after a request" 976.5625 MB "--no-api $where" ''
}

# first_run FOLDER SWIFTLET VMLINUX: time to the first KVM_RUN, on this machine's KVM, whatever it can emulate.
#
# The 64-bit entry point of a stock kernel is made to say one character on the serial port. All else that swiftlet does to load
# the kernel stays the same, moving it by KASLR included; the character's way out makes the figure a little too long.
first_run() {
    local at="$1" swiftlet="$2" marked="$1/vmlinux-marked" bare="$1/bare-metal" round
    [ -r /dev/kvm ] && [ -w /dev/kvm ] || { echo "no /dev/kvm: nothing to say of the first KVM_RUN"; return 0; }
    cp "$3" "$marked" || return 1
    # mov dx, 0x3F8; mov al, 'H'; out dx, al; again: hlt; jmp again. It reads the same in 32 and in 64 bits.
    local offset code='\x66\xba\xf8\x03\xb0\x48\xee\xf4\xeb\xfd'
    offset=$(entry_offset "$marked") || return 1
    printf "$code" | dd of="$marked" bs=1 seek="$offset" conv=notrunc status=none || return 1
    make --no-print-directory -C Runtimes/swiftlet/Examples/bare-metal OUT="$bare" > /dev/null || return 1
    # What ran before matters, as the end of a machine keeps the kernel busy: it is a plain reader for both.
    for ((round = 0; round <= rounds * 2; round++)); do
        echo "marked $round $("$at/started" H "$swiftlet" run --kernel "$marked" --memory 128M)"
        echo "read $round $("$at/read-file" "$marked")"
        echo "bare $round $("$at/started" H "$swiftlet" run --kernel "$bare/hello" --memory 128M)"
        "$at/read-file" "$marked" > /dev/null
    done > "$work/first" || return 1
    rm -f "$marked"
    local read='read(2) of the same file into fresh memory'
    compare "$work/first" marked read "start to the first KVM_RUN, vmlinux with KASLR, 128 MiB" 1e6 ms "$read" +10
    compare "$work/first" bare read "the same with a kernel of a few instructions" 1e6 ms '' ''
}

# entry_offset ELF: where in the file the code at its 64-bit entry point lies (physical addresses).
entry_offset() {
    local entry type offset _ physical size
    entry=$(readelf -hW "$1" | sed -n 's/.*Entry point address: *//p')
    while read -r type offset _ physical size _; do
        [ "$type" = LOAD ] || continue
        if ((entry >= physical && entry < physical + size)); then echo $((offset + entry - physical)); return; fi
    done < <(readelf -lW "$1")
    echo "$1: nothing at its entry point" >&2
    return 1
}

# compare FILE KEY BASEKEY WHAT DIVISOR UNIT BASELINE TARGET [paired]: a row of medians.
# Round 0 warms the caches and does not count. An empty BASELINE leaves the second key out. The ratio is that of the medians;
# if paired, the median of the rounds' ratios.
compare() {
    awk -v ours="$2" -v base="$3" -v divisor="$5" '
        $2 > 0 && $3 != "" { value[$1, $2] = $3 / divisor; if ($2 > last) last = $2 }
        function median(list, n,   i, j, t) {
            for (i = 2; i <= n; i++) for (j = i; j > 1 && list[j - 1] > list[j]; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
            return n == 0 ? "" : n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
        }
        END {
            for (i = 1; i <= last; i++) {
                if ((ours, i) in value) a[++n] = value[ours, i]
                if ((base, i) in value) b[++m] = value[base, i]
                if ((ours, i) in value && value[base, i] > 0) r[++k] = value[ours, i] / value[base, i]
            }
            if (n == 0) exit 1
            printf "%.6f %s %s\n", median(a, n), m ? median(b, m) : "-", k ? median(r, k) : "-"
        }' "$1" > "$work/medians" || { echo "nothing measured: $4"; return 1; }
    local a b ratio
    read -r a b ratio < "$work/medians"
    local target="$8"
    if [ "$b" = - ]; then b='' target=''; fi
    if [ -z "$7" ]; then b=''; fi
    if [ -z "$b" ] || [ "${9:-}" != paired ]; then ratio=''; fi
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$4" "$6" "$a" "$b" "$7" "$ratio" "$target" >> "$work/rows"
}
pairs() { compare "$work/starts" "swiftlet-$1" "qemu-$1" "${@:2}"; }
