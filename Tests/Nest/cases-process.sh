# SPDX-License-Identifier: Apache-2.0
# What a container's process finds: everything that image, options and specification say. Sourced by cases.

image_says_it_all() { image=test:user; run > out; same "$(cat out)" $'/home/tester\n1000\n1000\n1000 2000 3000\nyes two|from|command'; }
arguments_exact() { run sh -c 'for a; do printf "%s|" "$a"; done' - 'a b' '' $'new\nline' '"q"' ü > out; same "$(cat out)" $'a b||new\nline|"q"|ü|'; }
environment() {
    options=(--env ODD='a b "c"' --env EMPTY=)
    run sh -c 'echo "$PATH|$ODD|${EMPTY-unset}|${HOME-}"' > out; same "$(cut -d'|' -f1-3 out)" '/bin|a b "c"|'
}
folder() { options=(--cwd /home/tester); run pwd > out; same "$(cat out)" /home/tester; }
folder_is_made() { options=(--cwd /made/here); run pwd > out; same "$(cat out)" /made/here; }
specification() {
    spec '.hostname = "some-host" | .process.args = ["/bin/sh", "-c", "hostname; id -u; id -g; id -G; probe limits"] |
        .process.user = {uid: 1000, gid: 1001, additionalGids: [5, 77, 100000]} |
        .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 123, hard: 456}, {type: "RLIMIT_CORE", soft: 0, hard: 0}, {type: "RLIMIT_STACK", soft: 1048576, hard: 2097152}]'
    run_spec > out
    same "$(sed -n 1p out)" some-host
    same "$(sed -n 2,4p out)" $'1000\n1001\n1001 5 77 100000'
    says '^nofile 123 456$' out; says '^core 0 0$' out; says '^stack 1048576 2097152$' out
}
umask_of_a_specification() {
    spec '.process.args = ["/bin/sh", "-c", "umask"] | .process.user.umask = 23'; run_spec > out; same "$(cat out)" 0027
}
root_folder_stays() {
    spec '.process.args = ["/bin/sh", "-c", "touch /written && ls /written"] | .root.readonly = false'
    run_spec > out; same "$(cat out)" /written
    # A folder is the host's with runc, and only read by nest.
    if is_nest; then [ ! -e "$work/root/written" ]; else rm "$work/root/written"; fi
}
root_by_option() { options=(--rootfs); image="$work/root"; run /bin/ls /etc/passwd > out; same "$(cat out)" /etc/passwd; }
read_only_root() {
    options=(--read-only); ends 1 run sh -c 'echo x > /new' 2> err; says 'Read-only file system' err
}
root_is_written() { run sh -c 'echo x > /etc/new; rm /etc/passwd; cat /etc/new; ls /etc/passwd 2>&1 || mv /etc /moved && cat /moved/new' > out; same "$(sed -n '1p;$p' out)" $'x\nx'; }
images_stay() { run sh -c 'echo x > /etc/passwd; rm -r /bin/probe'; id="$id-2"; run sh -c 'grep -c tester /etc/passwd; ls /bin/probe' > out; same "$(cat out)" $'1\n/bin/probe'; }
stays_out_of_the_snapshot() {
    start sh -c 'echo x > /written; echo up; sleep 1000'; awaits up
    local upper; upper=$(client snapshot mounts /target "$id" | grep -o 'upperdir=[^,]*' | cut -d= -f2)
    if is_nest; then [ ! -e "$upper/written" ]; else [ -e "$upper/written" ]; fi
    remove
}
tmpfs_mount() {
    options=(--mount type=tmpfs,src=tmpfs,dst=/scratch,options=size=4m:mode=750:noexec)
    run sh -c 'stat -c %a /scratch; grep " /scratch " /proc/mounts; head -c 8000000 /dev/zero > /scratch/file; stat -c %s /scratch/file; cp /bin/busybox /scratch/ 2> /dev/null; rm -f /scratch/*; cp /bin/probe /scratch/p; /scratch/p limits' > out 2> err || true
    same "$(sed -n 1p out)" 750; says 'tmpfs.*noexec' out; says '^4194304$' out; says 'Permission denied' err
}
default_mounts() {
    run sh -c 'cat /proc/mounts; ls /dev; ls -l /dev/fd; echo x > /dev/null; echo x > /dev/shm/x; head -c 4 /dev/urandom | wc -c' > out
    local at; for at in /proc /dev /dev/pts /dev/shm /dev/mqueue /sys /run; do says " $at " out; done
    for at in null zero full random urandom tty ptmx; do says "^$at$" out; done
    same "$(tail -n 1 out)" 4
}
masked_paths() {
    run sh -c 'cat /proc/kcore | wc -c; cat /proc/keys | wc -c; ls /proc/acpi /sys/firmware | grep -v : | grep -c .; echo x > /proc/sys/kernel/hostname' > out 2>&1 || true
    same "$(sed -n '1,2p' out)" $'0\n0'; says 'Read-only file system' out
}
capabilities() {
    options=(--cap-drop CAP_CHOWN --cap-add CAP_SYS_TIME)
    run sh -c 'grep Cap /proc/self/status; chown 5 /etc/passwd' > out 2> err || true
    # containerd's fourteen, without 0 and with 25.
    same "$(awk '/CapEff/{print $2}' out)" 00000000aa0425fa; same "$(awk '/CapBnd/{print $2}' out)" 00000000aa0425fa
    says 'Operation not permitted' err
}
no_new_privileges() { run grep NoNewPrivs /proc/self/status > out; same "$(cat out)" $'NoNewPrivs:\t1'; }
new_privileges() { options=(--allow-new-privs); run grep -E '^(NoNewPrivs|Seccomp)' /proc/self/status > out; same "$(cut -f2 out | sort -u)" 0; }
seccomp() { options=(--seccomp); ends 1 run sh -c 'grep Seccomp: /proc/self/status; unshare -U true' > out 2> err; same "$(cat out)" $'Seccomp:\t2'; says 'not permitted' err; }
namespaces() { run sh -c 'echo $$; ps | grep -c -v PID; hostname x 2>&1; ls /sys/class/net' > out 2>&1; same "$(sed -n 1p out)" 1; same "$(tail -n 1 out)" lo; }
annotations_and_labels() { options=(--annotation org.example.one=two --label some=label); run true; }
oom_score_and_sysctl() {
    spec '.process.args = ["/bin/sh", "-c", "cat /proc/self/oom_score_adj; cat /proc/sys/kernel/shmmni; cat /proc/sys/kernel/domainname"] | .process.oomScoreAdj = 321 |
        .linux.sysctl = {"kernel.shmmni": "1234", "kernel.domainname": "some.domain"}'
    run_spec > out; same "$(cat out)" $'321\n1234\nsome.domain'
}
real_image() { image=test:debian; run bash -c '. /etc/os-release; echo "$ID"; perl -e "print 6*7, qq(\n)"' > out; same "$(cat out)" $'debian\n42'; }
its_own_kernel() { run uname -r > out; if is_nest; then not same "$(cat out)" "$(uname -r)"; says 'cloud' out; else same "$(cat out)" "$(uname -r)"; fi; }
native_snapshots() {
    ctr image import --snapshotter native --base-name native "$IMAGES/tiny.tar" > import.log
    image=native:tiny options=(--snapshotter native); run sh -c 'echo from $0' > out; same "$(cat out)" 'from sh'
    ctr snapshot --snapshotter native rm "$(ctr snapshot --snapshotter native ls | awk 'NR == 2 { print $1 }')"
    ctr image rm --sync native:tiny > /dev/null
}
time_is_right() { local now; run date +%s > out; now=$(date +%s); [ $((now - $(cat out))) -lt 20 ] && [ $((now - $(cat out))) -gt -20 ]; }

