# SPDX-License-Identifier: Apache-2.0
# The operator's command, and what an operator can see of a machine's jail. Sourced by cases.

# check_says PATTERN [OPTION...]: `nest check` ends with 1, and says so.
check_says() { ends 1 nest check --quick "${@:2}" > out; says "$1" out; }
# without FILE COMMAND...: as if the file were not there.
without() {
    local file="$1"; shift
    mv "$file" "$file.hidden"; set +e; ( set -e; "$@" ); local result=$?; set -e
    mv "$file.hidden" "$file"; return "$result"
}
configured() { printf '%s\n' "$@" > bad.toml; }

check_boots() { nest check > out; says '^ok +boot +a machine booted' out; not says '^MISSING' out; }
check_json() {
    nest check --quick --json > out; same "$(jq -r '.ok' out)" true
    same "$(jq -r '.checks[] | select(.name == "boot") | .state' out)" skipped
    configured '[vm]' 'kernel = "/nowhere"'
    ends 1 nest check --quick --json --config bad.toml > out
    same "$(jq -r '.ok' out)" false
    same "$(jq -r '.checks[] | select(.state == "missing") | .name' out)" 'guest image'
    same "$(jq -r '.checks[] | select(.state == "missing") | .mend' out)" 'make install'
}
check_without_kvm() { without /dev/kvm check_says '^MISSING +kvm +/dev/kvm'; says 'mend it: modprobe kvm' out; }
check_without_builder() {
    local program; program=$(command -v mkfs.erofs)
    without "$program" check_says '^MISSING +mkfs.erofs'; says 'mend it: .*erofs-utils' out
}
check_without_image() { without /usr/local/lib/nest/system.erofs check_says '^MISSING +guest image +not there: /usr/local/lib/nest/system.erofs$'; says 'mend it: make install' out; }
check_configuration() {
    configured '# one' '[vm]' 'kernle = "/x"'
    check_says '^MISSING +configuration +bad.toml:3: there is no key vm.kernle$' --config bad.toml
    says "mend it: edit that line" out
}
# Create fails with the line that `nest check` would have shown.
create_configuration() {
    printf '[storage]\nscratch_size = "10G"\n' > /etc/nest/config.toml.test; cp -a /etc/nest/config.toml /etc/nest/config.toml.kept
    cp /etc/nest/config.toml.test /etc/nest/config.toml
    local got=0; run true > out 2> err || got=$?
    mv /etc/nest/config.toml.kept /etc/nest/config.toml; rm /etc/nest/config.toml.test
    [ "$got" -ne 0 ]; same "$(wc -l < err)" 1; says '/etc/nest/config.toml:2: storage.scratch_size: a number' err; remove_what_is_left
}
default_configuration() {
    nest config > default.toml; nest check --quick --config default.toml > out
    sed 's/^#\([a-z_]* = \)/\1/' default.toml > all.toml; nest check --quick --config all.toml > out
    nest config --prefix /opt/nest > out; says '^#kernel = "/opt/nest/lib/nest/vmlinux"$' out
}
tells_versions() { nest version > out; says '^nest [0-9]+\.[0-9]+\.[0-9]+$' out; same "$(wc -l < out)" 2; says '^nest [0-9]' <(nest version); says '[0-9]+\.[0-9]+\.[0-9]+' <(containerd-shim-nest-v2 -v); }
wrong_words() { ends 64 nest chek 2> err; says "chek" err; ends 64 nest image build 2> err; }

build_of_a_directory() {
    mkdir -p tree/bin; cp "$work/root/bin/busybox" tree/bin/ 2> /dev/null || cp -L "$work/root/bin/sh" tree/bin/busybox; echo text > tree/file
    nest image build --output tree.erofs tree > out; says '^tree.erofs: [0-9]+ KiB in [0-9]+ ms$' out
    mkdir extracted; fsck.erofs --extract=extracted/t tree.erofs > /dev/null; same "$(cat extracted/t/file)" text
    same "$(find . -maxdepth 1 -name '.nest-image-*')" ''; rm -rf tree tree.erofs extracted
}
build_of_layers() {
    mkdir -p lower upper; echo 1 > lower/a; echo 1 > lower/b; echo 2 > upper/b
    nest image build --output layers.erofs --layers upper:lower > out
    mkdir extracted; fsck.erofs --extract=extracted/t layers.erofs > /dev/null; same "$(cat extracted/t/a extracted/t/b)" $'1\n2'
    rm -rf lower upper layers.erofs extracted
}
build_of_nothing() {
    ends 1 nest image build --output x.erofs no-such-folder 2> err; same "$(wc -l < err)" 1; says '^nest: no-such-folder: ' err
    mkdir -p some; ends 1 nest image build --output /no-such-folder/x some 2> err; says '^nest: /no-such-folder' err; rmdir some
    [ ! -e x.erofs ]
}

