# SPDX-License-Identifier: Apache-2.0
# Memory and CPU: what is allowed, what is not, and how it is changed. Sourced by cases.

memory_within() { options=(--memory-limit $((64 << 20))); run probe memory 40 > out; same "$(cat out)" held; }
memory_to_the_limit() { options=(--memory-limit $((256 << 20))); run probe memory 252 > out; same "$(cat out)" held; }
memory_beyond() {
    options=(--memory-limit $((48 << 20)))
    ends 137 run probe memory 100 > out; same "$(cat out)" ''
    same "$(exit_told)" 137; says '/tasks/oom' <(events)
    # It is told before the end.
    says '/tasks/oom.*/tasks/exit' <(events)
}
memory_of_an_exec() {
    options=(--memory-limit $((48 << 20))); start sleep 1000
    ends 137 execute probe memory 100 > out; same "$(state)" RUNNING; remove
}
processor_share() {
    options=(--cpus 0.5)
    run sh -c 'u() { read s _ < /proc/uptime; echo ${s%.*}; }; e=$(($(u) + 4)); while read s _ < /proc/uptime && [ ${s%.*} -lt $e ]; do :; done; read _ _ _ _ _ _ _ _ _ _ _ _ _ user system _ < /proc/$$/stat; echo $((user + system))' > out
    # Half of four seconds, give or take.
    [ "$(cat out)" -lt 280 ] && [ "$(cat out)" -gt 40 ] || { cat out; return 1; }
}
processors() { options=(--cpus 2.5); run nproc > out; same "$(cat out)" 3; }
one_processor() { run nproc > out; same "$(cat out)" 1; }
memory_default() { run awk '/MemTotal/{print int($2 / 1024)}' /proc/meminfo > out; [ "$(cat out)" -gt 200 ] && [ "$(cat out)" -lt 340 ] || { cat out; return 1; }; }
updated() {
    options=(--memory-limit $((128 << 20))); start sleep 1000
    execute probe memory 80 > out; same "$(cat out)" held
    same "$(update "{\"memory\":{\"limit\":$((48 << 20))}}")" "0 "
    ends 137 execute probe memory 80; same "$(state)" RUNNING; remove
}
update_beyond() {
    options=(--memory-limit $((64 << 20))); start sleep 1000
    update "{\"memory\":{\"limit\":$((4 << 30))}}" > out; not says '^0 ' out; says '4096.* 64|4096.*[0-9]+ MiB|4294967296' out
    update '{"cpu":{"quota":800000,"period":100000}}' > out; not says '^0 ' out; says '8.*1' out; remove
}
processes_limited() {
    spec '.linux.resources.pids = {limit: 20} | .process.args = ["/bin/sh", "-c", "n=0; while [ $n -lt 40 ]; do sleep 3 & n=$((n+1)); done; echo all"]'
    local got=0; run_spec > out 2> err || got=$?; [ "$got" -ne 0 ] || says "can't fork" err; not says '^all$' out
}
smallest_guest() { options=(--memory-limit $((16 << 20))); run echo small > out; same "$(cat out)" small; }

run_limits_cases() {
    check "memory within the limit is given" memory_within
    check "all of the memory within the limit may be used" memory_to_the_limit
    check "memory beyond the limit ends the process with 137 and an OOM event" memory_beyond
    check "memory beyond the limit ends an exec alone" memory_of_an_exec
    check "half a CPU is half a CPU" processor_share
    check "a limit on processes holds" processes_limited
    check "the limit is lowered while it runs" updated
    is_nest || return 0
    # What the machine is made of.
    check "two and a half CPUs are three in the machine" processors
    check "no limit is one CPU in the machine" one_processor
    check "no limit is the default memory in the machine" memory_default
    check "a limit beyond the machine is refused with both numbers" update_beyond
    check "a container of 16 MiB runs" smallest_guest
}
