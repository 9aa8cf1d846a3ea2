// SPDX-License-Identifier: Apache-2.0
internal import KVMIoctls

/// What a vCPU says of itself: what KVM supports, with the topology of this machine instead of the host's.
enum CPUIDPolicy {
    /// - Parameters:
    ///   - supported: the answer of `KVM_GET_SUPPORTED_CPUID`.
    ///   - id: the vCPU's number, which is its APIC id.
    ///   - count: all vCPUs, each a core with one thread in one package.
    static func apply(_ supported: CPUID, id: UInt32, count: Int) -> CPUID {
        var cpuid = supported
        let idBits = bits(for: count)
        for index in cpuid.entries.indices {
            switch cpuid.entries[index].function {
            case 0x1: features(&cpuid.entries[index], id: id, idBits: idBits, count: count)
            case 0x4: intelCache(&cpuid.entries[index], idBits: idBits)
            case 0xA: clear(&cpuid.entries[index])  // no PMU, so that no guest waits for its interrupts
            case 0xB, 0x1F: clear(&cpuid.entries[index])
            case 0x8000_0008: amdSize(&cpuid.entries[index], idBits: idBits, count: count)
            case 0x8000_001D: amdCache(&cpuid.entries[index], count: count)
            case 0x8000_001E: amdTopology(&cpuid.entries[index], id: id)
            default: break
            }
        }
        for function: UInt32 in [0xB, 0x1F] where cpuid.firstIndex(function: function) != nil {
            cpuid.entries.removeAll { $0.function == function }
            cpuid.entries += extendedTopology(function, id: id, idBits: idBits, count: count)
        }
        return cpuid
    }

    /// Bits of an APIC id that tell the cores of the package apart.
    static func bits(for count: Int) -> UInt32 {
        count <= 1 ? 0 : UInt32(Int.bitWidth - (count - 1).leadingZeroBitCount)
    }

    private static func features(_ entry: inout CPUID.Entry, id: UInt32, idBits: UInt32, count: Int) {
        entry.ebx = (entry.ebx & 0xFFFF) | (min(1 << idBits, 255) << 16) | (id << 24)
        // A hypervisor is there (31), and its timer takes deadlines (24); no debug store or perfmon capabilities (15).
        entry.ecx |= 1 << 31 | 1 << 24
        entry.ecx &= ~(1 << 15)
        if count > 1 { entry.edx |= 1 << 28 } else { entry.edx &= ~(1 << 28) }
    }

    /// Cores in the package; each cache level up to the second is a core's own, the third is shared by all.
    private static func intelCache(_ entry: inout CPUID.Entry, idBits: UInt32) {
        guard entry.eax & 0x1F != 0 else { return }
        let level = entry.eax >> 5 & 7
        let cores: UInt32 = (1 << idBits) - 1
        entry.eax &= 0x3FFF
        entry.eax |= min(cores, 63) << 26
        if level >= 3 { entry.eax |= cores << 14 }
    }

    private static func amdSize(_ entry: inout CPUID.Entry, idBits: UInt32, count: Int) {
        entry.ecx = (entry.ecx & ~0xF0FF) | idBits << 12 | UInt32(count - 1)
    }

    private static func amdCache(_ entry: inout CPUID.Entry, count: Int) {
        guard entry.eax & 0x1F != 0 else { return }
        let level = entry.eax >> 5 & 7
        entry.eax &= ~(0xFFF << 14)
        if level >= 3 { entry.eax |= UInt32(count - 1) << 14 }
    }

    private static func amdTopology(_ entry: inout CPUID.Entry, id: UInt32) {
        entry.eax = id
        entry.ebx = id & 0xFF
        entry.ecx = 0
    }

    /// Sub-leaf 0 is the threads of a core, 1 the cores of the package (SDM volume 2, CPUID leaf 0BH).
    private static func extendedTopology(
        _ function: UInt32, id: UInt32, idBits: UInt32, count: Int
    ) -> [CPUID.Entry] {
        let levels: [(shift: UInt32, number: UInt32, type: UInt32)] = [
            (0, 1, 1), (idBits, UInt32(count), 2), (0, 0, 0),
        ]
        return levels.enumerated().map { index, level in
            CPUID.Entry(
                function: function, index: UInt32(index), flags: CPUID.Entry.significantIndex, eax: level.shift,
                ebx: level.number, ecx: level.type << 8 | UInt32(index), edx: id)
        }
    }

    private static func clear(_ entry: inout CPUID.Entry) {
        (entry.eax, entry.ebx, entry.ecx, entry.edx) = (0, 0, 0, 0)
    }
}
