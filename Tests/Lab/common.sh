# SPDX-License-Identifier: Apache-2.0
# Sourced by the programs of this folder: where things are kept, and how they report.

LAB_CACHE="${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm-lab}"
LAB_STATE="${LAB_STATE:-$LAB_CACHE/state}"
LAB_KERNELS="$LAB_CACHE/kernels"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# need PROGRAM...: one line that names every missing program and the way to get them.
need() {
    local program missing=()
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 || [ -x "/sbin/$program" ] || [ -x "/usr/sbin/$program" ] || missing+=("$program")
    done
    [ ${#missing[@]} -eq 0 ] || die "missing: ${missing[*]}; run Tests/Lab/install-deps"
}

# sha_of FILE...: a short name for their contents, so that what is built from them is built once.
sha_of() { cat "$@" | sha256sum | cut -c1-16; }
