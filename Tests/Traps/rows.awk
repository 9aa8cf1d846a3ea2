# SPDX-License-Identifier: Apache-2.0
# usage: awk -f rows.awk PLACES FRAMES
#
# PLACES has a line for each place: its address, and the fatal function if it is a call of one. FRAMES has for each the
# frames of llvm-symbolizer, demangled, and a blank line: the failure's name as the compiler notes it, then the functions
# from the innermost inlined one to the one that holds the instruction, each with its source line below.
# Prints FILE, FUNCTION, FAILURE and LINE of each place, with tabs between them.
#
# A place belongs to the innermost function of a package's source: it is one row, in however many others the optimizer
# put a copy. What holds none is a function of the standard library, specialised for a type.

BEGIN { OFS = "\t" }

FNR == NR { if (sub(/^[^ ]+ /, "")) failure_of[FNR] = $0; next }
/^$/ { finish(); next }
/ runtime failure: / { if (frames == 0) { sub(/^.* runtime failure: /, ""); failure = $0 }; getline; next }
{
    if (file == "") name = $0
    getline source
    frames++
    if (file != "") next
    if (match(source, /\/(Packages|Runtimes|Fixture)\/[^:]*:[0-9]+/)) {
        file = substr(source, RSTART, RLENGTH)
        line = file
        sub(/^.*:/, "", line)
        sub(/^.*\/(Sources|Fixture)\//, "", file)
        sub(/:[0-9]+$/, "", file)
    }
}
END { finish() }

function finish() {
    if (frames == 0) return
    place++
    if (place in failure_of) failure = failure_of[place]
    print(file == "" ? "(the standard library)" : file, plain(name), failure == "" ? "no name" : failure, line)
    file = line = failure = ""
    frames = 0
}

# Without what the optimizer made of it, and without the closures in it.
function plain(name) {
    while (sub(/^(specialized|merged|implicit|partial apply for|closure #[0-9]+|\([^)]*\)|in) /, "", name));
    return name
}
