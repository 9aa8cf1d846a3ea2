# SPDX-License-Identifier: Apache-2.0
# How a container ends, as its client and the events tell it. Sourced by cases.

own_status() { ends "$1" run sh -c "exit $1"; same "$(exit_told)" "$1"; }
all_statuses() {
    # In one container: the exec's status has the same way back.
    local n bad=''
    start sleep 1000
    for n in "$@"; do local got=0; execute sh -c "exit $n" || got=$?; [ "$got" = "$n" ] || bad+=" $n gave $got"; done
    remove
    same "$bad" ''
}
signalled() { ends $((128 + $1)) run sh -c "sleep 100 & trap - $1; kill -$1 \$!; wait \$!"; }
signalled_init() { start sleep 1000; client task exec --exec-id k "$id" kill -9 1 || true; signal KILL || true; reap 137; }
not_found() {
    local got=0; run no-such-command 2> err || got=$?
    [ "$got" -ne 0 ]; says 'exec: "no-such-command": executable file not found in \$PATH' err; remove_what_is_left
}
not_executable() { local got=0; run /etc/passwd 2> err || got=$?; [ "$got" -ne 0 ]; says 'permission denied' err; remove_what_is_left; }
no_such_folder_program() { local got=0; run /no/such/file 2> err || got=$?; [ "$got" -ne 0 ]; says 'no such file or directory' err; remove_what_is_left; }
# `ctr run --rm` removes the container itself.
orphans_end() { run sh -c 'sleep 1000 & echo done' > out; same "$(cat out)" done; }
ends_at_once() { local n; for n in 1 2 3; do id="t$number-$n"; run true; same "$(events | tr ' ' '\n' | grep -v delete | paste -sd' ')" '/tasks/create /tasks/start /tasks/exit'; done; }
wait_told() { start sh -c 'sleep 1; exit 9'; reap 9; same "$(exit_told)" 9; }
wait_in_time() {
    start sh -c 'echo up; sleep 2'; awaits up
    local begin=$SECONDS; wait_for 20 exited; [ $((SECONDS - begin)) -lt 10 ]; reap 0
}

run_status_cases() {
    local statuses=(0 1 2 $((SEED % 120 + 3)) 126 127 128 129 137 143 $((SEED % 100 + 144)) 255)
    [ "$COMBINATIONS" != all ] || mapfile -t statuses < <(seq 0 255)
    check "a container's status comes out" own_status $((SEED % 254 + 1))
    check "each of ${#statuses[@]} statuses comes out" all_statuses "${statuses[@]}"
    check "a process ended by signal 9 gives 137" signalled 9
    check "a process ended by signal 15 gives 143" signalled 15
    check "a container killed from outside gives 137" signalled_init
    check "a command that is not there is named" not_found
    check "a command that is not executable is named" not_executable
    check "a path that is not there is named" no_such_folder_program
    check "what a command left running ends with it" orphans_end
    check "a container that ends at once has its events in order" ends_at_once
    check "a task in the background keeps its status until it is deleted" wait_told
    check "the end of a task is told when it ends" wait_in_time
}
