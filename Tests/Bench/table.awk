# SPDX-License-Identifier: Apache-2.0
# Rows to a table and, a line each, to JSON objects: see Tests/bench for their form.

function number(value) {
    if (value == "") return ""
    if (value >= 1000) return sprintf("%.0f", value)
    if (value >= 100) return sprintf("%.1f", value)
    return sprintf("%.2f", value)
}
function quoted(text) { gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); return "\"" text "\"" }
function value_or_null(value) { return value == "" ? "null" : value + 0 }

BEGIN {
    FS = "\t"
    form = "%-54s %10s %10s  %-5s %7s  %-18s %s\n"
    printf form, "", "ours", "baseline", "", "ratio", "target", ""
}
{
    what = $1; unit = $2; ours = $3; base = $4; name = $5; ratio = $6; target = $7
    if (ratio == "" && base > 0) ratio = ours / base
    kind = substr(target, 1, 1); limit = substr(target, 2) + 0
    verdict = ""; shown = ""
    if (kind == "x") { shown = "<= " limit " x"; met = ratio <= limit }
    if (kind == "+") { shown = "<= baseline + " limit; met = ours <= base + limit }
    if (kind == ">") { shown = ">= " limit " x"; met = ratio >= limit }
    if (kind == "<") { shown = "<= " limit " " unit; met = ours <= limit }
    if (shown != "") { verdict = met ? "ok" : "missed"; count[verdict]++ }
    if (name != last && name != "") printf "baseline: %s\n", name
    if (name != "") last = name
    printf form, what, number(ours), number(base), unit, ratio == "" ? "" : sprintf("%.3f", ratio), shown, verdict
    printf "{\"group\": %s, \"what\": %s, \"unit\": %s, \"value\": %s, \"baseline\": %s, \"baselineIs\": %s, " \
        "\"ratio\": %s, \"target\": %s, \"verdict\": %s}\n", quoted(group), quoted(what), quoted(unit),
        value_or_null(ours), value_or_null(base), quoted(name), value_or_null(ratio),
        target == "" ? "null" : quoted(shown), verdict == "" ? "null" : quoted(verdict) >> json
}
END { if (count["ok"] + count["missed"] > 0) printf "%d of %d targets met\n", count["ok"], count["ok"] + count["missed"] }
