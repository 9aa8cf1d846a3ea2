# SPDX-License-Identifier: Apache-2.0
# swiftlet without a verb: configured by a file and through the API's socket, by Firecracker's rules. Sourced by cases.

# api_initramfs SCRIPT: modules, busybox and vsock-peer; the guest runs the script and turns itself off.
api_initramfs() {
    rm -rf api; mkdir -p api/bin
    cp "$(command -v busybox)" api/bin/busybox; cp "$VSOCK_PEER" api/bin/
    cat > api/init <<EOF
#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev; mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
for module in \$(cat /modules/order); do insmod \$module; done
( $1
) < /dev/null > /dev/console 2>&1
poweroff -f
EOF
    chmod 755 api/init
    { cat "$cloud_initramfs"; ( cd api && find . | cpio -o -H newc --quiet ); } > api.cpio
}
# api_config [DRIVES]: a configuration file of everything that there is.
api_config() {
    cat > config.json <<EOF
{"boot-source": {"kernel_image_path": "$cloud", "initrd_path": "$work/api.cpio",
                 "boot_args": "console=ttyS0 quiet panic=-1 reboot=panic_warm pci=off 8250.nr_uarts=1"},
 "machine-config": {"vcpu_count": 1, "mem_size_mib": 256},
 "drives": [${1:-}],
 "vsock": {"guest_cid": 3, "uds_path": "$work/v.sock"},
 "entropy": {}}
EOF
}
drive() { echo "{\"drive_id\": \"$1\", \"path_on_host\": \"$2\", \"is_root_device\": false, \"is_read_only\": ${3:-false}}"; }

config_file_boots() {
    api_initramfs 'echo "vsock: $(cat /sys/class/misc/vsock/dev) $(cat /sys/bus/virtio/devices/*/device | sort | tr "\n" " ")"; echo "vda $(cat /sys/block/vda/size) ro $(cat /sys/block/vda/ro) $(cat /sys/block/vda/serial)"'
    truncate -s 1M disk; api_config "$(drive first "$work/disk" true)"
    ends 0 "$SWIFTLET" --no-api --config-file config.json < /dev/null > out
    grep -q '0x0002 0x0004 0x0013' out || { cat -v out; return 1; }
    grep -q 'vda 2048 ro 1 first' out || { cat -v out; return 1; }
    [ ! -e v.sock ]
}

run_api_cases() {
    check "a configuration file boots a machine with drive, vsock and entropy" config_file_boots
}
