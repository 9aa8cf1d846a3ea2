# SPDX-License-Identifier: Apache-2.0
# swiftlet without a verb: configured by a file and through the API's socket, by Firecracker's rules. Sourced by cases.

# api_initramfs SCRIPT: modules, busybox, vsock-peer and hostile; the guest runs the script and turns itself off.
api_initramfs() {
    rm -rf api; mkdir -p api/bin
    cp "$(command -v busybox)" api/bin/busybox; cp "$VSOCK_PEER" "$HOSTILE" api/bin/
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
 "vsock": {"guest_cid": 3, "uds_path": "$work/v.sock", "seqpacket_uds_path": "$work/p.sock"},
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
    [ ! -e v.sock ] && [ ! -e p.sock ]
}

# api METHOD PATH [BODY]: the answer's body, a space and its status.
api() { curl -sS --max-time 20 --unix-socket a.sock -X "$1" -w ' %{http_code}' "http://localhost$2" ${3:+-d "$3"}; }
# says ANSWER METHOD PATH [BODY]: exactly this answer.
says() { local want="$1"; shift; same "$(api "$@")" "$want"; }
# until_true COMMAND...: waits until it succeeds, 30 s.
until_true() { local i; for ((i = 0; i < 300; i++)); do ! "$@" 2> /dev/null || return 0; sleep 0.1; done; echo "not within 30 s: $*"; return 1; }
api_starts() { rm -f a.sock v.sock* p.sock; "$SWIFTLET" --api-sock a.sock "${rings[@]}" "$@" < /dev/null > out 2> err & vmm=$!; until_true test -S a.sock; }
# api_ends STATUS: swiftlet ends by itself with it, and leaves no socket.
api_ends() {
    local got=0; ( sleep 60; kill -KILL "$vmm" 2> /dev/null ) & local watch=$!
    wait "$vmm" || got=$?; kill "$watch"
    same "exit $got" "exit $1" || { cat -v out err; return 1; }
    [ ! -e a.sock ] && [ ! -e v.sock ] && [ ! -e p.sock ]
}
# What api_config holds, request by request.
api_configures() {
    says ' 204' PUT /boot-source "$(jq -c '."boot-source"' config.json)"
    says ' 204' PUT /machine-config "$(jq -c '."machine-config"' config.json)"
    local drive
    while read -r drive <&3; do says ' 204' PUT "/drives/$(jq -r .drive_id <<< "$drive")" "$drive"; done 3< <(jq -c '.drives[]' config.json)
    says ' 204' PUT /vsock "$(jq -c .vsock config.json)"
    says ' 204' PUT /entropy "$(jq -c .entropy config.json)"
}
start='{"action_type": "InstanceStart"}'
peer() { timeout 60 "$VSOCK_PEER" "$@"; }

is_running() { api GET / | grep '"state":"Running"' > /dev/null; }

