# SPDX-License-Identifier: Apache-2.0
# Whatever dies, its client is told the truth: a status of 137 or 255, never 0, the events in order, nothing left. Sourced by cases.

killed() { start sleep 1000; strike KILL "$1"; told; clear_away; }
# The client in the foreground gets it as well.
killed_in_the_foreground() {
    run sleep 1000 > out 2>&1 & local pid=$! got=0
    wait_for "$patience" started; strike KILL "$1"; wait "$pid" || got=$?
    [ "$got" -ne 0 ]; told; clear_away
}
killed_during_an_exec() {
    start sleep 1000; execute sleep 1000 > out 2>&1 & local pid=$! got=0
    wait_for "$patience" event_of_exec e1 /tasks/exec-started; strike KILL "$1"; wait "$pid" || got=$?
    [ "$got" -ne 0 ]; told; clear_away
}
killed_while_deleting() { start true; wait_for "$patience" exited; ( client task rm "$id" > out 2>&1 & strike KILL "$1" || true; wait ); clear_away; }
# At any moment from bind to Delete: what the client says is not success unless the container had ended by then.
killed_after() {
    local pid got=0
    run sh -c 'sleep 1; echo done' > out 2> err & pid=$!
    sleep "$2"; strike KILL "$1" || true
    wait "$pid" || got=$?
    [ "$got" -ne 0 ] || same "$(cat out)" done
    clear_away
    # The next one finds no trace.
    run echo again > out; same "$(cat out)" again
}
# A machine that answers nothing: what asks about it is bounded, and it can be killed.
hung() {
    start sleep 1000; strike STOP machine
    local begin=$SECONDS; state > /dev/null; [ $((SECONDS - begin)) -le 5 ]
    client task rm -f "$id" > out 2>&1 || true; [ $((SECONDS - begin)) -le 45 ]
    told; clear_away
}
panics() {
    spec '.linux.readonlyPaths = [] | .process.args = ["/bin/sh", "-c", "echo up; sleep 1; echo c > /proc/sysrq-trigger; sleep 1000"]'
    local got=0; run_spec > out 2>&1 || got=$?
    [ "$got" = 137 ] || [ "$got" = 255 ] || { echo "status $got"; return 1; }
    told; clear_away
}
guest_memory_ends() { ends 137 run probe memory 4000; same "$(exit_told)" 137; in_order; }
# The limit of the container's cgroup on the host sinks below what the guest has touched: the host's kernel ends the VMM.
host_memory_ends() {
    options=(--memory-limit $((128 << 20))); start probe memory 100 stay; awaits held
    echo 64M > "/sys/fs/cgroup/default/$id/memory.max"
    reap 137; says '^/tasks/create /tasks/start /tasks/oom /tasks/exit( |$)' <(events)
}
client_killed() {
    timeout -k 5 60 ctr run --rm --runtime "$RUNTIME" test:tiny "$id" sh -c 'while :; do echo y; usleep 10000; done' > out 2>&1 < /dev/null &
    wait_for "$patience" started; sleep 1; kill -KILL $(pids "^ctr run .* $id ") ; wait || true
    same "$(state)" RUNNING; execute echo alive > out; same "$(cat out)" alive; clear_away
}
client_of_exec_killed() { start sleep 1000; execute sh -c 'while :; do echo y; done' > out 2>&1 & wait_for "$patience" event_of_exec e1 /tasks/exec-started; sleep 1; kill -KILL $(pids "^ctr task exec .* $id "); wait || true; execs=1; execute echo alive > out; same "$(cat out)" alive; clear_away; }
forks_without_end() {
    # The host of a container without a kernel of its own needs a limit; the guest does not.
    local processes='.linux.resources.pids = {limit: 200} |'; if is_nest; then processes=''; fi
    spec "$processes .process.args = [\"/bin/probe\", \"forks\"]"
    client run -d --null-io --runtime "$RUNTIME" --config "$id.json" "$id" < /dev/null
    sleep 4; client task rm -f "$id" > /dev/null 2>&1 || true; told; clear_away
}
floods() { client run -d --null-io --runtime "$RUNTIME" test:tiny "$id" probe flood 1000000000000 65536 < /dev/null; sleep 4; same "$(state)" RUNNING; remove; told; }
floods_a_file() { start probe flood 20000000 65536; reap 0; same "$(wc -c < "$id.out")" 20000000; rm "$id.out"; }
ends_before_start_returns() { local n; for n in 1 2 3; do id="t$number-$n"; start true; reap 0; in_order; done; }
full_disk() {
    # The image is not in the cache yet: it gets a layer of its own.
    ctr image import --base-name full "$IMAGES/debian.tar" > /dev/null; rm -rf /var/lib/nest/images/*
    trap 'rm -f /var/lib/nest/filler' EXIT
    fallocate -l "$(($(df --output=avail -B1 /var/lib/nest | tail -n 1) - 1048576))" /var/lib/nest/filler
    local got=0; image=full:debian; run true > out 2> err || got=$?
    rm /var/lib/nest/filler; ctr image rm --sync full:debian > /dev/null
    [ "$got" -ne 0 ]; same "$(wc -l < err)" 1; says 'the disk of .* is full' err; remove_what_is_left
    image=test:debian; run echo again > out; same "$(cat out)" again
}

run_faults_cases() {
    local who victims=(shim) moments=() n
    if is_nest; then victims+=(machine); fi
    for who in "${victims[@]}"; do
        check "a killed $who is told" killed "$who"
        check "a killed $who is told to the client that waits" killed_in_the_foreground "$who"
        check "a killed $who is told to an exec" killed_during_an_exec "$who"
        check "a $who killed while it deletes leaves nothing" killed_while_deleting "$who"
        moments=("$(printf '%d.%02d' $((SEED * 7 % 2)) $((SEED * 13 % 100)))")
        if [ "$COMBINATIONS" = all ]; then moments=(); for n in {0..30}; do moments+=("$((n / 10)).$((n % 10))"); done; fi
        if is_nest; then for n in "${moments[@]}"; do check "a $who killed $n s after the start leaves nothing" killed_after "$who" "$n"; done; fi
    done
    if is_nest; then
        check "a machine that hangs is ended within bounds" hung
        check "a guest's panic is told" panics
        check "a guest out of memory ends the process alone" guest_memory_ends
        check "an end for want of the host's memory is told as that" host_memory_ends
        check "a full disk while an image is built is one line" full_disk
    fi
    check "a client that is killed leaves its container running" client_killed
    check "a client of an exec that is killed does not disturb" client_of_exec_killed
    check "a container that forks without end disturbs nobody" forks_without_end
    check "a container that floods its output disturbs nobody" floods
    check "20 MB into a file are all there" floods_a_file
    check "a container that ends before start returns has its events in order" ends_before_start_returns
}