# The process that stands for a task is its machine's.
machine_id() { event /tasks/start | grep -o '"pid":[0-9]*' | cut -d: -f2; }
with_machine() { start sleep 1000; wait_for "$patience" started; machine=$(machine_id); [ -d "/proc/$machine/fd" ] || { remove; echo "no machine"; return 1; }; set +e; ( set -e; "$@" ); local result=$?; set -e; remove; return "$result"; }
field() { awk -v name="$1:" '$1 == name { $1 = ""; print substr($0, 2) }' "/proc/$machine/status"; }
jail_rights() {
    local user name; user=$(field Uid); user=${user%% *}
    [ "$user" -ge 1900000000 ]; same "$(field Uid)" "$user $user $user $user"; same "$(field Gid)" "$user $user $user $user"; same "$(field Groups)" ''
    for name in CapInh CapPrm CapEff CapBnd CapAmb; do same "$name $(field $name)" "$name 0000000000000000"; done
    same "$(field NoNewPrivs)" 1; same "$(field NSpid)" "$machine 1"
    # No core file holds a guest's memory.
    same "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$machine/limits")" '0 0'
}
# threads PID: NAME=MODE/COUNT of the seccomp filters of each of its threads.
threads() {
    local task name
    for task in "/proc/$1"/task/*; do
        # One may end meanwhile.
        name=$(cat "$task/comm" 2> /dev/null) || continue
        awk -v name="$name" '$1 == "Seccomp:" { mode = $2 } $1 == "Seccomp_filters:" { print name "=" mode "/" $2 }' "$task/status" 2> /dev/null || true
    done | sort -u
}
jail_filters() {
    same "$(cat "/proc/$machine"/task/*/comm | grep -v '^kvm-' | sort | tr '\n' ' ')" 'api swiftlet vcpu0 '
    # What starts programs has no filter, and so has the machine none but its own.
    same "$(threads "$machine" | cut -d= -f2 | sort -u)" 2/1
    # The shim is who started it. What carries the guest's bytes has two.
    local name; threads "$(field PPid)" > out
    same "$(grep '=0/' out | tr '\n' ' ')" 'launcher=0/0 vmm=0/0 '
    for name in containerd-shim events ttrpc-accept ttrpc-server vm wait; do says "^$name=2/1$" out; done
    for name in 'agent log' console oom ttrpc-client; do says "^$name=2/2$" out; done
}
no_filters() {
    same "$(threads "$(field PPid)" | grep -v '=0/0$')" ''; same "$(threads "$machine" | grep -v '=0/0$')" ''
    execute cat /proc/cmdline > out; says ' agent.seccomp=off' out
}
with_no_filters() {
    cp -a /etc/nest/config.toml config.kept; printf '\n[debug]\nseccomp = false\n' >> /etc/nest/config.toml
    local got=0; with_machine no_filters || got=$?
    cp -a config.kept /etc/nest/config.toml; return "$got"
}
jail_namespaces() {
    local name; for name in mnt pid net ipc uts cgroup; do [ "$(readlink "/proc/$machine/ns/$name")" != "$(readlink "/proc/self/ns/$name")" ] || { echo "shares $name"; return 1; }; done
    same "$(tail -n +3 "/proc/$machine/net/dev" | cut -d: -f1 | tr -d ' ')" lo
}
jail_root() {
    same "$(cd "/proc/$machine/root" && echo *)" 'config.json dev drives initramfs run system.erofs vmlinux'
    same "$(cd "/proc/$machine/root/dev" && echo *)" kvm
    same "$(awk '{ print $5 }' "/proc/$machine/mountinfo" | sort | tr '\n' ' ')" '/ /dev /drives/0 /drives/1 /initramfs /run /system.erofs /vmlinux '
    same "$(awk '$6 !~ /nosuid/ || $6 !~ /noexec/ { print $5 }' "/proc/$machine/mountinfo")" ''
    same "$(awk '$6 !~ /^ro,/ { print $5 }' "/proc/$machine/mountinfo" | sort | tr '\n' ' ')" '/drives/1 /run '
}
jail_descriptors() {
    local path target
    for path in "/proc/$machine/fd/"*; do
        target=$(readlink "$path") || continue
        case $target in
            pipe:* | socket:* | anon_inode:* | /dev/null | /dev/kvm | '/memfd:'* | /drives/* | /system.erofs* | /vmlinux | /initramfs | / | /run | '/ (deleted)') ;;
            *scratch*deleted\)* | *.erofs) ;;
            *) echo "holds $path -> $target"; return 1 ;;
        esac
    done
}

run_command_cases() {
    is_nest || return 0
    check "nest check is content with a good host, and boots a machine" check_boots
    check "nest check answers programs in JSON" check_json
    check "nest check without /dev/kvm names it and what mends it" check_without_kvm
    check "nest check without the builder of images names its package" check_without_builder
    check "nest check without a file of the installation names it" check_without_image
    check "nest check names the line and the key of a bad configuration" check_configuration
    check "a bad configuration fails a container with its line" create_configuration
    check "the default configuration is taken, and with every value uncommented too" default_configuration
    check "nest version names both versions" tells_versions
    check "a command that is not there is a mistake of use" wrong_words
    check "an image is built of a directory" build_of_a_directory
    check "an image is built of layers, the uppermost first" build_of_layers
    check "an image that cannot be built is one line, and nothing is left" build_of_nothing
    check "a machine's process has a user of its own and no rights" with_machine jail_rights
    check "every thread of a machine's process runs behind a filter of system calls, and its shim's threads behind theirs" with_machine jail_filters
    check "a configuration without filters: none of machine, shim and agent has one" with_no_filters
    check "a machine's process has namespaces of its own, and no network" with_machine jail_namespaces
    check "a machine's process sees its files alone, and writes only its scratch disk and sockets" with_machine jail_root
    check "a machine's process holds no file of the host's beside them" with_machine jail_descriptors
}
