# SPDX-License-Identifier: Apache-2.0
# The time of one container by phase, from three inputs: its whole time (`whole ROUND MS`), its kernel's log (dmesg), and the lines
# of containerd's log that are about it. Prints `phase-NAME ROUND MS` lines.

$1 == "whole" { whole = $3 }
# [    0.912345] Run /init as init process
/Run \/init as init process/ { line = $0; gsub(/[][]/, " ", line); split(line, f, " "); init = f[1] * 1000 }
# agent ID: info 1.687811 nest-agent 0.1.0 is ready, 294912 µs after its start
$1 == "agent" && / is ready, / { ready = $4 * 1000; line = $0; sub(/.* is ready, /, "", line); begun = ready - line / 1000 }
# shim ID: steps (ms): specification 10.1, ..., delete 20.2; since the request 4074.7. The last one has them all.
$1 == "shim" && /steps \(ms\): / {
    line = $0; sub(/.*steps \(ms\): /, "", line); sub(/;.*/, "", line)
    n = split(line, parts, ", ")
    for (i = 1; i <= n; i++) { split(parts[i], f, " "); step[f[1]] = f[2] }
}
function phase(name, ms) { printf "phase-%s %s %.1f\n", name, r, ms; sum += ms }
END {
    if (!whole || !init || !ready || !("delete" in step)) { print "note phases: the logs lack something"; exit }
    phase("shim", step["specification"] + step["configuration"] + step["image"] + step["scratch"] + step["cgroup"] + step["streams"])
    # The shim waits for the agent since the VMM was started; the guest's clock begins with its kernel.
    phase("vmm", step["boot"] + step["agent"] - ready)
    phase("kernel", init)
    phase("loader", begun - init)
    phase("agent", ready - begun + step["sandbox"])
    phase("crun", step["container"] + step["start"])
    phase("end", step["drain"] + step["stop"] + step["delete"])
    phase("rest", whole - sum)
}
