# SPDX-License-Identifier: Apache-2.0
# containerd goes and comes back while tasks run. Sourced by cases.

# What the neighbour's client and the events follow must follow the new one.
restart() {
    stop_containerd "$1"
    start_containerd
}
run_lifecycle_cases() {
    [[ "containerd is restarted with a task running" =~ $ONLY ]] || return 0
    check_restart TERM
    check_restart KILL
}
