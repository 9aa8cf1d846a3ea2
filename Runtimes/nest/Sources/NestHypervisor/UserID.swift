// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestResources
internal import VMMSysUtil

/// A user id that no other VMM of the host has, while this value lives.
///
/// A lock on a file named by the number, as shims know nothing of each other. It goes with the process, however that ends,
/// and its VMM with it.
struct UserID: ~Copyable {
    let number: UInt32
    private let lock: FileDescriptor
    private let path: String

    /// Takes a free one.
    static func allocate(_ configuration: NestConfiguration) throws(HypervisorError) -> UserID {
        let directory = configuration.stateDirectory + "/users"
        guard mkdir(configuration.stateDirectory, 0o700) == 0 || Glibc.errno == EEXIST,
            mkdir(directory, 0o700) == 0 || Glibc.errno == EEXIST
        else { throw .file(operation: "make", path: directory, .last) }
        // Each process begins elsewhere, so that many pods do not all try the same ones first.
        let count = max(1, configuration.vmUserIDCount)
        let start = Int(getpid()) % count
        for step in 0..<count {
            let number = configuration.vmUserIDBase + (start + step) % count
            guard let id = UInt32(exactly: number) else { continue }
            if let user = try attempt(id, path: "\(directory)/\(id)") { return user }
        }
        throw .noUser(count: count)
    }

    fileprivate static func attempt(_ number: UInt32, path: String) throws(HypervisorError) -> UserID? {
        do throws(Errno) {
            let file = try FileDescriptor.open(path, [.readWrite, .create, .noFollow])
            do throws(Errno) { try retryOnInterrupt { flock(file.rawValue, LOCK_EX | LOCK_NB) } } catch {
                if error == .wouldBlock { return nil }
                throw error
            }
            // Between open and lock its owner may have removed it, and another made it anew.
            var (open, named) = (stat(), stat())
            guard fstat(file.rawValue, &open) == 0, lstat(path, &named) == 0, open.st_ino == named.st_ino else {
                return nil
            }
            return UserID(number: number, lock: file, path: path)
        } catch {
            throw .file(operation: "lock", path: path, error)
        }
    }

    deinit { unlink(path) }
}

extension VirtualMachine {
    /// Removes the lock files of users whose shims were killed. What a living VMM holds stays.
    ///
    /// - Parameter stateDirectory: as in the configuration.
    public static func removeAbandonedUsers(stateDirectory: String) {
        let directory = stateDirectory + "/users"
        for name in Directory.names(in: directory) {
            // Taking it and letting it go removes it.
            if let number = UInt32(name) { _ = try? UserID.attempt(number, path: "\(directory)/\(name)") }
        }
    }
}
