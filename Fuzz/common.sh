# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts beside it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# By default a crash starts swift-backtrace, which outlives the fuzzer and holds its output open.
export SWIFT_BACKTRACE=enable=no
# A trap is libFuzzer's to report; memory that a guest was given is never freed one page at a time.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:allocator_may_return_null=1}
export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$root/Fuzz/leaks.supp:print_suppressions=0}

# With FUZZ_WITHOUT_NEST=1 without nest's, as in Package.swift.
targets() { sed 's/#.*//' "$root/Fuzz/targets.txt" | awk -v less="${FUZZ_WITHOUT_NEST:+nest}" 'NF && $2 != less { print $1 }'; }

# target NAME: sets corpus, max_length and kind, or says what there is.
target() {
    local line
    line=$(awk -v name="$1" '$1 == name { print $2, $3, $4 }' "$root/Fuzz/targets.txt")
    if [[ -z $line ]]; then
        echo "fuzz: no target '${1:-}'; there are:" $(targets) >&2
        exit 2
    fi
    read -r package max_length kind <<<"$line"
    corpus=$root/Packages/$package/Corpus/$1
    [[ -d $root/Packages/$package ]] || corpus=$root/Runtimes/$package/Corpus/$1
}

# build [TARGET]: builds all targets; or only one that is structured, two to three times as fast: its mutator knows what the
# parser compares with, so that nothing needs to record it.
build() {
    local log arguments=(--scratch-path "$root/Fuzz/.build") coverage=edge,inline-8bit-counters,pc-table
    bin=$root/Fuzz/.build/release
    if [[ -n ${1:-} && $kind == structured ]]; then
        arguments=(--scratch-path "$root/Fuzz/.build/structured" --product "$1")
        bin=$root/Fuzz/.build/structured/release
    else
        coverage+=,trace-cmp
    fi
    log=$(mktemp)
    if ! "${SWIFT:-swift}" build --package-path "$root/Fuzz" "${arguments[@]}" -c release --sanitize=fuzzer --sanitize=address \
        -Xswiftc -sanitize-coverage=$coverage >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        exit 1
    fi
    rm -f "$log"
}
