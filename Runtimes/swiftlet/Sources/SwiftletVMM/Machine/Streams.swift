// SPDX-License-Identifier: Apache-2.0
public import VirtioDevices

/// The host's ends of the guest's serial console.
public struct ConsoleStreams: ~Copyable {
    /// What the guest receives; nil for nothing.
    public var input: HostDescriptor?
    /// Where what it says goes; nil to keep only the last of it, for a report.
    public var output: HostDescriptor?

    /// Names the two ends.
    public init(input: consuming HostDescriptor?, output: consuming HostDescriptor?) {
        self.input = input
        self.output = output
    }

    var hasOutput: Bool {
        switch output {
        case .some: true
        case .none: false
        }
    }
}

/// The host's ends of a command's standard streams.
public struct CommandStreams: ~Copyable {
    var input: HostDescriptor
    var output: HostDescriptor
    var error: HostDescriptor

    /// Names the three ends.
    public init(
        input: consuming HostDescriptor, output: consuming HostDescriptor, error: consuming HostDescriptor
    ) {
        self.input = input
        self.output = output
        self.error = error
    }
}
