# SPDX-License-Identifier: Apache-2.0
# Whoever dies, at whichever step of a pod's life: its client and who listens are told the truth, nothing is left, and the
# next container of that name works. The steps are those that the shim times (PodStep). Sourced by cases.

steps=(bind specification configuration image scratch cgroup boot agent sandbox streams container start drain stop delete)

# hold STEP: this container's pod waits at its begin until `go_on`. held STEP: it is there.
hold() { echo "$id $1" > "$work/hold"; }
go_on() { rm -f "$work/hold"; }
held() { grep -q "^shim $id: step $1 is held" "$log/containerd.log"; }

# struck WHO STEP: killed at the begin of a step. A process that has ended by then has a status of its own, 7.
struck() {
    local who="$1" step="$2" got=0 alone='' pid
    hold "$step"
    # A client in the foreground deletes at once, and with that the machine would be gone.
    if [ "$step" = drain ]; then start sh -c 'exit 7'; got=7
    else run sh -c 'exit 7' > out 2> err < /dev/null & pid=$!; fi
    wait_for "$patience" held "$step" || { echo "it never came to the step $step"; return 1; }
    if [ "$who" = containerd ]; then containerd_restarts; else strike KILL "$who"; fi
    go_on
    [ "$step" = drain ] || wait "$pid" || got=$?
    true_end
}
# Its Create has nobody any more who hears that it fails.
create_fails_alone() {
    local got=0 pid
    hold container
    run no-such-command > out 2> err < /dev/null & pid=$!
    wait_for "$patience" held container; stop_containerd KILL; start_containerd; watch_events; go_on
    wait "$pid" || got=$?
    true_end
}
# The pod goes on while containerd is away, or when it is back. While it is away nobody listens, and nothing is told again
# to who listens later.
containerd_restarts() {
    stop_containerd KILL
    if [ $(((number + SEED) % 2)) -eq 0 ]; then alone=yes; go_on; sleep 1; fi
    start_containerd; watch_events
}
# true_end: neither the client nor who listens was told of a success, and events are in order. 7 is the process's own.
true_end() {
    local status
    [ "$got" -ne 0 ] || { echo "the client was told 0"; return 1; }
    clear_away
    # A shim that nobody sent a Create ends by itself, after a while.
    wait_for 60 test ! -e "$bundles/$id"
    for status in $(grep -F "\"container_id\":\"$id\"" "$work/events" | grep -F ' /tasks/exit ' | grep -o '"exit_status":[0-9]*' | cut -d: -f2); do
        case $status in 137 | 255 | 7) ;; *) echo "an exit was told with $status"; return 1 ;; esac
    done
    # For a shim that it finds dead containerd tells an end of its own, even after a Delete.
    if [ -z "${alone:-}" ]; then in_this_order '(/tasks/create )?(/tasks/start )?((/tasks/exit )+(/tasks/delete )*)*'
    else in_this_order '(/tasks/create )?(/tasks/start )?(/tasks/exit |/tasks/delete )*'; fi
    options=() execs=0
    run echo again > out; same "$(cat out)" again
}

in_this_order() { [[ "$(events) " =~ ^\ ?($1)$ ]] || { echo "events: $(events)"; return 1; }; }

# order FAULT: agent or crun die in the guest, as the kernel's command line says.
order() { printf '[debug]\nhold = "%s/hold"\nkernel_parameters = "agent.fault=%s"\n' "$work" "$1" > "$id.toml"; options=(--runtime-config-path "$work/$id.toml"); }
panicked() { grep -q "^kernel $id: .*Attempted to kill init" "$log/containerd.log"; }
agent_struck() {
    local got=0
    order "agent:$1"
    run sleep 1000 > out 2> err || got=$?
    panicked || { echo "the agent lived on"; cat err; return 1; }
    true_end
}
agent_struck_before_streams() {
    local got=0 pid
    order agent:CreateSandbox:500; hold streams
    run sleep 1000 > out 2> err < /dev/null & pid=$!
    wait_for "$patience" held streams; wait_for "$patience" panicked; go_on
    wait "$pid" || got=$?
    true_end
}
crun_struck() {
    local got=0
    order "crun:$1"
    run sh -c 'exit 7' > out 2> err || got=$?
    says 'crun .* ended with status 137' err
    true_end
}
# The container has not noticed.
crun_struck_in_an_exec() {
    order crun:exec; start sleep 1000
    local got=0; execute true > out 2>&1 || got=$?
    [ "$got" -ne 0 ]; says 'ended with status 137' out; same "$(state)" RUNNING; remove
}

# The table: 49 rows. Drain is the last step with a machine and its agent: an empty pod stops before anybody asks for its Delete.
run_steps_cases() {
    is_nest || return 0
    local step
    printf '\n[debug]\nhold = "%s/hold"\n' "$work" >> /etc/nest/config.toml
    for step in "${steps[@]}"; do
        check "a shim killed at the step $step is told" struck shim "$step"
        check "a containerd killed at the step $step finds its way" struck containerd "$step"
        case $step in agent | sandbox | streams | container | start | drain) check "a machine killed at the step $step is told" struck machine "$step" ;; esac
    done
    check "a container that cannot be made leaves nothing when containerd was killed meanwhile" create_fails_alone
    check "an agent that dies at its start is told" agent_struck ready
    check "an agent that dies at the step sandbox is told" agent_struck CreateSandbox
    check "an agent that dies at the step streams is told" agent_struck_before_streams
    check "an agent that dies at the step container is told" agent_struck CreateContainer
    check "an agent that dies in the step container is told" agent_struck CreateContainer:150
    check "an agent that dies at the step start is told" agent_struck StartContainer
    check "an agent that dies while the container runs is told" agent_struck StartContainer:1500
    check "a crun killed at the step container is told" crun_struck create
    check "a crun killed in the step container is told" crun_struck create:100
    check "a crun killed at the step start is told" crun_struck start
    check "a crun killed in the step start is told" crun_struck start:20
    check "a crun killed in an exec is told" crun_struck_in_an_exec
}
