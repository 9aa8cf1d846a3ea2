# SPDX-License-Identifier: Apache-2.0
# More processes in a running container. Sourced by cases.

with_container() { start sh -c 'echo up; sleep 1000'; awaits up; set +e; ( set -e; "$@" ); local result=$?; set -e; remove; return "$result"; }
sees_the_container() { execute sh -c 'pwd; ps | grep -c "sleep 1000"; echo $$ > /tmp/x; ls /tmp/x' > out; same "$(sed -n '1p;$p' out)" $'/\n/tmp/x'; }
streams() { printf 'a\0b' | execute sh -c 'cat; echo err >&2' > out 2> err; printf 'a\0b' | cmp - out; same "$(cat err)" err; }
large() { head -c 2000000 /dev/urandom > in; execute cat < in > out; cmp in out; }
input_closes() { { echo one; sleep 3; } | execute sh -c 'read line; echo "got $line"; cat; echo end' > out; same "$(cat out)" $'got one\nend'; }
as_user() { exec_options=(--user 1000:2000 --cwd /home/tester); execute sh -c 'id -u; id -g; pwd' > out; same "$(cat out)" $'1000\n2000\n/home/tester'; }
not_there() { local got=0; execute no-such-command 2> err || got=$?; [ "$got" -ne 0 ]; says 'no-such-command.*not found|not found.*no-such-command' err; same "$(state)" RUNNING; }
background() { exec_options=(--detach --log-uri "file://$work/$id.exec"); execute sh -c 'echo done > /tmp/done; exit 3'; exec_options=(); wait_for "$patience" event_of_exec e1 /tasks/exit; execute cat /tmp/done > out; same "$(cat out)" done; }
same_id_twice() {
    client task exec --exec-id twin "$id" sleep 1000 > /dev/null 2>&1 & local pid=$!
    wait_for "$patience" event_of_exec twin /tasks/exec-started
    ends 1 client task exec --exec-id twin "$id" true 2> err; says 'already exists' err
    client task kill -s KILL --exec-id twin "$id"; wait "$pid" || true
}
on_a_terminal() {
    on_terminal "ctr task exec -t --exec-id tty $id sh -c 'tty; sleep 1; stty size; exit 8'; echo status \$?"
    says '^/dev/pts/' lines; says '^33 99$' lines; says '^status 8$' lines
}
# The client tells its own size first, at a moment of its own.
resized() {
    ( wait_for "$patience" event_of_exec tty /tasks/exec-started; sleep 2; ask ResizePty "$(field_text 1 "$id")$(field_text 2 tty)$(field_number 3 120)$(field_number 4 45)" > resized ) &
    on_terminal "ctr task exec -t --exec-id tty $id sh -c 'trap \"stty size; stty size | grep ^45.120 && exit 0\" WINCH; echo up; while :; do usleep 100000; done'"
    wait; same "$(cat resized)" "0 "; says '^45 120$' lines
}
a_row() { local n; for ((n = 1; n <= $1; n++)); do execute echo "$n"; done > out; seq "$1" | cmp - out; }
at_once() {
    local n pids=()
    for n in 1 2 3 4 5 6 7 8; do client task exec --exec-id "p$n" "$id" sh -c "echo $n; exit $n" > "exec.$n" < /dev/null & pids+=($!); done
    for n in 1 2 3 4 5 6 7 8; do ends "$n" wait "${pids[n - 1]}"; same "$(cat "exec.$n")" "$n"; done
    rm -f exec.[1-8]
}
after_the_end() { start true; wait_for "$patience" exited; ends 1 execute true 2> err; says 'not running|stopped|failed precondition|cannot exec' err; reap 0; }
init_ends_first() {
    start sh -c 'echo up; sleep 3; exit 2'; awaits up
    local got=0; execute sleep 1000 || got=$?
    same "$got" 137; reap 2
    same "$(event /tasks/exit | grep -c "\"id\":\"$id\"")" 1
}
closed_input_by_request() {
    start sh -c 'echo up; sleep 1000'; awaits up
    mkfifo hold; sleep 30 > hold & local holder=$!
    execute sh -c 'cat; echo end' < hold > out & local pid=$!
    wait_for "$patience" event_of_exec e1 /tasks/exec-started
    same "$(ask CloseIO "$(field_text 1 "$id")$(field_text 2 e1)$(field_number 3 1)")" "0 "
    kill "$holder"; wait "$pid"; same "$(cat out)" end; rm -f hold; remove
}

run_exec_cases() {
    local row=10; [ "$COMBINATIONS" != all ] || row=1000
    check "an exec sees the container" with_container sees_the_container
    check "an exec's streams are apart and binary-clean" with_container streams
    check "2 MB through an exec come back unharmed" with_container large
    check "an exec's input ends where it ends" with_container input_closes
    check "an exec has a user and a folder of its own" with_container as_user
    check "an exec of what is not there is named" with_container not_there
    check "an exec runs in the background" with_container background
    check "an exec's name is used once" with_container same_id_twice
    check "an exec on a terminal has its size" with_container on_a_terminal
    check "a terminal is resized while it runs" with_container resized
    check "a row of $row execs is correct" with_container a_row "$row"
    check "eight execs at once are correct" with_container at_once
    check "an exec after the end is refused" after_the_end
    check "execs end with the container" init_ends_first
    check "an exec's input is closed by request" closed_input_by_request
}