file_and_api_are_alike() {
    api_initramfs 'vsock-peer once 9'; truncate -s 1M disk; : > empty; api_config "$(drive a "$work/disk" true), $(drive b "$work/empty")"
    api_starts --config-file config.json
    until_true is_running
    api GET /vm/config > by-file; until_true peer unix v.sock 9 < /dev/null; api_ends 0
    api_starts --id same-machine; api_configures; api GET /vm/config > by-api
    says '{"id":"same-machine","state":"Not started","vmm_version":"0.1.0","app_name":"swiftlet"} 200' GET /
    says ' 204' PUT /actions "$start"
    says '{"id":"same-machine","state":"Running","vmm_version":"0.1.0","app_name":"swiftlet"} 200' GET /
    cmp by-file by-api
    sed 's/ 200$//' by-api > config.json
    until_true peer unix v.sock 9 < /dev/null; api_ends 0
    # What it tells is a configuration file.
    api_starts --config-file config.json; api GET /vm/config > again; cmp again by-api
    until_true peer unix v.sock 9 < /dev/null; api_ends 0
}
only_before_boot() {
    api_initramfs 'vsock-peer once 9'; truncate -s 1M disk; api_config "$(drive a "$work/disk")"
    api_starts; api_configures
    local before='{"fault_message":"The requested operation is not supported before starting the microVM."} 400'
    local after='{"fault_message":"The requested operation is not supported after starting the microVM."} 400'
    says "$before" PATCH /drives/a '{"drive_id": "a"}'
    says "$before" PUT /actions '{"action_type": "SendCtrlAltDel"}'
    says ' 204' PATCH /machine-config '{"mem_size_mib": 200}'
    says ' 204' PUT /actions "$start"
    says "$after" PUT /actions "$start"
    says "$after" PUT /boot-source "$(jq -c '."boot-source"' config.json)"
    says "$after" PUT /machine-config '{"vcpu_count": 1, "mem_size_mib": 128}'
    says "$after" PUT /vsock "$(jq -c .vsock config.json)"
    says "$after" PUT /drives/z "$(drive z "$work/disk")"
    says '{"vcpu_count":1,"mem_size_mib":200,"smt":false,"track_dirty_pages":false,"huge_pages":"None"} 200' GET /machine-config
    until_true peer unix v.sock 9 < /dev/null; api_ends 0
}
vsock_both_ways() {
    # After the first one those sent, each whole; the kernel tells of one that is cut, and of one that is too large.
    local exchanged='1 2 4095 4096 4097 65535 65536 65537 131072 199999 cut 5000 too large told'
    api_initramfs 'vsock-peer echo 1024 & vsock-peer packet-once 1025 & head -c 3000001 /dev/urandom > /in; vsock-peer connect 52 < /in > /back; cmp /in /back && echo guest got its own; vsock-peer connect 53 < /in; vsock-peer packets 54; vsock-peer once 9'
    api_config; api_starts --config-file config.json
    peer unix-echo v.sock_52 & local echo=$!
    peer packet-echo v.sock_54 & local packets=$!
    head -c 3000001 /dev/urandom > in
    until_true peer unix v.sock 1024 < /dev/null > back; same "$(wc -c < back)" 0
    peer unix v.sock 1024 < in > back; cmp in back
    # Many at once, each in order.
    local i pids=(); for i in 1 2 3 4 5; do { seq 1 $((i * 20000)) | peer unix v.sock 1024 > "back$i"; } & pids+=($!); done
    wait "${pids[@]}"
    for i in 1 2 3 4 5; do cmp "back$i" <(seq 1 $((i * 20000))); done
    wait "$echo" "$packets"
    ends 2 "$VSOCK_PEER" unix v.sock 4444 < /dev/null
    ends 2 "$VSOCK_PEER" unix-packets p.sock 4444
    # A stream's port is no port for packets.
    ends 2 "$VSOCK_PEER" unix-packets p.sock 1024
    same "$(peer unix-packets p.sock 1025)" "packets: 3 $exchanged"
    until_true peer unix v.sock 9 < /dev/null; api_ends 0
    grep -q 'guest got its own' out || { cat -v out; return 1; }
    # Nobody listens on 53.
    grep -q 'connect: Connection reset' out || { cat -v out; return 1; }
    grep -q "packets: 0 $exchanged" out || { cat -v out; return 1; }
}
drive_replaced() {
    api_initramfs 'echo sizes $(cat /sys/block/vda/size) $(cat /sys/block/vdb/size)
        cat /dev/vda | sha256sum; while [ "$(cat /sys/block/vdb/size)" = 0 ]; do sleep 0.1; done
        echo grown $(cat /sys/block/vdb/size); cat /dev/vdb | sha256sum; echo written | dd of=/dev/vdb conv=fsync 2>/dev/null
        while [ "$(cat /sys/block/vda/size)" = 2048 ]; do sleep 0.1; done; echo other $(cat /sys/block/vda/size)
        echo 3 > /proc/sys/vm/drop_caches; cat /dev/vda | sha256sum; vsock-peer once 9'
    head -c 1048576 /dev/urandom > first; head -c 3145728 /dev/urandom > second; head -c 2097152 /dev/urandom > third; : > empty
    cp second second.before
    api_config "$(drive a "$work/first" true), $(drive b "$work/empty")"; api_starts --config-file config.json
    until_true grep -q "$(sha256sum < first)" out
    grep -q 'sizes 2048 0' out
    says ' 204' PATCH /drives/b "{\"drive_id\": \"b\", \"path_on_host\": \"$work/second\"}"
    until_true grep -q 'grown 6144' out
    until_true grep -q "$(sha256sum < second.before)" out
    until_true grep -q written second
    says ' 204' PATCH /drives/a "{\"drive_id\": \"a\", \"path_on_host\": \"$work/third\"}"
    until_true grep -q "$(sha256sum < third)" out
    grep -q 'other 4096' out
    # What cannot be opened changes nothing.
    api PATCH /drives/a "{\"drive_id\": \"a\", \"path_on_host\": \"$work/none\"}" > answer; grep -q 'Drive config error.*none.*400$' answer
    api PATCH /drives/c "{\"drive_id\": \"c\", \"path_on_host\": \"$work/third\"}" > answer; grep -q 'Device not found: c.*400$' answer
    same "$(api GET /vm/config | sed 's/ 200$//' | jq -c '[.drives[].path_on_host]')" "[\"$work/third\",\"$work/second\"]"
    until_true peer unix v.sock 9 < /dev/null; api_ends 0
}
# 4 MiB at 1 MiB/s take 3 s after the first that the full bucket lets through; without the limit far less.
drive_limited() {
    api_initramfs 'now() { cut -d" " -f1 /proc/uptime | tr -d .; }
        read_all() { begin=$(now); echo 3 > /proc/sys/vm/drop_caches; cat /dev/vda > /dev/null; echo "$1" $(($(now) - begin)); }
        read_all limited; echo ask; while [ "$(cat /sys/block/vdb/size)" = 0 ]; do sleep 0.1; done; read_all lifted; vsock-peer once 9'
    head -c 4194304 /dev/urandom > disk; : > empty; truncate -s 1M grown
    local limit='{"bandwidth": {"size": 1048576, "refill_time": 1000}}' shown='{"size":0,"one_time_burst":null,"refill_time":0}'
    api_config "$(drive a "$work/disk" true | jq -c ".rate_limiter = $limit"), $(drive b "$work/empty")"
    api_starts --config-file config.json
    until_true grep -q '^ask' out
    says ' 204' PATCH /drives/a '{"drive_id": "a", "rate_limiter": {"bandwidth": {"size": 0, "refill_time": 0}}}'
    same "$(api GET /vm/config | sed 's/ 200$//' | jq -c '.drives[0].rate_limiter')" "{\"bandwidth\":$shown,\"ops\":null}"
    says ' 204' PATCH /drives/b "{\"drive_id\": \"b\", \"path_on_host\": \"$work/grown\"}"
    until_true grep -q '^lifted' out
    local limited lifted; limited=$(sed -n 's/^limited \([0-9]*\).*/\1/p' out); lifted=$(sed -n 's/^lifted \([0-9]*\).*/\1/p' out)
    echo "limited $limited, lifted $lifted hundredths of a second"
    [ "$limited" -ge 290 ] && [ "$limited" -le 600 ] && [ "$lifted" -lt 200 ] || { cat -v out; return 1; }
    until_true peer unix v.sock 9 < /dev/null; api_ends 0
}
ctrl_alt_del() {
    api_initramfs 'echo waiting; sleep 100'; api_config; api_starts --config-file config.json
    until_true grep -q waiting out
    says ' 204' PUT /actions '{"action_type": "SendCtrlAltDel"}'
    api_ends 3
}
clients_do_not_wait_for_each_other() {
    api_initramfs 'i=0; while [ $i -lt 60 ]; do i=$((i + 1)); echo tick $i $(cut -d. -f1 /proc/uptime); sleep 0.1; done; vsock-peer once 9'
    api_config; api_starts --config-file config.json
    # Twenty that say half a request and stay, one that asks and never reads.
    local i pids=()
    for i in $(seq 20); do { printf 'PUT /vsock HTTP/1.1\r\nContent-Length: 100\r\n\r\nx'; sleep 30; } | "$VSOCK_PEER" raw a.sock > /dev/null & pids+=($!); done
    { for i in $(seq 2000); do printf 'GET /vm/config HTTP/1.1\r\n\r\n'; done; sleep 30; } | "$VSOCK_PEER" raw a.sock | sleep 30 & pids+=($!)
    sleep 1
    for i in 1 2 3; do says '{"firecracker_version":"0.1.0"} 200' GET /version; done
    kill "${pids[@]}" 2> /dev/null
    until_true peer unix v.sock 9 < /dev/null; api_ends 0
    same "$(grep -c tick out)" 60
}
bad_requests() {
    api_starts
    says '{"fault_message":"Empty PUT request."} 400' PUT /vsock
    says '{"fault_message":"The requested operation is not supported: FlushMetrics"} 400' PUT /actions '{"action_type": "FlushMetrics"}'
    says '{"fault_message":"The requested operation is not supported: PUT /network-interfaces"} 400' PUT /network-interfaces/a '{}'
    head -c 51201 /dev/zero | curl -sS --max-time 20 --unix-socket a.sock -X PUT --data-binary @- http://localhost/vsock > answer
    grep -q 'size 51201 is larger than the limit of 51200' answer
    head -c 51200 /dev/zero | curl -sS --max-time 20 --unix-socket a.sock -X PUT --data-binary @- http://localhost/vsock > answer
    grep -q 'deserializing' answer
    kill -TERM "$vmm"; api_ends 143
}
documented_statuses() {
    ends 153 "$SWIFTLET" --api-sock a.sock --no-such; ends 153 "$SWIFTLET" --no-api; ends 153 "$SWIFTLET" --id 'a b'
    echo '{"boot-source": {"kernel_image_path": "none"}}' > bad.json; ends 152 "$SWIFTLET" --no-api --config-file bad.json
    echo '{"boot-source": {"kernel_image_path": "none"}, "drive": []}' > bad.json; ends 152 "$SWIFTLET" --no-api --config-file bad.json
    ends 152 "$SWIFTLET" --no-api --config-file no-such-file
    : > a.sock; ends 125 "$SWIFTLET" --api-sock a.sock; [ -e a.sock ]; rm a.sock
}
run_api_cases() {
    check "a configuration file boots a machine with drive, vsock and entropy" config_file_boots
    check "file and API give the same configuration, and it is a file again" file_and_api_are_alike
    check "what is only for before or after the start is refused" only_before_boot
    check "vsock carries both directions to their exact ends" vsock_both_ways
    check "a drive's file is replaced under a running guest" drive_replaced
    check "a drive is as slow as its rate limiter says, until a change lifts it" drive_limited
    check "Ctrl-Alt-Del restarts the guest" ctrl_alt_del
    check "slow and hostile clients hold up neither others nor the guest" clients_do_not_wait_for_each_other
    check "bad requests are refused in the words of the interface" bad_requests
    check "bad arguments and files have their statuses" documented_statuses
}
