# SPDX-License-Identifier: Apache-2.0
# usage: awk [-v update=1] -f list.awk LIST ROWS
#
# LIST is traps.txt: a file's name at the margin; below it, by two spaces, `FUNCTION | FAILURES`; below one or more of
# these, by four, the reason of all of them. ROWS has FILE, FUNCTION and FAILURES with tabs between. Prints one line for
# each row that is in one only or has no reason. With update=1 it prints the list as it should be.

BEGIN { FS = "\t"; unknown = "?" }

FNR == NR && /^#/ { if (update) print; next }
FNR == NR && /^[^ ]/ { close_rows(); file = $0; next }
FNR == NR && /^    / {
    sub(/^ +/, "")
    for (i = 1; i <= open_count; i++) reasons[open_rows[i]] = reasons[open_rows[i]] (reasons[open_rows[i]] == "" ? "" : "\n") $0
    is_reason = 1
    next
}
FNR == NR && /^  / {
    if (is_reason) close_rows()
    bar = index($0, " | ")
    key = file FS substr($0, 3, bar - 3)
    listed[key] = substr($0, bar + 3)
    open_rows[++open_count] = key
    next
}
FNR == NR { close_rows(); next }
{
    key = $1 FS $2
    found[key] = 1
    if (update) keep_row()
    else if (!(key in listed)) print $1 ": " $2 " may trap, which is not listed: " $3
    else if (listed[key] != $3) print $1 ": " $2 " may trap by: " $3 " — listed: " listed[key]
    else if (reasons[key] == "" || reasons[key] ~ /^[?]/) print $1 ": " $2 " is listed without a reason"
}
END {
    if (update) { write_file(); exit }
    for (key in listed) if (!(key in found)) { split(key, parts, FS); print parts[1] ": " parts[2] " traps no more: take it off the list" }
}

function close_rows() { open_count = is_reason = 0 }

# In the list a file's rows stand by their reasons.
function keep_row(    reason) {
    reason = reasons[key] == "" ? unknown : reasons[key]
    # What has other failures now is to be thought about again.
    if (key in listed && listed[key] != $3 && reason !~ /^[?]/) reason = unknown "\n" reason
    if ($1 != last_file) { write_file(); last_file = $1 }
    if (!(reason in rows)) ordered[++reason_count] = reason
    rows[reason] = rows[reason] "  " $2 " | " $3 "\n"
}
function write_file(    lines, count, i, j) {
    if (last_file != "") print "\n" last_file
    for (i = 1; i <= reason_count; i++) {
        printf "%s", rows[ordered[i]]
        count = split(ordered[i], lines, "\n")
        for (j = 1; j <= count; j++) print "    " lines[j]
    }
    split("", rows)
    reason_count = 0
}
