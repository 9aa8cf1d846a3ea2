# SPDX-License-Identifier: Apache-2.0
# containerd goes and comes back while tasks run. Sourced by cases.

# restart SIGNAL [COMMAND...]: containerd ends by it, the command runs meanwhile, and a new one takes over.
restart() {
    stop_containerd "$1"
    "${@:2}"
    start_containerd
    watch_events
    sleep 1
}
counting() { start sh -c 'n=0; while :; do n=$((n + 1)); echo $n; usleep 100000; done'; awaits '^3$'; }
task_lives_on() {
    counting
    local pid; pid=$(client task ls | awk -v id="$id" '$1 == id { print $2 }')
    restart "$1" sleep 1
    same "$(client task ls | awk -v id="$id" '$1 == id { print $2, $3 }')" "$pid RUNNING"
    local before; before=$(wc -l < "$id.out"); sleep 1.5; [ "$(wc -l < "$id.out")" -gt "$before" ]
    execute echo again > out; same "$(cat out)" again
    signal KILL; reap 137
    # Not one line was lost.
    seq "$(wc -l < "$id.out")" | cmp - "$id.out"
}
ends_meanwhile() {
    start sh -c 'sleep 3; echo last words; exit 7'
    restart KILL wait_for "$patience" printed 'last words'
    wait_for 10 stopped; same "$(cat "$id.out")" 'last words'
    client task rm "$id" 2> err; says 'non-zero exit code 7' err; client container rm "$id"
}
stopped() { [ "$(state)" = STOPPED ]; }
# The client of the exec has lost its connection; the exec itself goes on and is ended with the container.
during_an_exec() {
    counting
    execute sleep 1000 > out 2>&1 & local pid=$!
    wait_for "$patience" event_of_exec e1 /tasks/exec-started
    restart TERM; wait "$pid" || true
    same "$(state)" RUNNING; remove; rm -rf /run/containerd/fifo/*
}
# Whatever had been made by then can be removed, and the name used again.
during_a_start() {
    client run -d --null-io --runtime "$RUNTIME" test:tiny "$id" sleep 1000 > out 2>&1 < /dev/null & local pid=$!
    sleep "$1"
    restart KILL; wait "$pid" || true
    if client task ls | grep "^$id " > /dev/null; then client task rm -f "$id" || true; fi
    # Killed before the container was there: its snapshot is what the client leaves.
    if client container ls -q | grep -x "$id" > /dev/null; then remove_what_is_left; else client snapshots rm "$id" || true; fi
    # Killed between the shim's start and Create: the shim ends by itself, after a while.
    wait_for 60 test ! -e "$bundles/$id"
    run echo again > out; same "$(cat out)" again
}

run_lifecycle_cases() {
    check "a task lives on when containerd is restarted" task_lives_on TERM
    check "a task lives on when containerd is killed" task_lives_on KILL
    check "a task that ends while containerd is away keeps its status" ends_meanwhile
    check "a task outlives containerd's end during an exec" during_an_exec
    # A containerd that comes back knows nothing of a task of runc's that it had not made whole, and finds its name taken.
    local moment moments=("$(printf '0.%03d' $((SEED * 37 % 900)))")
    if [ "$COMBINATIONS" = all ]; then moments=(0.{0..9} {1,2}.{0,3,6}); fi
    if is_nest; then
        for moment in "${moments[@]}"; do check "containerd's end $moment s into a start leaves nothing that cannot be removed" during_a_start "$moment"; done
    fi
}
