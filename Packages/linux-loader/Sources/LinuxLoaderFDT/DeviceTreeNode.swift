// SPDX-License-Identifier: Apache-2.0

/// One node: a device, a bus, or a group of settings.
public struct DeviceTreeNode: Equatable, Sendable {
    /// `name` or `name@unit-address`, the address in lower-case hexadecimal without `0x` (Devicetree Specification 0.4,
    /// 2.2.1). Empty for the root alone.
    public var name: String
    /// In the order in which they are written.
    public var properties: [DeviceTreeProperty]
    /// In the order in which they are written.
    public var children: [DeviceTreeNode]

    /// A node; names are checked when the blob is made.
    public init(
        _ name: String, _ properties: KeyValuePairs<String, DeviceTreeValue> = [:], children: [DeviceTreeNode] = []
    ) {
        self.name = name
        self.properties = properties.map { DeviceTreeProperty(name: $0.key, value: $0.value) }
        self.children = children
    }

    /// The value of the first property of that name. Setting one replaces it or appends it; nil takes it away.
    public subscript(_ name: String) -> DeviceTreeValue? {
        get { properties.first { $0.name == name }?.value }
        set {
            guard let newValue else { return properties.removeAll { $0.name == name } }
            let property = DeviceTreeProperty(name: name, value: newValue)
            if let index = properties.firstIndex(where: { $0.name == name }) {
                properties[index] = property
            } else {
                properties.append(property)
            }
        }
    }
}

/// A name and its value.
public struct DeviceTreeProperty: Equatable, Sendable {
    /// 1 to 31 characters (2.2.4.1).
    public let name: String
    /// What it says.
    public let value: DeviceTreeValue

    /// A property; its name is checked when the blob is made.
    public init(name: String, value: DeviceTreeValue) {
        self.name = name
        self.value = value
    }
}
