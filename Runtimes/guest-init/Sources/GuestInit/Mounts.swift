// SPDX-License-Identifier: Apache-2.0
import CGuestInit

/// The file systems that the drivers and the search for console ports need.
func mountEarly() throws(InitError) {
    try mountFileSystem("devtmpfs", on: "/dev")
    try mountFileSystem("proc", on: "/proc")
    try mountFileSystem("sysfs", on: "/sys")
}

/// Makes the container's root: the image read-only below, memory above, and moves into it.
func makeRoot(_ plan: RunPlan) throws(InitError) {
    try waitFor(plan.root)
    try mountFileSystem("erofs", from: plan.root, on: "/lower", flags: UInt(MS_RDONLY))
    try mountFileSystem("tmpfs", on: "/upper", options: "mode=0755")
    mkdir("/upper/data", 0o755)
    mkdir("/upper/work", 0o755)
    // The merged root shows the mode of the upper directory: give it the image's.
    var status = stat()
    if stat("/lower", &status) == 0 {
        chmod("/upper/data", status.st_mode & 0o7777)
        chown("/upper/data", status.st_uid, status.st_gid)
    }
    try mountFileSystem(
        "overlay", on: "/root", options: "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work")
    try mountFileSystem("proc", on: "/root/proc", flags: UInt(MS_NOSUID | MS_NODEV | MS_NOEXEC))
    try mountFileSystem("sysfs", on: "/root/sys", flags: UInt(MS_NOSUID | MS_NODEV | MS_NOEXEC))
    try mountFileSystem("devtmpfs", on: "/root/dev", flags: UInt(MS_NOSUID))
    try mountFileSystem("devpts", on: "/root/dev/pts", options: "newinstance,ptmxmode=0666,mode=0620,gid=5")
    try mountFileSystem("tmpfs", on: "/root/dev/shm", flags: UInt(MS_NOSUID | MS_NODEV), options: "mode=1777")
    for (name, target) in [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, "/root/dev/\(name)")
    }
    try moveRoot(to: "/root")
}

/// Makes a mounted file system the root of this and every later process.
///
/// `pivot_root` fails in an initramfs, so the new root is moved over the old one and entered with `chroot`.
func moveRoot(to directory: String) throws(InitError) {
    if chdir(directory) < 0 { throw InitError("chdir \(directory)", errno) }
    if mount(".", "/", nil, UInt(MS_MOVE), nil) < 0 { throw InitError("move the root", errno) }
    if chroot(".") < 0 { throw InitError("chroot", errno) }
    if chdir("/") < 0 { throw InitError("chdir /", errno) }
}

/// Mounts one file system, making the directory first.
func mountFileSystem(
    _ type: String, from source: String? = nil, on target: String, flags: UInt = 0, options: String = ""
) throws(InitError) {
    mkdir(target, 0o755)
    if mount(source ?? type, target, type, flags, options) < 0 && errno != EBUSY {
        throw InitError("mount \(type) on \(target)", errno)
    }
}

/// Waits until a device node is there; drivers probe in their own time.
func waitFor(_ path: String) throws(InitError) {
    for _ in 0..<5000 {
        if access(path, F_OK) == 0 { return }
        usleep(1000)
    }
    throw InitError("\(path) did not appear within 5 s")
}
