// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Directories by their paths.
public enum Directory {
    /// Makes a directory and those missing above it; one that exists is left as it is.
    /// - Parameters:
    ///   - path: absolute, or from the working directory.
    ///   - mode: the permissions of each that is made, before the umask.
    /// - Returns: those that were missing, the highest first.
    @discardableResult
    public static func make(_ path: String, mode: UInt32) throws(Errno) -> [String] {
        guard !path.utf8.contains(0) else { throw .invalidArgument }
        var made: [String] = []
        var current = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            current += "/" + part
            if mkdir(current, mode) == 0 {
                made.append(current)
            } else {
                let error = Errno.last
                // A read-only or foreign parent answers so even where the directory exists.
                var status = stat()
                guard stat(current, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { throw error }
            }
        }
        return made
    }

    /// The names in it, without the two dots, in no order; none if it cannot be read.
    public static func names(in path: String) -> [String] {
        guard !path.utf8.contains(0), let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a file, or a directory with what is in it. Never follows a link, never leaves the file system it starts on, and
    /// leaves what is more than 64 deep. What cannot be removed stays, without an error.
    public static func removeTree(_ path: String) {
        var status = stat()
        guard !path.utf8.contains(0), lstat(path, &status) == 0 else { return }
        removeTree(path, device: status.st_dev, depth: 0)
    }

    private static func removeTree(_ path: String, device: dev_t, depth: Int) {
        var status = stat()
        guard depth < 64, lstat(path, &status) == 0, status.st_dev == device else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            unlink(path)
            return
        }
        for name in names(in: path) { removeTree("\(path)/\(name)", device: device, depth: depth + 1) }
        rmdir(path)
    }
}
