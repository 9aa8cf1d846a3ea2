# SPDX-License-Identifier: Apache-2.0
# What nest does not do is refused at Create, in one line that names it. Sourced by cases.

# refused PATTERN: the options, or the specification, end in one such line, and nothing runs.
refused() {
    local pattern="$1" got=0; shift
    "$@" > out 2> err || got=$?
    [ "$got" -ne 0 ] || { echo "it ran"; return 1; }
    same "$(wc -l < err)" 1
    says "$pattern" err; same "$(cat out)" ''
    remove_what_is_left
}
by_option() { local pattern="$1"; shift; options=("$@"); refused "$pattern" run true; }
by_spec() { spec ".process.args = [\"/bin/true\"] | $2"; refused "$1" run_spec; }
network_with_interfaces() {
    ip netns add nest-test; ip -n nest-test link set lo up; ip -n nest-test link add eth9 type dummy; ip -n nest-test addr add 192.0.2.1/24 dev eth9
    set +e; ( set -e; by_option 'network namespace' --with-ns network:/run/netns/nest-test ); local result=$?; set -e
    ip netns del nest-test; umount /run/netns; rmdir /run/netns; return $result
}
second_container() {
    by_spec 'container|pod' '.annotations = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "no-such-pod"}'
}
# The longest that Linux has; the builder of images writes one byte less.
longest_name() {
    mkdir -p named/bin; touch "named/$(printf 'n%.0s' {1..255})"; cp "$work/root/bin/true" named/bin/ 2> /dev/null || true
    options=(--rootfs) image="$work/named"
    set +e; ( set -e; refused '255 bytes' run /bin/true ); local result=$?; set -e
    rm -rf named; return $result
}
by_limit() { by_spec "$1" ".linux.resources += $2"; }
limit_later() { start sleep 1000; update '{"cpu":{"cpus":"0"}}' > out; says '^3 .*processors' out; remove; }
no_checkpoint() { start sleep 1000; same "$(ask Checkpoint "$(field_text 1 "$id")" | cut -d' ' -f1)" 12; remove; }

run_refusals_cases() {
    is_nest || return 0
    check "a bind mount from the host is refused by name" by_option '/etc.*bind|bind.*/etc' --mount type=bind,src=/etc,dst=/host,options=rbind:ro
    check "--net-host is refused by name" by_option 'network' --net-host
    check "--privileged is refused by name" by_option 'privileged|device' --privileged
    check "a device of the host is refused by name" by_option 'device.*|/dev/' --device /dev/kvm
    check "a network namespace with interfaces is refused by name" network_with_interfaces
    check "a second container of a pod is refused by name" second_container
    check "a process namespace of the host is refused by name" by_spec 'pid' '.linux.namespaces |= map(select(.type != "pid"))'
    check "a user namespace is refused by name" by_spec 'user' '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]'
    check "a hook on the host is refused by name" by_spec 'hook' '.hooks = {prestart: [{path: "/bin/true"}]}'
    check "a setting of the network is refused by name" by_spec "net.ipv4.ip_forward" '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
    check "a file name of 255 bytes is refused by name" longest_name
    check "processors of the host are refused by name" by_limit 'cpu.cpus: 0' '{cpu: {cpus: "0"}}'
    check "memory nodes of the host are refused by name" by_limit 'cpu.mems: 0' '{cpu: {mems: "0"}}'
    check "limits of the host's disks are refused by name" by_limit 'blockIO' '{blockIO: {weight: 100}}'
    check "huge pages are refused by name" by_limit 'hugepageLimits: 2MB' '{hugepageLimits: [{pageSize: "2MB", limit: 2097152}]}'
    check "a personality is refused by name" by_spec 'linux.personality' '.linux.personality = {domain: "LINUX32"}'
    check "limits of RDMA are refused by name" by_limit 'linux.resources.rdma' '{rdma: {mlx5_1: {hcaHandles: 1}}}'
    check "an update to processors of the host is refused by name" limit_later
    check "a checkpoint is refused" no_checkpoint
}
