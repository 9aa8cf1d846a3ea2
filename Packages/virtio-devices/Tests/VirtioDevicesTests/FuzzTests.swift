// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VirtioDevicesTestSupport
import VirtioQueueTestSupport

@Suite struct FuzzTests {
    /// The files of a corpus, which lies beside the package's tests.
    private func corpus(_ name: String) throws -> [(name: String, bytes: [UInt8])] {
        let package = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let folder = "/\(package)/Corpus/\(name)"
        let names = Directory.names(in: folder).filter { !$0.hasPrefix(".") }
        try #require(!names.isEmpty, "no corpus at \(folder)")
        return try names.map { name in
            let descriptor = try FileDescriptor.open("\(folder)/\(name)", .readOnly)
            var bytes = [UInt8](repeating: 0, count: Int(try descriptor.byteCount()))
            _ = read(descriptor.rawValue, &bytes, bytes.count)
            return (name, bytes)
        }
    }

    @Test("every seed of block-request is answered as its name says")
    func blockSeeds() throws {
        let files = try corpus("block-request")
        #expect(files.count >= 10)
        for file in files {
            let result = file.bytes.withUnsafeBytes { fuzzBlockRequest($0) }
            if file.name.hasPrefix("ok-") { #expect(result.status == 0, "\(file.name)") }
            if file.name.hasPrefix("error-") { #expect(result.status == 1, "\(file.name)") }
            if file.name.hasPrefix("unsupported-") { #expect(result.status == 2, "\(file.name)") }
            if file.name.hasPrefix("none-") { #expect(result.status == nil, "\(file.name)") }
        }
    }

    @Test(
        "every seed of mmio-registers is played, and the device starts, is restored or refuses a state as its name says"
    )
    func registerSeeds() throws {
        let files = try corpus("mmio-registers")
        #expect(files.count >= 4)
        for file in files {
            let result = file.bytes.withUnsafeBytes { fuzzMMIORegisters($0) }
            #expect(result.accesses > 0)
            if file.name.hasPrefix("runs-") { #expect(result.runs > 0, "\(file.name)") }
            if file.name.hasPrefix("restores-") {
                #expect(result.restores > 0 && result.refusals == 0 && result.answers > 0, "\(file.name): \(result)")
            }
            if file.name.hasPrefix("refuses-") { #expect(result.refusals >= 8, "\(file.name): \(result)") }
        }
    }

    @Test("every seed of device-queues gets its chains back, and only a raw one breaks a ring")
    func queueSeeds() throws {
        let files = try corpus("device-queues")
        #expect(files.count >= 20)
        for file in files {
            let result = file.bytes.withUnsafeBytes { fuzzDeviceQueues($0) }
            #expect(result.completed > 0 || result.needsReset, "\(file.name)")
            let hasMessages = file.name.hasPrefix("console-") && !file.name.contains("without")
            if !result.needsReset { #expect((result.messages > 0) == hasMessages, "\(file.name)") }
            if !file.name.contains("raw") { #expect(!result.needsReset, "\(file.name)") }
        }
    }

    @Test("random inputs find nothing", arguments: [1, 2, 3, 4] as [UInt64])
    func random(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<250 {
            var bytes = (0..<Int(random.next() % 600)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            if bytes.count > 8, random.next() & 1 == 0 { bytes.replaceSubrange(5..<8, with: [0, 0, 0]) }
            bytes.withUnsafeBytes {
                fuzzBlockRequest($0)
                fuzzMMIORegisters($0)
                if bytes.count % 4 == 0 { fuzzDeviceQueues($0) }
            }
        }
    }
}
