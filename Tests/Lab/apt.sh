# SPDX-License-Identifier: Apache-2.0
# Sourced, after common.sh, by what downloads Debian packages without installing them.

# private_apt ARCH COMMAND ARG...: apt with the machine's sources and keys, but lists, cache and architecture of its own.
private_apt() {
    local arch=$1 tool=$2 base="$LAB_CACHE/apt/$1"
    shift 2
    "$tool" -qq -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o "APT::Architectures=$arch" \
        -o "Dir::State=$base/state" -o "Dir::State::status=$base/status" -o "Dir::Cache=$base/cache" \
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o APT::Get::List-Cleanup=true "$@"
}

# update_once ARCH: one `apt-get update` per architecture and run of this program.
declare -A updated=()
update_once() {
    local base="$LAB_CACHE/apt/$1"
    [ -z "${updated[$1]:-}" ] || return 0
    mkdir -p "$base/state/lists/partial" "$base/cache/archives/partial"
    : > "$base/status"
    private_apt "$1" apt-get update || return 1
    updated[$1]=1
}
