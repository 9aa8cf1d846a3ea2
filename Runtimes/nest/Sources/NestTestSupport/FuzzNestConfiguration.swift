// SPDX-License-Identifier: Apache-2.0
public import NestResources

/// What fuzzed bytes came to as nest's configuration.
public enum FuzzedNestConfiguration: Equatable, Sendable {
    /// It is one.
    case accepted(NestConfiguration)
    /// It is none.
    case refused(ConfigurationError)

    /// Whether it is one, up to a value that a key does not take.
    public var isWhole: Bool {
        switch self {
        case .accepted, .refused(.badValue): true
        case .refused: false
        }
    }
}

/// Reads any bytes as `/etc/nest/config.toml`; no path in it is opened. A refusal that is no line aborts, and a configuration
/// that is another one when it is written and read again.
@discardableResult
public func fuzzNestConfiguration(_ bytes: UnsafeRawBufferPointer) -> FuzzedNestConfiguration {
    do throws(ConfigurationError) {
        let configuration = try NestConfiguration(parsing: Array(bytes), file: "config.toml")
        let text = configuration.text
        do throws(ConfigurationError) {
            let again = try NestConfiguration(parsing: Array(text.utf8), file: "config.toml")
            if again != configuration { finding("another configuration when it is read again: \(text)") }
        } catch { finding("\(error) in what was written: \(text)") }
        return .accepted(configuration)
    } catch {
        checkLine(error.description, byteLimit: 4096)
        return .refused(error)
    }
}
