# SPDX-License-Identifier: Apache-2.0
# A task in the background: signals, pause, processes, metrics, events, its end. Sourced by cases.

in_the_background() { start sh -c 'echo up; sleep 1000'; awaits up; same "$(state)" RUNNING; ends 1 client task rm "$id" 2> err; says 'must be stopped|failed precondition' err; remove; }
signal_handled() { start sh -c 'trap "echo got; exit 4" USR1; echo up; while :; do usleep 50000; done'; awaits up; signal USR1; reap 4; same "$(tail -n 1 "$id.out")" got; }
term_ignored_then_kill() {
    start sh -c 'trap "" TERM; echo up; while :; do usleep 50000; done'; awaits up
    signal TERM; sleep 1; same "$(state)" RUNNING; signal KILL; reap 137
}
term_ends() { start sh -c 'trap "exit 3" TERM; echo up; while :; do usleep 50000; done'; awaits up; signal TERM; reap 3; }
kill_all() {
    start sh -c 'sleep 998 & sleep 999 & echo up; trap "" HUP; wait'; awaits up
    signal KILL --all; reap 137
}
kill_one_exec() {
    start sleep 1000
    execute sleep 1000 > out 2>&1 & local pid=$!
    wait_for "$patience" event_of_exec e1 /tasks/exec-started
    client task kill -s TERM --exec-id e1 "$id" || client task kill -s KILL --exec-id e1 "$id"
    local got=0; wait "$pid" || got=$?
    same "$got" 143; same "$(state)" RUNNING; remove
}
kill_twice() { start true; wait_for "$patience" exited; ends 1 signal KILL 2> err; says 'not found|already finished' err; reap 0; }
unknown_container() { ends 1 client task kill no-such-container 2> err; says 'not found' err; ends 1 client task exec --exec-id x no-such-container true 2> err; says 'not found' err; }
same_name_twice() { start sleep 1000; ends 1 start true 2> err; says 'already exists' err; same "$(state)" RUNNING; remove; }
pauses() {
    start sh -c 'n=0; while :; do n=$((n + 1)); echo $n; usleep 50000; done'; awaits '^5$'
    client task pause "$id"; same "$(state)" PAUSED; sleep 0.5
    local before; before=$(wc -c < "$id.out"); sleep 1.5; same "$(wc -c < "$id.out")" "$before"
    client task resume "$id"; same "$(state)" RUNNING; sleep 1; [ "$(wc -c < "$id.out")" -gt "$before" ]
    says '/tasks/paused' <(events); says '/tasks/resumed' <(events)
    remove
}
kill_while_paused() { start sleep 1000; client task pause "$id"; signal KILL; client task resume "$id" || true; reap 137; }
processes() {
    start sh -c 'sleep 1000 & echo up; wait'; awaits up; client task ps "$id" > out
    local pid count=0; while read -r pid _; do [ -d "/proc/$pid" ] && count=$((count + 1)); done < <(tail -n +2 out)
    [ "$count" -ge 1 ] || { cat out; return 1; }
    remove
}
metrics() {
    start probe memory 20 stay; awaits held; client task metrics "$id" > out
    local usage; usage=$(awk '$1 ~ /^memory.usage/ && $1 !~ /limit/ { print $2; exit }' out)
    [ "$usage" -gt 20000000 ] && [ "$usage" -lt 200000000 ] || { cat out; return 1; }
    says '^cpuacct.usage|^cpu.usage_usec' out; says '^pids.current +[1-9]' out
    remove
}
event_order() {
    start sh -c 'echo up; sleep 1000'; awaits up; execute true; signal KILL; reap 137
    wait_for 5 grep -q "delete.*\"container_id\":\"$id\"" "$work/events"
    same "$(events | sed 's, */tasks/delete$,,')" '/tasks/create /tasks/start /tasks/exec-added /tasks/exec-started /tasks/exit /tasks/exit'
    # The end of the exec first; it names the exec, and the other the container.
    grep -F "\"container_id\":\"$id\"" "$work/events" | grep -F ' /tasks/exit ' | grep -o '"id":"[^"]*"' > out
    same "$(cat out)" "\"id\":\"e1\""$'\n'"\"id\":\"$id\""
}
event_fields() { start sh -c 'exit 5'; reap 5; local pid; pid=$(event /tasks/start | grep -o '"pid":[0-9]*'); [ -n "$pid" ]; says "$pid" <(event /tasks/exit); says '"exited_at":"20' <(event /tasks/exit); says '"bundle":"/run/containerd' <(event /tasks/create); }
created_not_started() {
    client container create --runtime "$RUNTIME" test:tiny "$id" sleep 1000
    ends 0 client container rm "$id"
}
created_task_deleted() {
    client container create --runtime "$RUNTIME" test:tiny "$id" sleep 1000
    same "$(create_task)" "0 "; same "$(state)" CREATED
    same "$(ask Delete "$(field_text 1 "$id")" | cut -d' ' -f1)" 0
    client container rm "$id"
}
created_task_killed() {
    client container create --runtime "$RUNTIME" test:tiny "$id" sleep 1000
    same "$(create_task)" "0 "; signal KILL; reap 137
}
# create_task: CreateTaskRequest with the snapshot's mounts, as a client would send it, and no streams.
create_task() {
    local mounts='' type source options option mount
    while IFS='|' read -r type source options; do
        mount="$(field_text 1 "$type")$(field_text 2 "$source")"
        for option in ${options//,/ }; do mount+=$(field_text 4 "$option"); done
        mounts+=$(field_message 3 "$mount")
    done < <(client snapshot mounts /target "$id" | sed -n 's,^mount -t \([a-z]*\) \([^ ]*\) /target -o \(.*\)$,\1|\2|\3,p')
    ask Create "$(field_text 1 "$id")$mounts"
}
forced_delete() { start sleep 1000; client task rm -f "$id" || true; same "$(state)" ''; client container rm "$id"; }
twenty() {
    # As many kernels boot side by side on the lab's one processor.
    local limit=$((20 * $1)) n pids=() bad=''
    for ((n = 1; n <= $1; n++)); do client run --rm --runtime "$RUNTIME" test:tiny "$id-$n" sh -c "echo from $n; exit $n" > "many.$n" 2> "many.err.$n" < /dev/null & pids+=($!); done
    for ((n = 1; n <= $1; n++)); do local got=0; wait "${pids[n - 1]}" || got=$?; [ "$got" = "$n" ] && [ "$(cat "many.$n")" = "from $n" ] || bad+=" $n: $got $(cat "many.err.$n")"; done
    rm -f many.*; same "$bad" ''
}
pid_file() { options=(--pid-file "$work/pid"); start sleep 1000; [ -d "/proc/$(cat pid)" ]; remove; }

run_task_cases() {
    local many=6; [ "$COMBINATIONS" != all ] || many=20
    check "a task runs in the background, and is not deleted while it runs" in_the_background
    check "a signal reaches its handler" signal_handled
    check "SIGTERM ends who handles it" term_ends
    check "SIGTERM is ignored where it is, and SIGKILL is not" term_ignored_then_kill
    check "all processes are killed at once" kill_all
    check "one exec is killed, and the container goes on" kill_one_exec
    check "killing what has ended says so" kill_twice
    check "a container that is not there is said to be not there" unknown_container
    check "a name is used once" same_name_twice
    check "a paused task stands still, and goes on" pauses
    check "a paused task is killed" kill_while_paused
    check "the processes of a task are processes of the host" processes
    check "the metrics are those of the container" metrics
    check "events come in their order" event_order
    check "events hold what they should" event_fields
    check "the pid in the file is a process of the host" pid_file
    check "a container that never had a task is deleted" created_not_started
    check "a task that never started is deleted" created_task_deleted
    check "a task that never started is killed" created_task_killed
    check "a running task is deleted by force" forced_delete
    check "$many containers at once are all correct" twenty "$many"
}
