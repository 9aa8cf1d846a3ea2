# SPDX-License-Identifier: Apache-2.0
# The packages' own benchmark programs, and their tables as rows. Sourced by Tests/bench.

# build PACKAGE PROGRAM: makes the benchmark and sets `program`. Nobody can measure while the compiler runs beside it.
build() {
    local path="Packages/$1/Benchmarks"
    $SWIFT build -c release --package-path "$path" || return 1
    program="$path/.build/release/$2"
}

# where_kvm_is COMMAND...: here if there is a /dev/kvm, else in the lab. Micro-guests do with any KVM.
where_kvm_is() { if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then "$@"; else Tests/Lab/lab --timeout 300 -- "$@"; fi; }

bench_vm_memory() {
    # Its own front also builds the Rust crate's side, where cargo and Debian's package of it are installed.
    Packages/vm-memory/Benchmarks/run > "$work/out" || return 1
    # Name in the first 50 columns, then: ours, C, ratio, "<= limit" where there is one, growth of the heap.
    awk 'length($0) > 50 && substr($0, 51) ~ /^ +[0-9.]+ +[0-9.]+ +[0-9.]+ /{
            n = split(substr($0, 51), f, " "); name = substr($0, 1, 50); sub(/ +$/, "", name)
            base = name ~ /memcpy/ ? "memcpy" : name ~ /Rust/ ? "Debian librust-vm-memory-dev" : "volatile C on the same mapping"
            print name "\tns\t" f[1] "\t" f[2] "\t" base "\t" f[3] "\t" (f[4] == "<=" ? "x" f[5] : "") }' \
        "$work/out" > "$work/rows"
}

bench_kvm_ioctls() {
    build kvm-ioctls kvm-ioctls-bench || return 1
    where_kvm_is "$program" > "$work/out" || return 1
    awk '/C loop/{c = $3} /VCPU.run/{s = $2} /ratio/{r = $2; for (i = 3; i < NF; i++) if ($i == "medians,") r = $(i + 1)}
         /allocations/{a = $2; n = $(NF - 1)}
         END { if (s == "") exit 1
            print "exit round trip of a port write\tns\t" s "\t" c "\ta C loop on the same vCPU\t" r "\tx1.02"
            print "allocations in " n " exits\t\t" a "\t\t\t\t<0" }' "$work/out" > "$work/rows"
}

bench_virtio_queue() {
    build virtio-queue QueueBenchmarks || return 1
    "$program" > "$work/out" || return 1
    awk '/ ns .* ns /{ name = $0; sub(/ +[0-9.]+ ns.*/, "", name); rest = substr($0, length(name) + 1); split(rest, f, " ")
            target = name ~ /walk$|together$/ ? "x1.3" : ""
            print name "\tns\t" f[1] "\t" f[3] "\tthe same walk with the same checks in C\t" f[5] "\t" target
            print name ", allocations\t\t" f[6] "\t\t\t\t<0" }' "$work/out" > "$work/rows"
}

bench_virtio_devices() {
    build virtio-devices DeviceBenchmarks || return 1
    "$program" > "$work/out" || return 1
    awk '/ ns .* ns /{ name = $0; sub(/ +[0-9.]+ ns.*/, "", name); rest = substr($0, length(name) + 1); split(rest, f, " ")
            print name "\tns\t" f[1] "\t" f[3] "\tpread(2) or pwrite(2) of the same bytes in C\t" f[5] "\t"
            print name ", allocations\t\t" f[6] "\t\t\t\t<0" }
        /memory of an idle device/{ name = $0; sub(/.*: /, "", name); count = $7; sub(/:/, "", count)
            print "idle " name ", of " count ": heap\tbytes\t" $8 "\t\t\t\t<65536"
            print "idle " name ", of " count ": growth of the process\tbytes\t" $12 "\t\t\t\t<65536" }' \
        "$work/out" > "$work/rows"
}

bench_linux_loader() {
    Tests/Lab/fetch-kernels linux-image-amd64 linux-image-cloud-amd64 || return 1
    build linux-loader LoadBenchmarks || return 1
    "$program" "${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm-lab}/kernels" > "$work/out" || return 1
    awk '/ ms, read\(2\) /{ line = $0; sub(/^ +/, "", line); at = index(line, ", read(2) ")
            name = substr(line, 1, at - 1); ours = name; sub(/ ms$/, "", ours); sub(/.* /, "", ours)
            sub(/: [0-9.]+ ms$/, "", name); rest = substr(line, at + 10); split(rest, f, /[ ,]+/)
            limit = line ~ /at most/ ? line : ""; sub(/.*at most /, "", limit); sub(/:.*/, "", limit)
            print name "\tms\t" ours "\t" f[1] "\tread(2) of the unpacked ELF into fresh memory\t" f[4] "\t" (limit == "" ? "" : "x" limit) }' \
        "$work/out" > "$work/rows"
}

bench_vsock() {
    build vsock VsockBenchmarks || return 1
    "$program" > "$work/out" || return 1
    # Its ratio is the plain socket's speed to ours; here all ratios are ours to the baseline's.
    awk '/ MB\/s .* MB\/s /{ name = $0; sub(/ +[0-9.]+ MB\/s.*/, "", name); rest = substr($0, length(name) + 1); split(rest, f, " ")
            print name "\tMB/s\t" f[1] "\t" f[3] "\tthe same bytes through a Unix socket alone\t" (f[5] > 0 ? 1 / f[5] : "") "\t" }
        / us .* us /{ name = $0; sub(/ +[0-9.]+ us.*/, "", name); rest = substr($0, length(name) + 1); split(rest, f, " ")
            print name "\tus\t" f[1] "\t" f[3] "\ta Unix socket connected to, accepted and closed\t" f[5] "\t" }
        /memory of an idle connection/{ print "idle connection, of " $7 ": memory\tbytes\t" $8 "\t\t\t\t" }' \
        "$work/out" > "$work/rows"
}

bench_ttrpc() {
    build ttrpc CallBenchmarks || return 1
    "$program" > "$work/out" || return 1
    awk '/ us .* us .* us /{ name = $0; sub(/ +[0-9]+ us.*/, "", name); rest = substr($0, length(name) + 1); split(rest, f, " ")
            print "call of " name ", p50\tus\t" f[1] "\t" f[5] "\tthe same bytes written and read in C\t" f[7] "\t"
            print "call of " name ", p99\tus\t" f[3] "\t\t\t\t"
            print "call of " name ", allocations of both ends\t\t" f[8] "\t\t\t\t" }
        /idle connections/{ print "100 idle connections, both ends: threads\t\t" $6 "\t\t\t\t"; print "100 idle connections, both ends: private memory\tKiB\t" $8 "\t\t\t\t" }' \
        "$work/out" > "$work/rows"
}
