// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// Why a tree cannot be written. `path` is the node's, as in `/cpus/cpu@0`.
public enum DeviceTreeError: Error, Equatable, Sendable {
    /// The root has a name, or another node has none, one over 31 characters, or one with characters that 2.2.1 does
    /// not allow.
    case nodeName(path: String)
    /// Two children of a node have one name.
    case duplicateNode(path: String)
    /// A property's name is empty, over 31 characters, or has characters that 2.2.4.1 does not allow.
    case propertyName(path: String, String)
    /// A node has two properties of one name.
    case duplicateProperty(path: String, String)
    /// A text has a NUL inside.
    case nulInString(path: String, String)
    /// A `phandle` is no single cell, or is 0 or 0xffffffff (2.3.3).
    case handle(path: String)
    /// Two nodes have one `phandle`.
    case duplicateHandle(path: String, UInt32)
    /// A node lies deeper than `DeviceTree.maximumDepth`.
    case tooDeep(path: String)
    /// A reservation has no bytes: in the blob, such a line is the list's end.
    case emptyReservation(GuestAddress)
    /// The blob would take more than so many bytes.
    case tooLarge(capacity: Int)
    /// libfdt refused, with its error number.
    case library(Int32)
}

extension DeviceTreeError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .nodeName(let path): "the device tree has a node with a bad name: \(path)"
        case .duplicateNode(let path): "the device tree has two nodes \(path)"
        case .propertyName(let path, let name): "\(path) in the device tree has a property with a bad name: '\(name)'"
        case .duplicateProperty(let path, let name): "\(path) in the device tree has two properties \(name)"
        case .nulInString(let path, let name): "\(name) of \(path) in the device tree has a NUL inside a text"
        case .handle(let path): "the phandle of \(path) in the device tree is no number from 1 to 4294967294"
        case .duplicateHandle(let path, let handle): "\(path) in the device tree has phandle \(handle) of another node"
        case .tooDeep(let path): "\(path) is deeper in the device tree than \(DeviceTree.maximumDepth) nodes"
        case .emptyReservation(let address): "the device tree reserves no byte at \(address)"
        case .tooLarge(let capacity): "the device tree does not fit in \(capacity) bytes"
        case .library(let code): "libfdt cannot write the device tree: error \(code)"
        }
    }
}
