# SPDX-License-Identifier: Apache-2.0
# What goes through a running guest's devices. Sourced by Tests/bench.

bench_devices() {
    local cache="${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm-lab}"
    local cloud="$cache/kernels/linux-image-cloud-amd64" at="$cache/bench"
    local swiftlet="${SWIFTLET:-$PWD/.build/release/swiftlet}" init="$PWD/Runtimes/guest-init/.build/release/guest-init"
    Tests/Lab/fetch-kernels linux-image-cloud-amd64 || return 1
    [ -x "$swiftlet" ] && [ -x "$init" ] || make --no-print-directory build-release || return 1
    mkdir -p "$at"
    gcc -std=gnu17 -static -O2 -Wall -o "$at/device-load" "$here/device-load.c" || return 1
    "$swiftlet" initramfs --init "$init" --modules "$(echo "$cloud"/lib/modules/*)" --output "$at/initramfs" || return 1
    device_guest "$at" || return 1
    local runner=(Tests/Lab/lab --cpus "${LAB_CPUS:-1}" --memory 4000 --timeout $((120 + rounds * 120)) --)
    if Tests/Lab/native-kvm; then runner=(env); fi
    ROUNDS="$rounds" AT="$at" SWIFTLET="$swiftlet" KERNEL="$cloud/vmlinux" \
        "${runner[@]}" "$PWD/$here/guest-devices" > "$work/devices" || return 1
    local qemu load; qemu="QEMU $(qemu-system-x86_64 --version | sed -n 's/.*version \([0-9.]*\).*/\1/p') -M microvm,rtc=on"
    while read -r load unit divisor words; do
        compare "$work/devices" "sync-$load" "threads-$load" "Sync: $words" "$divisor" "$unit" "$qemu aio=threads" '>1' paired
        compare "$work/devices" "async-$load" "uring-$load" "Async: $words" "$divisor" "$unit" "$qemu aio=io_uring" '>1' paired
    done < <(device_loads | sed 's/^\([^ ]*\) .*|/\1 /')
    compare "$work/devices" sync-vsock-send threads-vsock-send "vsock: guest to host" 1e6 MB/s "$qemu vhost-vsock-device" '>0.5' paired
    compare "$work/devices" sync-vsock-receive threads-vsock-receive "vsock: host to guest" 1e6 MB/s "$qemu vhost-vsock-device" '>0.5' paired
}

# Key, arguments of device-load, then unit, divisor of requests a second, and words.
device_loads() {
    local way
    for way in read write; do
        echo "$way-random-1 $way random 4096 1 |1/s 1 random $way of 4 KiB, one at a time"
        echo "$way-random-32 $way random 4096 32 |1/s 1 random $way of 4 KiB, 32 in flight"
        echo "$way-sequential-1 $way sequential 131072 1 |MB/s 7.62939 sequential $way of 128 KiB, one at a time"
        echo "$way-sequential-32 $way sequential 131072 32 |MB/s 7.62939 sequential $way of 128 KiB, 32 in flight"
    done
}

# device_guest FOLDER: an initramfs whose init loads every device and turns the machine off.
device_guest() {
    rm -rf "$work/guest"; mkdir -p "$work/guest/bin"
    cp "$(command -v busybox)" "$work/guest/bin/busybox" && cp "$1/device-load" "$work/guest/bin/" || return 1
    {
        printf '#!/bin/busybox sh\n/bin/busybox --install -s /bin\nmkdir -p /proc /sys /dev\n'
        printf 'mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev\n'
        printf 'for module in $(cat /modules/order); do insmod $module; done\nexec > /dev/console 2>&1\n'
        device_loads | sed 's/ |.*//' | while read -r key way kind size depth; do
            printf 'echo result %s $(device-load disk /dev/vda %s %s %s %s 400)\n' "$key" "$way" "$kind" "$size" "$depth"
        done
        for way in send receive; do
            printf 'echo result vsock-%s $(device-load vsock %s 700 600)\n' "$way" "$way"
        done
        printf 'poweroff -f\n'
    } > "$work/guest/init"
    chmod 755 "$work/guest/init"
    { cat "$1/initramfs"; ( cd "$work/guest" && find . | cpio -o -H newc --quiet ); } > "$1/devices.cpio"
}
