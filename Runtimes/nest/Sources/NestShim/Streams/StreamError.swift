// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// Why a standard stream cannot be had.
enum StreamError: Error, Equatable, CustomStringConvertible {
    /// A URI without an absolute path.
    case badURI(String)
    /// A scheme that no shim of this version knows.
    case unknownScheme(String)
    /// A file or a program, which nothing can be read from.
    case notForInput(String)
    /// A program for the error output, where the output goes elsewhere.
    case loggerForOneOutput(String)
    /// A file.
    case open(String, Errno)
    /// The program that logs.
    case logger(String, Errno)
    /// The program that logs ended, or was not ready in time.
    case loggerNotReady(String)
    /// The guest's end.
    case guest(String)
    /// A thread or a pipe of the shim's own.
    case relay(Errno)

    /// One line.
    var description: String {
        switch self {
        case .badURI(let uri): "\(uri) names no absolute path for a standard stream"
        case .unknownScheme(let scheme): "\(scheme):// is no scheme for a standard stream (fifo, file or binary)"
        case .notForInput(let uri): "\(uri) cannot be a standard input, which is a FIFO"
        case .loggerForOneOutput(let uri): "\(uri) must take the standard output as well"
        case .open(let path, let errno): "cannot open \(path) for a standard stream: \(errno)"
        case .logger(let path, let errno): "cannot start the logger \(path): \(errno)"
        case .loggerNotReady(let path): "the logger \(path) did not become ready"
        case .guest(let reason): "cannot connect a standard stream to the guest: \(reason)"
        case .relay(let errno): "cannot relay a standard stream: \(errno)"
        }
    }
}
