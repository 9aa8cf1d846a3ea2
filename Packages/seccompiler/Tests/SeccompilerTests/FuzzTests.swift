// SPDX-License-Identifier: Apache-2.0
import Glibc
import Seccompiler
import SeccompilerTestSupport
import Testing
import VMMSysUtil

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

    @Test("every policy of the corpus is taken or refused as its name says")
    func policies() throws {
        let files = try corpus("policy")
        #expect(files.count >= 8)
        for file in files {
            let result = file.bytes.withUnsafeBytes { fuzzPolicy($0) }
            if case .refused(let error) = result {
                #expect(file.name.hasPrefix("refused-"), "\(file.name): \(error)")
            } else {
                #expect(file.name.hasPrefix("ok-"), "\(file.name)")
            }
        }
    }

    @Test("every program of the corpus is taken or refused as its name says")
    func programs() throws {
        let files = try corpus("bpf")
        #expect(files.count >= 5)
        for file in files {
            let result = file.bytes.withUnsafeBytes { fuzzBPF($0) }
            if case .refused(let error) = result {
                #expect(file.name.hasPrefix("refused-"), "\(file.name): \(error)")
            } else {
                #expect(file.name.hasPrefix("ok-"), "\(file.name)")
            }
        }
    }

    @Test("changed seeds find nothing", arguments: 1...3 as ClosedRange<UInt64>)
    func changed(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for (name, count) in [("policy", 4), ("bpf", 60)] {
            for file in try corpus(name) {
                for _ in 0..<count {
                    var bytes = file.bytes
                    for _ in 0...Int(random.next() % 3) where !bytes.isEmpty {
                        let index = Int(random.next() % UInt64(bytes.count))
                        switch random.next() % 3 {
                        case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                        case 1: bytes.remove(at: index)
                        default: bytes.insert(bytes[Int(random.next() % UInt64(bytes.count))], at: index)
                        }
                    }
                    bytes.withUnsafeBytes { bytes in
                        if name == "policy" { fuzzPolicy(bytes) } else { fuzzBPF(bytes) }
                    }
                }
            }
        }
    }
}
