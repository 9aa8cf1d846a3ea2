# SPDX-License-Identifier: Apache-2.0
# Standard streams: every byte once, in order, and the end of file where it is. Sourced by cases.

streams_apart() { run sh -c 'echo out; echo err >&2' > out 2> err; same "$(cat out)" out; same "$(cat err)" err; }
input_to_the_end() { { printf 'one\ntwo'; hold_input; } | run sh -c 'cat; echo; echo end' > out; same "$(cat out)" $'one\ntwo\nend'; }
input_early() { printf early | run sh -c 'cat; echo; echo end' > out; same "$(cat out)" $'early\nend'; }
input_empty() { hold_input | run sh -c 'wc -c; echo end' > out; same "$(tr -d ' ' < out)" $'0\nend'; }
binary_both_ways() { head -c "$1" /dev/urandom > in; run cat < in > out; cmp in out; }
input_unread() { head -c 3000000 /dev/urandom > in; run sh -c 'head -c 10 | wc -c' < in > out; same "$(tr -d ' ' < out)" 10; }
large_output() { run probe flood "$1" "$2" | sha256sum > out; "$work/root/bin/probe" flood "$1" "$2" | sha256sum | cmp - out; }
large_error() { run sh -c "probe flood 2000000 5000 >&2" 2> err > out; "$work/root/bin/probe" flood 2000000 5000 | cmp - err; [ ! -s out ]; }
many_lines() { run sh -c "n=0; while [ \$n -lt $1 ]; do n=\$((n + 1)); echo line \$n; done" > out; seq -f 'line %g' "$1" | cmp - out; }
both_at_once() { run sh -c 'probe flood 2000000 700 & probe flood 2000000 900 >&2; wait' > out 2> err; same "$(stat -c %s out err)" $'2000000\n2000000'; }
slow_reader() { run probe flood 1000000 65536 | { sleep 4; sha256sum; } > out; "$work/root/bin/probe" flood 1000000 65536 | sha256sum | cmp - out; }
# The client forwards SIGPIPE and waits: the container, blocked on its output, can still be ended.
reader_gone() {
    # shellcheck disable=SC2216
    limit=20 run sh -c 'while echo y; do :; done' 2> err | head -c 10 > out || true
    same "$(wc -c < out)" 10
    client task rm -f "$id" || true
    remove_what_is_left
}
last_bytes_at_the_end() { local n; for n in 1 2 3 4; do id="t$number-$n"; run sh -c 'printf "%065536d" 7; exit 3' > out || true; same "$(wc -c < out)" 65536; done; }
no_output() { options=(--null-io); run sh -c 'echo x; echo y >&2' > out 2> err; same "$(cat out err)" ''; }
log_file() { start sh -c 'echo out; echo err >&2'; reap 0; same "$(sort "$id.out")" $'err\nout'; }
log_program() {
    cat > logger <<'PROGRAM'
#!/bin/sh
# It is told to end once the container has ended, and has the last word in the pipes all the same.
trap '' TERM
exec 5>&-
cat <&4 > "$1.err" &
{ echo "$CONTAINER_ID $CONTAINER_NAMESPACE"; cat <&3; } > "$1.out"
wait
PROGRAM
    chmod 755 logger
    client run -d --runtime "$RUNTIME" --log-uri "binary://$work/logger?$work/logged" test:tiny "$id" sh -c 'echo to the program; echo and this >&2'
    reap 0
    wait_for 5 test -s logged.err || true; same "$(cat logged.out)" "$id default"$'\nto the program'; same "$(cat logged.err)" 'and this'
}
terminal() {
    on_terminal "ctr run --rm -t --runtime $RUNTIME test:tiny $id sh -c 'tty; sleep 1; stty size; test -t 0 && test -t 1 && test -t 2 && echo all; exit 5'; echo status \$?"
    says '^/dev/(pts/0|console)$' lines; says '^33 99$' lines; says '^all$' lines; says '^status 5$' lines
}
terminal_input() {
    mkfifo keys.fifo; { sleep 6; printf 'typed\r'; sleep 2; printf '\004'; sleep 2; } > keys.fifo &
    on_terminal "ctr run --rm -t --runtime $RUNTIME test:tiny $id cat" keys.fifo; rm -f keys.fifo
    same "$(grep -c '^typed$' lines)" 2
}
attach() {
    mkfifo "$id.in"
    client run -d --runtime "$RUNTIME" test:tiny "$id" sh -c 'sleep 4; echo seen; exit 6' < /dev/null > out 2>&1
    ends 6 client task attach "$id" > out < /dev/null
    says '^seen$' out; rm "$id.in"
    client task rm "$id" || true; client container rm "$id"
}

run_streams_cases() {
    local input=1000000 output=8000000 lines=1000
    [ "$COMBINATIONS" != all ] || input=100000000 output=1073741824 lines=10000
    check "standard output and error stay apart" streams_apart
    check "standard input is read to its end" input_to_the_end
    # `ctr` then forgets to close it, and runc's shim waits for that for ever.
    if is_nest; then check "standard input that ended before the container runs is read to its end" input_early; fi
    check "an empty standard input ends at once" input_empty
    check "$input random bytes come back unharmed" binary_both_ways "$input"
    check "input that nobody reads holds nothing up" input_unread
    check "$output bytes of output in writes of 64 KiB are all there" large_output "$output" 65536
    check "2000000 bytes of output in writes of $((SEED % 5000 + 1000)) are all there" large_output 2000000 $((SEED % 5000 + 1000))
    check "2 MB of standard error are all there" large_error
    check "$lines short lines are all there" many_lines "$lines"
    check "both streams at once are all there" both_at_once
    check "a slow reader gets everything" slow_reader
    check "a reader that goes away does not hang the container" reader_gone
    check "the last bytes before the end are not lost" last_bytes_at_the_end
    check "without streams a container runs" no_output
    check "a file gets both streams" log_file
    check "a logging program gets both streams, and says when it is ready" log_program
    check "a terminal has its size, and the status comes out" terminal
    check "what is typed on a terminal arrives, and ends" terminal_input
    check "a client attaches to a task in the background" attach
}