# Its first process may do everything, and yet not trace the kernel.
locked_down() {
    spec '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_SYSLOG"]) | .linux.seccomp = null
        | .process.args = ["/bin/sh", "-c", "cat /proc/cmdline; mount -t tracefs none /tmp; cat /tmp/trace /tmp/available_events"]'
    not run_spec > out 2> err; says 'lockdown=confidentiality' out; says 'trace' err
}

run_process_cases() {
    check "a container runs, and its kernel is the one it should be" its_own_kernel
    check "an image's entry point, arguments, environment, folder, user and groups hold" image_says_it_all
    check "arguments arrive exactly" arguments_exact
    check "the environment arrives exactly" environment
    check "the working directory is the one asked for" folder
    check "a working directory that is not there is made" folder_is_made
    check "hostname, user, groups and rlimits of a specification hold" specification
    check "a umask of a specification holds" umask_of_a_specification
    check "OOM score and sysctls of a specification hold" oom_score_and_sysctl
    check "a plain folder is the root of a specification without an image" root_folder_stays
    check "a plain folder is the root by --rootfs" root_by_option
    check "a read-only root cannot be written" read_only_root
    check "a root is written, renamed and deleted in" root_is_written
    check "what one container writes the next does not see" images_stay
    if is_nest; then check "what one container writes stays out of its snapshot" stays_out_of_the_snapshot
    else check "what one container writes is in its snapshot" stays_out_of_the_snapshot; fi
    check "a tmpfs mount has its size, mode and flags" tmpfs_mount
    check "the default mounts and devices are there" default_mounts
    check "what should be hidden of /proc and /sys is" masked_paths
    check "capabilities are those asked for" capabilities
    check "privileges cannot grow" no_new_privileges
    check "privileges can grow where that is allowed" new_privileges
    check "the seccomp profile is on" seccomp
    if is_nest; then check "the guest's kernel is locked down" locked_down; fi
    check "process, host and network namespaces are the container's own" namespaces
    check "annotations and labels do not disturb" annotations_and_labels
    check "a real Debian image runs" real_image
    check "the native snapshotter's mounts work" native_snapshots
    check "the time is right" time_is_right
}
