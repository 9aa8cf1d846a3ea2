// SPDX-License-Identifier: Apache-2.0
import CExitLoop
import Glibc
import KVMIoctls
import VMMSysUtil

/// The cost of an exit through `VCPU.run()` beside a plain C loop on the same vCPU, in turns, so that what else the
/// machine does hits both alike.
@main
struct Main {
    static let rounds = 601
    static let exitsPerRound = 500
    static let allocationExits = 100_000

    static func main() {
        do {
            try measure()
        } catch {
            print("kvm-ioctls-bench: \(error)")
            exit(1)
        }
    }

    static func measure() throws {
        let system = try System()
        let vm = try system.createVirtualMachine()
        guard let memory = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else { throw KVMError.mapping(.last) }
        // mov al, 1; again: out 0x10, al; jmp again
        memory.copyMemory(from: [0xB0, 0x01, 0xE6, 0x10, 0xEB, 0xFC] as [UInt8], byteCount: 6)
        try vm.setMemoryRegion(slot: 0, guestAddress: 0x1000, byteCount: 4096, hostAddress: memory)
        let vcpu = try vm.createVCPU(id: 0)
        var special = try vcpu.specialRegisters()
        special.cs.base = 0
        special.cs.selector = 0
        try vcpu.setSpecialRegisters(special)
        var registers = Registers()
        registers.rip = 0x1000
        registers.rflags = 2
        try vcpu.setRegisters(registers)
        guard let area = exit_loop_map(vcpu.descriptor.rawValue, try system.runAreaByteCount()) else {
            throw KVMError.mapping(.last)
        }

        _ = try swiftLoop(vcpu, exitsPerRound)  // warm-up
        var swift: [Double] = []
        var c: [Double] = []
        var ratios: [Double] = []
        for round in 0..<rounds {
            // Who goes first changes from round to round.
            if round % 2 == 0 { c.append(try time { exit_loop_run(vcpu.descriptor.rawValue, area, exitsPerRound) }) }
            swift.append(try time { try swiftLoop(vcpu, exitsPerRound) })
            if round % 2 == 1 { c.append(try time { exit_loop_run(vcpu.descriptor.rawValue, area, exitsPerRound) }) }
            ratios.append(swift[round] / c[round])
        }
        let calls = exit_loop_allocations()
        let bytes = exit_loop_bytes_in_use()
        _ = try swiftLoop(vcpu, allocationExits)
        let newCalls = exit_loop_allocations() - calls
        let newBytes = Int(exit_loop_bytes_in_use()) - Int(bytes)

        print("KVM exit round trip, port write, \(rounds) rounds of \(exitsPerRound) in turns; medians")
        print("  C loop       \(text(median(c), 0)) ns")
        print("  VCPU.run()   \(text(median(swift), 0)) ns")
        let ofMedians = text(median(swift) / median(c), 4)
        print("  ratio        \(ofMedians) of the medians, \(text(median(ratios), 4)) median of ratios; to reach: 1.02")
        print("  allocations  \(newCalls) calls, \(newBytes) bytes more in use after \(allocationExits) exits")
    }

    @inline(never)
    static func swiftLoop(_ vcpu: VCPU, _ count: Int) throws(KVMError) -> Int {
        var sum = 0
        for _ in 0..<count {
            guard case .portWrite(let write) = try vcpu.run() else { return -1 }
            sum &+= Int(write.value)
        }
        return sum
    }

    /// Nanoseconds an exit.
    static func time(_ body: () throws -> Int) throws -> Double {
        let start = now()
        let sum = try body()
        let end = now()
        guard sum == exitsPerRound else { throw KVMError.malformedAnswer("the guest") }
        return Double(end - start) / Double(exitsPerRound)
    }

    /// The thread's own time in user space, kernel and guest: what other programs take does not count.
    static func now() -> UInt64 {
        var value = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &value)
        return UInt64(value.tv_sec) * 1_000_000_000 + UInt64(value.tv_nsec)
    }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    static func text(_ value: Double, _ decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        return decimals == 0 ? "\(Int(rounded))" : "\(rounded)"
    }
}
