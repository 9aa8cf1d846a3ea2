# SPDX-License-Identifier: Apache-2.0
# What a test may not leave behind: one helper around all of them. Sourced by cases.

# census: processes, mounts, Unix sockets, cgroups, loop devices, /run, /dev/shm, state directories and
# snapshots, as keys of `found`.
#
# Without a single process of its own: in the lab each costs as much as all of this.
declare -A found before
shopt -s globstar nullglob dotglob
census() {
    local path line name fields
    found=()
    for path in /proc/[0-9]*/stat; do
        { read -r line < "$path"; } 2>/dev/null || continue
        name=${line#*(}; line=${name##*) }; name=${name%)*}
        read -ra fields <<< "$line"
        # Not threads of the kernel, nor the dead that wait for the lab's init; helpers of the tests come and go.
        [ $((fields[6] & 0x200000)) -eq 0 ] && [ "${fields[0]}" != Z ] || continue
        case $name in sleep | timeout | cases | usleep | bash) ;; *) note "process $name" ;; esac
    done
    while read -r _ _ _ _ path _; do note "mount $path"; done < /proc/self/mountinfo
    while read -r _ _ _ _ _ _ _ path; do [ -z "$path" ] || found["socket $path"]=1; done < /proc/net/unix
    for path in /sys/fs/cgroup/**/; do note "cgroup $path"; done
    for path in /sys/block/loop*/loop/backing_file; do read -r line < "$path" && note "loop $line"; done 2>/dev/null
    for path in /run/* /var/lib/nest/* /dev/shm/*; do
        case $path in "$work" | /run/lab | /run/containerd | /var/lib/nest/images | */lost+found) ;; *) note_tree "$path" ;; esac
    done
    for path in /run/containerd/* /run/containerd/{s,fifo}/** /run/containerd/io.containerd.runtime.v2.task/*/*{,/*} \
        /var/lib/containerd/io.containerd.runtime.v2.task/*/*{,/*} /var/lib/containerd/io.containerd.snapshotter.v1.*/snapshots/*; do note "file $path"; done
}
note() { found["$1"]=$((${found["$1"]:-0} + 1)); }
note_tree() { note "file $1"; [ ! -d "$1" ] || [ -L "$1" ] || for path in "$1"/**; do note "file $path"; done; }
remember() { local key; before=(); for key in "${!found[@]}"; do before["$key"]=${found["$key"]}; done; }
# settled: the machine is as it was before the first test. `left` tells what is not.
settled() {
    local key result=0
    census
    left=()
    for key in "${!found[@]}"; do [ "${before["$key"]:-0}" -ge "${found["$key"]}" ] || left+=("left behind: $key"); done
    for key in "${!before[@]}"; do [ "${found["$key"]:-0}" -ge "${before["$key"]}" ] || left+=("gone: $key"); done
    [ ${#left[@]} -eq 0 ]
}
settles() { settled || wait_here 15 settled; }
# In this shell and not in a child, because of `left`.
wait_here() { local end=$((SECONDS + $1)); shift; until "$@"; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.2; done; }
no_pauses() { [ ! -s "$work/pauses" ] || { cat "$work/pauses"; return 1; }; }

passed=0 failed=0 named=0 drawn=0
# check SENTENCE COMMAND...: one line with its time; what it printed, and what it left behind, follows if it failed.
check() {
    local sentence="$1"; shift
    [[ $sentence =~ $ONLY ]] || return 0
    # One in SAMPLE, drawn by the seed, and of those this lab's share.
    named=$((named + 1))
    [ $(((named + SEED) % ${SAMPLE:-1})) -eq 0 ] || return 0
    drawn=$((drawn + 1))
    [ $((drawn % ${SHARDS:-1})) -eq $((${SHARD:-0} % ${SHARDS:-1})) ] || return 0
    attempt "$@"
    # A machine that is busy otherwise makes the neighbour pause too. A pause that the case itself causes comes again.
    if [ "$outcome" = paused ] && [ "$again" -lt 5 ]; then
        again=$((again + 1))
        echo "once more, as the neighbour paused: $sentence"; sed 's/^/       /' "$work/log"
        attempt "$@"
    fi
    if [ "$outcome" = good ]; then passed=$((passed + 1)); echo "ok   ${took}s $sentence"
    else failed=$((failed + 1)); echo "FAIL ${took}s $sentence"; tail -n 25 "$work/log" | cut -c1-300 | sed 's/^/       /'; fi
}
again=0
# attempt COMMAND...: its `outcome` is good, bad, or paused where nothing but a late neighbour was wrong; `took` seconds.
attempt() {
    local begin=${EPOCHREALTIME/./}
    number=$((number + 1)) id="t$number" options=() image=test:tiny outcome=good
    # Not in a condition: `set -e` would mean nothing there.
    ( exec 7>&1; set -eE; trap 'echo "at: $BASH_COMMAND" >&7' ERR; "$@" ) > "$work/log" 2>&1 < /dev/null
    [ $? -eq 0 ] || outcome=bad
    took=$(( (${EPOCHREALTIME/./} - begin) / 10000 ))
    printf -v took '%d.%02d' $((took / 100)) $((took % 100))
    if ! settles; then
        printf "%s\n" "${left[@]:0:20}" >> "$work/log"
        outcome=bad
        sweep
    fi
    if [ -s "$work/pauses" ]; then
        { echo "the neighbour:"; cat "$work/pauses"; } >> "$work/log"
        if [ "$outcome" = bad ] || grep -q -v -E '^(a pause of|nothing for) ' "$work/pauses"; then outcome=bad; else outcome=paused; fi
        : > "$work/pauses"
    fi
}
number=0
# After a failed test: its containers go by force, and what stays then is the new ground.
sweep() {
    local name
    for name in $(ctr container ls -q | grep -v neighbour); do
        timeout 20 ctr task rm -f "$name"; timeout 10 ctr container rm "$name"
    done > /dev/null 2>&1
    wait_here 3 settled || remember
}
