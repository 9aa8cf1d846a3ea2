# SPDX-License-Identifier: Apache-2.0
# containerd's own client in the words of the tests. `id`, `image` and `options` belong to the test. Sourced by cases.

options=() image=test:tiny execs=0

same() { [ "$1" = "$2" ] || { printf 'expected %q, got %q\n' "$2" "$1"; return 1; }; }
# says PATTERN FILE: a line of it matches.
says() { grep -q -E -- "$1" "$2" || { echo "no '$1' in:"; head -n 12 "$2"; return 1; }; }
# ends STATUS COMMAND...: with exactly this status.
ends() {
    local want="$1" got=0; shift
    "$@" || got=$?
    [ "$got" = "$want" ] || { echo "expected exit $want, got exit $got: $*" >&2; return 1; }
}
# not COMMAND...: it fails. (`!` would not end a test.)
not() { if "$@"; then echo "did not fail: $*"; return 1; fi; }
client() { timeout -k 5 "${limit:-120}" ctr "$@"; }
# run COMMAND...: a container in the foreground. start COMMAND...: one in the background, its output in $id.out.
run() { client run --rm --runtime "$RUNTIME" "${options[@]}" "$image" "$id" "$@"; }
start() { : > "$work/$id.out"; client run -d --runtime "$RUNTIME" --log-uri "file://$work/$id.out" "${options[@]}" "$image" "$id" "$@"; }
execute() { execs=$((execs + 1)); client task exec --exec-id "e$execs" "${exec_options[@]}" "$id" "$@"; }
exec_options=()
signal() { client task kill "${@:2}" -s "$1" "$id"; }
# remove: the container and its task, running or not.
remove() { client task rm -f "$id" || true; client container rm "$id"; }
# reap STATUS: the task and the container after it has ended by itself with that status.
reap() {
    wait_for "$patience" exited || { echo "no exit event"; return 1; }
    client task rm "$id" 2> "$work/reaped" || { cat "$work/reaped"; return 1; }
    local got; got=$(sed -n 's,.*non-zero exit code \([0-9]*\).*,\1,p' "$work/reaped")
    client container rm "$id"
    same "exit ${got:-0}" "exit $1"
}
state() { client task ls | awk -v id="$id" '$1 == id { print $3 }'; }

# events: the topics of this container in their order. event TOPIC: the last such event. exited: its end was told.
events() { grep -E "\"container_id\":\"$id\"|/containers/.*\"id\":\"$id\"" "$work/events" | grep -o '/tasks/[a-z-]*' | paste -sd' '; }
event() { grep -F "\"container_id\":\"$id\"" "$work/events" | grep -F " $1 " | tail -n 1; }
started() { event /tasks/start | grep . > /dev/null; }
# remove_what_is_left: the container, of a task that is gone.
remove_what_is_left() { if client container ls -q | grep -x "$id" > /dev/null; then client container rm "$id"; fi; }
# event_of_exec EXEC TOPIC: it was told of that exec.
event_of_exec() { grep -F "\"container_id\":\"$id\"" "$work/events" | grep -F " $2 " | grep -F "\"$1\"" > /dev/null; }
# on_terminal COMMAND: in a terminal of 33 by 99; what it shows is in `lines`.
on_terminal() { timeout -k 5 60 script -qec "stty rows 33 cols 99; $1" /dev/null < "${2:-/dev/null}" > transcript; tr -d '\r' < transcript | sed 's,\^[@D],,g' > lines; }
# hold_input: until it runs. `ctr` forgets to close an input that ends before it has the task.
hold_input() { wait_for "$patience" started; sleep 0.5; }
exited() { event /tasks/exit | grep -F "\"id\":\"$id\"" > /dev/null; }
exit_told() { event /tasks/exit | grep -o '"exit_status":[0-9]*' | cut -d: -f2; }
printed() { grep -q -E -- "$1" "$work/$id.out"; }
# awaits PATTERN: the output of the container in the background.
awaits() { wait_for "$patience" printed "$1" || { echo "never printed '$1':"; tail -n 5 "$work/$id.out"; return 1; }; }
# spec FILTER [ARGUMENT...]: a specification for `run_spec`, containerd's default changed by jq.
spec() { ctr oci spec | jq --arg root "$work/root" --arg id "$id" "${@:2}" ".root.path = \$root | .process.env = [\"PATH=/bin\"] | .process.terminal = false | .linux.cgroupsPath = \"/default/\" + \$id | $1" > "$id.json"; }
run_spec() { client run --rm --runtime "$RUNTIME" --config "$id.json" "$id"; }
is_nest() { [ "$RUNTIME" = io.containerd.nest.v2 ]; }
