// SPDX-License-Identifier: Apache-2.0

/// One mount of a container's root, as containerd's snapshotter describes it.
public struct RootMount: Equatable, Sendable {
    /// The file system's type; `bind` for a directory.
    public var type: String
    /// Device or directory.
    public var source: String
    /// Where in the root; empty for the root itself.
    public var target: String
    /// As mount(8) spells them.
    public var options: [String]

    /// Describes a mount.
    public init(type: String, source: String, target: String = "", options: [String] = []) {
        self.type = type
        self.source = source
        self.target = target
        self.options = options
    }
}

/// The directories whose union is a root, uppermost first.
struct RootLayers: Equatable {
    /// Read-only ones, and an upper one that has content.
    var directories: [String]
    /// Whether nobody changes them, so that an image of them can be kept.
    var areImmutable: Bool
    /// Options that tell the overlay how its marks are stored.
    var overlayOptions: [String] = []
}

extension RootLayers {
    /// The kernel's limit of lower layers in one overlay.
    static let limit = 500

    /// Finds the layers in what a snapshotter handed over.
    /// - Parameter directory: the root when there is no mount.
    init(_ mounts: [RootMount], directory: String) throws(RootImageError) {
        guard let mount = mounts.first else {
            self.init(directories: [directory], areImmutable: false)
            return
        }
        guard mounts.count == 1 else { throw .severalMounts(mounts.count) }
        guard mount.target.isEmpty || mount.target == "/" else { throw .unsupportedMount("at \(mount.target)") }
        switch mount.type {
        case "overlay": try self.init(overlay: mount)
        case "bind", "":
            guard mount.source.hasPrefix("/") else { throw .badMount("its source is no absolute path") }
            // containerd says "ro" for a committed layer; what is writable may be anything at any time.
            self.init(directories: [mount.source], areImmutable: mount.options.contains("ro"))
        default:
            // A device's content comes from images, and parsing a file system is the host kernel's largest surface.
            throw .unsupportedMount("of type \(mount.type) (\(mount.source))")
        }
    }

    private init(overlay mount: RootMount) throws(RootImageError) {
        var lower: [String] = []
        var upper: String?
        var marks: [String] = []
        for option in mount.options {
            if let value = option.value(of: "lowerdir") {
                lower = Self.split(value)
            } else if let value = option.value(of: "upperdir") {
                upper = Self.split(value).first
            } else if option == "userxattr" {
                marks.append(option)
            } else if option.hasPrefix("metacopy=") || option.hasPrefix("redirect_dir=") {
                // They change what the layers' attributes mean.
                marks.append(option)
            }
        }
        guard !lower.isEmpty else { throw .badMount("the overlay has no lowerdir") }
        var all = lower
        var isImmutable = true
        if let upper, try hasEntries(upper) {
            all.insert(upper, at: 0)
            isImmutable = false
        }
        guard all.allSatisfy({ $0.hasPrefix("/") }) else { throw .badMount("a layer is no absolute path") }
        guard all.count <= Self.limit else { throw .tooManyLayers(all.count, limit: Self.limit) }
        self.init(directories: all, areImmutable: isImmutable, overlayOptions: marks)
    }

    /// The overlay's own rule: ':' divides, '\' takes the next character as it is.
    static func split(_ list: String) -> [String] {
        var parts: [String] = []
        var part = String.UnicodeScalarView()
        var isEscaped = false
        for character in list.unicodeScalars {
            if isEscaped {
                part.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == ":" {
                if !part.isEmpty { parts.append(String(part)) }
                part.removeAll()
            } else {
                part.append(character)
            }
        }
        if !part.isEmpty { parts.append(String(part)) }
        return parts
    }
}

extension String {
    fileprivate func value(of name: String) -> String? {
        hasPrefix(name + "=") ? String(dropFirst(name.count + 1)) : nil
    }
}
