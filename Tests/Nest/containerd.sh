# SPDX-License-Identifier: Apache-2.0
# containerd in the lab: its stores, itself, images, and what runs beside every test. Sourced by cases and by the benchmark.

work=/run/nest-tests
log="${LAB_OUT:-$work}"
PATH="$CONTAINERD/usr/bin:$CONTAINERD/usr/sbin:$PATH:/usr/sbin:/sbin"
# A CPU that only QEMU emulates needs more patience.
patience=60

# The lab's stores are in memory without `user.*` attributes: file systems of their own, on sparse files.
# mount_store NAME SIZE [IMAGE]: an empty one, or a copy of that one.
mount_store() {
    local file="$work/stores/$1" device
    mkdir -p "$work/stores" "/var/lib/$1"
    if [ -n "${3:-}" ]; then cp "$3" "$file" || return 1; else : > "$file"; fi
    truncate -s "$2" "$file"
    [ -n "${3:-}" ] || mkfs.ext4 -q -F -m 0 -O ^has_journal -E lazy_itable_init=1 "$file" || return 1
    device=$(losetup --find --show "$file") && mount "$device" "/var/lib/$1" || return 1
    [ -z "${3:-}" ] || resize2fs "$device" > "$work/resize.log" 2>&1 || { cat "$work/resize.log"; return 1; }
}
# What `make install` made, at the places it is for.
place_nest() {
    [ -d "${NEST_ROOT:-/none}/usr/local" ] || return 0
    cp -a "$NEST_ROOT/." / || return 1
    PATH="/usr/local/bin:$PATH"
}
start_containerd() {
    cat > "$work/config.toml" <<TOML
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
# What a test deleted is gone soon, however long a collection takes here: what stays is taken for a leak.
[plugins."io.containerd.gc.v1.scheduler"]
    pause_threshold = 0.5
    deletion_threshold = 1
TOML
    setsid containerd --config "$work/config.toml" >> "$log/containerd.log" 2>&1 < /dev/null &
    echo $! > "$work/containerd.pid"
    # A test kills it: nothing to report.
    disown
    wait_for 30 ctr version || { echo "containerd does not answer"; tail -n 20 "$log/containerd.log"; return 1; }
}
# stop_containerd [SIGNAL]: it goes, and its tasks stay.
stop_containerd() {
    local pid; pid=$(cat "$work/containerd.pid") || return 0
    kill "-${1:-TERM}" "$pid" 2>/dev/null
    wait_for 20 gone "$pid"
    rm -f "$work/containerd.pid"
}
# gone PID: it has ended, whether or not its parent knows.
gone() { ! readlink -q "/proc/$1/exe" > /dev/null; }
import() { ctr image import --base-name test "$IMAGES/$1.tar" > "$work/import.log" 2>&1 || { cat "$work/import.log"; return 1; }; }

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    local end=$((SECONDS + $1)); shift
    until "$@" > /dev/null 2>&1; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.1; done
}
# The events of all containers from here on, as `ctr events` shows them, until containerd goes.
watch_events() {
    setsid ctr events >> "$work/events" 2> /dev/null < /dev/null &
    disown
    wait_for 20 events_come || { echo "no event comes"; return 1; }
}
# events_come: an event of our own arrives, so none is missed from here on.
events_come() {
    local mark="${EPOCHREALTIME/./}"
    ctr namespaces label default listens="$mark" && sleep 0.1 && grep -F "$mark" "$work/events"
}

# A container that prints a counter ten times a second, and who notes the longest pause between two of its lines. It writes
# to a file, because a client would end with containerd.
start_neighbour() {
    : > "$work/neighbour.out"
    # shellcheck disable=SC2016
    ctr run -d --runtime "$RUNTIME" --log-uri "file://$work/neighbour.out" test:tiny neighbour \
        sh -c 'n=0; while :; do echo $n; n=$((n + 1)); usleep 100000; done' > "$log/neighbour.log" 2>&1 < /dev/null
    tail -n +1 -f "$work/neighbour.out" 2> /dev/null |
        {   local last='' now line part='' expected=0 status
            while :; do
                # One that prints no more at all has to be noticed too.
                status=0; read -r -t 3 line || status=$?
                if [ "$status" -gt 128 ]; then part+=$line; echo "nothing for 3 s after $((expected - 1))" >> "$work/pauses"; continue; fi
                [ "$status" -eq 0 ] || break
                line=$part$line part=''
                now=${EPOCHREALTIME/./}
                if [ -n "$last" ] && [ $((now - last)) -gt 3000000 ]; then echo "a pause of $(((now - last) / 1000)) ms before $line" >> "$work/pauses"; fi
                [ "$line" = "$expected" ] || echo "$line came after $((expected - 1))" >> "$work/pauses"
                expected=$((line + 1)) last=$now
            done; } &
    wait_for "$patience" test -s "$work/neighbour.out" || { echo "the neighbour does not run"; cat "$log/neighbour.log"; return 1; }
}

prepare() {
    mkdir -p "$work" "$log"
    : > "$work/pauses" > "$work/events"
    mount_store containerd 8G "$STORE" && mount_store nest 8G && place_nest && start_containerd || return 1
    cp -a "$IMAGES/root" "$work/root"
    watch_events
    cd "$work" || return 1
    start_neighbour || return 1
    # The client keeps this one.
    mkdir -p /run/containerd/fifo
    sleep 1
    census
    remember
}
finish() {
    SAMPLE=1 SHARDS=1 check "nothing is left behind in the end" true
    SAMPLE=1 SHARDS=1 check "the neighbour never paused" no_pauses
    ctr task rm -f neighbour > /dev/null 2>&1
    stop_containerd
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
