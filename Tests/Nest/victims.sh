# SPDX-License-Identifier: Apache-2.0
# Who dies in the tests of faults, and what is to be true afterwards. Sourced by cases.

# pids PATTERN: processes whose command line matches. shim, machine: those of this container.
pids() {
    local path line
    for path in /proc/[0-9]*/cmdline; do
        { line=$(tr '\0' ' ' < "$path"); } 2>/dev/null || continue
        [[ $line =~ $1 ]] && [[ $line != *cases* ]] && { path=${path%/cmdline}; echo "${path##*/}"; }
    done
    return 0
}
shim() { pids "^[^ ]*containerd-shim[^ ]* .*-id $id( |\$)"; }
# The VMM has the pod's name, which the bundle's note of the pod's directory ends in.
machine() { local place; place=$(cat "$bundles/$id/nest-directory" 2> /dev/null) && pids "^[^ ]*swiftlet .*--id ${place##*/}( |\$)"; }
bundles=/run/containerd/io.containerd.runtime.v2.task/default
socket=''
# strike SIGNAL WHO: it must be there.
strike() {
    local victims
    socket=$(sed 's,^unix://,,' "$bundles/$id/address" 2> /dev/null) || true
    mapfile -t victims < <("$2")
    [ ${#victims[@]} -gt 0 ] || { echo "no $2"; return 1; }
    kill "-$1" "${victims[@]}"
}

# told: the end is told as one by force. in_order: no event before the one it follows.
told() {
    wait_for "$patience" exited || { echo "no exit event; there were: $(events)"; return 1; }
    local status; status=$(exit_told)
    [ "$status" = 137 ] || [ "$status" = 255 ] || { echo "exit status $status"; return 1; }
    in_order
}
in_order() { says '^/tasks/create /tasks/start( /tasks/(exec-added|exec-started|oom|paused|resumed))*( /tasks/exit)+( /tasks/delete)*$' <(events); }
clear_away() {
    client task rm -f "$id" > /dev/null 2>&1 || true
    remove_what_is_left
    # The pipes of a client that lost its task are its own affair, and so is the socket of runc's shim that died.
    rm -rf /run/containerd/fifo/*
    is_nest || rm -f "$socket"
}
