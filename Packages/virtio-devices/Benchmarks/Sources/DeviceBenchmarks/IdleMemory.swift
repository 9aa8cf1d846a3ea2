// SPDX-License-Identifier: Apache-2.0
internal import CBaseline
internal import Glibc
internal import VMMSysUtil
internal import VMMemory
internal import VirtioDevices
internal import VirtioDevicesTestSupport
internal import VirtioModel

/// What a device that was started and does nothing costs, with its registers and the test's driver, besides its queues:
/// all devices share the guest's memory and the places of the queues in it.
///
/// - Returns: bytes that malloc gave out for one, and bytes by which the process grew.
func idleMemory(of count: Int, _ make: () throws -> any VirtioDevice) throws -> (heap: Int, process: Int) {
    guard let range = GuestRange(start: GuestAddress(0x1000), byteCount: 64 << 20) else {
        throw BenchmarkFailure(text: "no guest")
    }
    let memory = try GuestMemory.anonymous([range])
    var drivers: [MMIODriver] = []
    drivers.reserveCapacity(count + 1)
    // The first one touches the queues and whatever is made once.
    func add() throws {
        let driver = try MMIODriver(make(), memory: memory)
        try driver.start()
        guard driver.status == 0xf else { throw BenchmarkFailure(text: "it does not start") }
        drivers.append(driver)
    }
    try add()
    let heap = baseline_heap()
    let process = residentByteCount()
    for _ in 0..<count { try add() }
    let grown = (Int(baseline_heap()) - Int(heap), residentByteCount() - process)
    return try withExtendedLifetime(drivers) {
        guard drivers.allSatisfy({ $0.status == 0xf }) else { throw BenchmarkFailure(text: "one has stopped") }
        return (grown.0 / count, grown.1 / count)
    }
}

/// Memory of this process that is in pages, in bytes.
private func residentByteCount() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, 256, file) != nil else { return 0 }
    let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).split(
        separator: " ")
    guard words.count > 1, let pages = Int(words[1]) else { return 0 }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}
