// SPDX-License-Identifier: Apache-2.0

/// Leaves steps of a script out as long as it still fails.
func shortened<Step>(_ script: [Step], while fails: ([Step]) -> Bool) -> [Step] {
    var script = script
    var width = script.count / 2
    while width > 0 {
        var start = 0
        while start < script.count {
            var shorter = script
            shorter.removeSubrange(start..<min(start + width, shorter.count))
            if fails(shorter) { script = shorter } else { start += width }
        }
        width /= 2
    }
    return script
}
