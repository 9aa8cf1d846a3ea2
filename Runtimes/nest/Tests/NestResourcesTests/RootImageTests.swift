// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestResources
import Synchronization
import Testing
import VMMSysUtil

/// A folder with layers and a cache, on a disk: tmpfs has no `user.*` attributes.
final class LayerFixture: Sendable {
    let directory: String
    let configuration: NestConfiguration

    init(_ change: (inout NestConfiguration) -> Void = { _ in }) {
        var template = Array("/var/tmp/nest-layers-XXXXXX".utf8CString)
        _ = mkdtemp(&template)
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var configuration = NestConfiguration()
        configuration.imageCacheDirectory = directory + "/cache/images"
        configuration.scratchDirectory = directory + "/cache/scratch"
        configuration.stateDirectory = directory + "/state"
        change(&configuration)
        self.configuration = configuration
    }

    deinit { shell("rm -rf \(directory)") }

    var images: RootImages { RootImages(configuration) }

    /// Runs a script in the folder.
    @discardableResult
    func shell(_ script: String) -> String {
        guard let pipe = popen("cd \(directory) && { \(script)\n} 2>&1", "r") else { return "" }
        defer { pclose(pipe) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, pipe)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    func overlay(_ layers: [String], upper: String? = nil) -> [RootMount] {
        var options = ["lowerdir=" + layers.map { "\(directory)/\($0)" }.joined(separator: ":"), "index=off"]
        if let upper { options += ["upperdir=\(directory)/\(upper)", "workdir=\(directory)/work"] }
        return [RootMount(type: "overlay", source: "overlay", options: options)]
    }

    func image(_ mounts: [RootMount], directory: String = "") throws(RootImageError) -> RootImage {
        try images.image(for: mounts, directory: directory.isEmpty ? self.directory + "/plain" : directory)
    }

    func error(_ mounts: [RootMount], directory: String = "") -> RootImageError? {
        do throws(RootImageError) {
            _ = try image(mounts, directory: directory)
            return nil
        } catch { return error }
    }

    /// What fsck.erofs takes out of an image, as a listing.
    func listing(_ image: RootImage, _ script: String = "find . -mindepth 1 -printf '%p %y %s %U:%G %m %l\\n' | sort")
        -> String
    {
        shell("rm -rf out && fsck.erofs --extract=out \(image.path) >/dev/null && cd out && \(script)")
    }
}

let canBuild = getuid() == 0 && access("/usr/bin/mkfs.erofs", X_OK) == 0

@Suite("Root images", .enabled(if: canBuild, "needs root and mkfs.erofs (Debian: erofs-utils)"))
struct RootImageTests {
    @Test("an image is the union of its layers: whiteouts, opaque directories, links, owners, devices, attributes")
    func union() throws {
        let fixture = LayerFixture()
        fixture.shell(
            """
            mkdir -p 1/a/b 1/gone 2 3/a work up merged
            echo one > 1/a/file; echo kept > 1/a/b/kept; echo x > 1/gone/x; echo hidden > 1/a/hidden
            # The kernel itself leaves the marks in layer 2.
            unshare -m sh -c 'mount -t overlay o -o lowerdir=1,upperdir=2,workdir=work merged &&
                rm -r merged/gone merged/a/hidden && mkdir merged/gone && echo y > merged/gone/y'
            echo linked > 3/link1; ln 3/link1 3/link2; ln -s /etc/x 3/symbolic
            mknod 3/device c 5 1; mkfifo 3/fifo; chown 123456:654321 3/link1; chmod 4755 3/link1
            """)
        fixture.shell("python3 -c 'import os; os.setxattr(\"3/link1\", \"user.note\", b\"value\")'")
        let before = contents("/proc/self/mountinfo")
        let image = try fixture.image(fixture.overlay(["3", "2", "1"], upper: "up"))
        #expect(contents("/proc/self/mountinfo") == before)
        #expect(image.isShared && image.buildMilliseconds != nil)
        let listing = fixture.listing(image, "find . -mindepth 1 -printf '%p %y %U:%G %m\\n' | sort")
        #expect(
            listing == """
                ./a d 0:0 755
                ./a/b d 0:0 755
                ./a/b/kept f 0:0 644
                ./a/file f 0:0 644
                ./device c 0:0 644
                ./fifo p 0:0 644
                ./gone d 0:0 755
                ./gone/y f 0:0 644
                ./link1 f 123456:654321 755
                ./link2 f 123456:654321 755
                ./symbolic l 0:0 777

                """)
        let dump = fixture.shell("dump.erofs --path=/link1 \(image.path)")
        #expect(dump.contains("Links: 2") && dump.contains("Xattr size: ") && !dump.contains("Xattr size: 0"))
        // Both tools hide the set-user-id bit: the mode as the inode has it (EROFS superblock: meta_blkaddr at 40).
        let mode = fixture.shell(
            """
            nid=$(dump.erofs --path=/link1 \(image.path) | sed -n 's/^NID: \\([0-9]*\\).*/\\1/p')
            meta=$(od -An -tu4 -j1064 -N4 \(image.path))
            od -An -to2 -j$((meta * 4096 + nid * 32 + 4)) -N2 \(image.path)
            """)
        #expect(mode == " 104755\n")
        #expect(fixture.shell("stat -c %a \(image.path)") == "444\n")
    }

    @Test("the same layers are built once; other layers, their order, or an upper layer with content are not the same")
    func cache() throws {
        let fixture = LayerFixture()
        fixture.shell("mkdir 1 2 up; echo 1 > 1/f; echo 2 > 2/f")
        let first = try fixture.image(fixture.overlay(["2", "1"], upper: "up"))
        let again = try fixture.image(fixture.overlay(["2", "1"]))
        #expect(again.path == first.path && again.buildMilliseconds == nil)
        let turned = try fixture.image(fixture.overlay(["1", "2"]))
        #expect(turned.path != first.path)
        fixture.shell("echo changed > up/f")
        let written = try fixture.image(fixture.overlay(["2", "1"], upper: "up"))
        #expect(!written.isShared && fixture.listing(written, "cat f") == "changed\n")
        written.release()
        #expect(access(written.path, F_OK) != 0)
        first.release()
        #expect(access(first.path, F_OK) == 0)
    }

    @Test("a store that was wiped and filled anew under the same numbers gives the new content")
    func wiped() throws {
        let fixture = LayerFixture()
        var paths: Set<String> = []
        for round in 0..<4 {
            fixture.shell("rm -rf store; mkdir -p store/1/fs store/2/fs; echo \(round) > store/2/fs/f")
            let image = try fixture.image(fixture.overlay(["store/2/fs", "store/1/fs"]))
            #expect(fixture.listing(image, "cat f") == "\(round)\n")
            paths.insert(image.path)
        }
        #expect(paths.count == 4)
    }

    @Test("a hundred layers with long names are put together")
    func manyLayers() throws {
        let fixture = LayerFixture()
        let name = String(repeating: "n", count: 100)
        fixture.shell(
            "for i in $(seq 1 100); do mkdir -p \(name)/$i; echo $i > \(name)/$i/f; echo $i > \(name)/$i/only$i; done")
        let image = try fixture.image(fixture.overlay((1...100).reversed().map { "\(name)/\($0)" }))
        #expect(fixture.listing(image, "cat f; ls | wc -l") == "100\n101\n")
        #expect(fixture.error(fixture.overlay((1...501).map { "\($0)" })) == .tooManyLayers(501, limit: 500))
    }

    @Test("a directory and a writable bind are built for one container alone; a read-only bind is kept")
    func directories() throws {
        let fixture = LayerFixture()
        fixture.shell("mkdir plain; echo p > plain/f")
        let plain = try fixture.image([])
        #expect(!plain.isShared && fixture.listing(plain, "cat f") == "p\n")
        let source = fixture.directory + "/plain"
        let writable = try fixture.image([RootMount(type: "bind", source: source, options: ["rbind", "rw"])])
        #expect(!writable.isShared)
        let readOnly = try fixture.image([RootMount(type: "bind", source: source, options: ["rbind", "ro"])])
        #expect(readOnly.isShared)
    }

    @Test("what is not supported is refused by name")
    func refused() {
        let fixture = LayerFixture()
        #expect(
            fixture.error([RootMount(type: "ext4", source: "/dev/dm-1")])
                == .unsupportedMount("of type ext4 (/dev/dm-1)"))
        let bind = RootMount(type: "bind", source: "/")
        #expect(fixture.error([bind, bind]) == .severalMounts(2))
        #expect(fixture.error([RootMount(type: "bind", source: "/", target: "/x")]) == .unsupportedMount("at /x"))
        #expect(
            fixture.error([RootMount(type: "overlay", source: "overlay")]) == .badMount("the overlay has no lowerdir"))
        #expect(
            fixture.error([RootMount(type: "overlay", source: "", options: ["lowerdir=../a:b"])])
                == .badMount("a layer is no absolute path"))
        let missing = fixture.directory + "/nothing"
        #expect(fixture.error([], directory: missing) == .mount(missing, .noSuchFile))
    }

    @Test("limits on bytes, files and time end a build, and leave nothing")
    func limits() {
        let small = LayerFixture { $0.imageBuildMiB = 1 }
        small.shell("mkdir plain; truncate -s 2M plain/hole")
        #expect(small.error([]) == .tooManyBytes(limitMiB: 1))
        let few = LayerFixture { $0.imageBuildFiles = 10 }
        few.shell("mkdir plain; cd plain; for i in $(seq 11); do touch $i; done")
        #expect(few.error([]) == .tooManyFiles(limit: 10))
        let slow = LayerFixture { $0.imageBuildSeconds = 1 }
        slow.shell("mkdir plain; truncate -s 12G plain/hole")
        #expect(slow.error([]) == .tooSlow(limitSeconds: 1))
        for fixture in [small, few, slow] { #expect(fixture.shell("ls cache/images") == "") }
    }

    @Test("hard links count once")
    func hardLinks() throws {
        let fixture = LayerFixture { $0.imageBuildMiB = 1 }
        fixture.shell(
            "mkdir plain; head -c 700000 /dev/urandom > plain/a; for i in 1 2 3 4; do ln plain/a plain/b$i; done")
        #expect(try fixture.image([]).isShared == false)
    }

    @Test("a tree of hostile names and depth is built or refused, and the cache stays clean")
    func hostile() throws {
        let fixture = LayerFixture()
        fixture.shell(
            """
            mkdir plain; cd plain; touch -- '--help' '-o' 'a b' "$(printf 'n\\nl')" "$(printf '\\377')" '*' '$(id)'
            ln -s /etc/passwd out; ln -s loop loop; ln -s ../../../../etc up
            mkdir "$(printf 'n%.0s' $(seq 254))"
            """)
        let image = try fixture.image([])
        #expect(
            fixture.listing(image, "ls | wc -l; readlink out up loop") == "12\n/etc/passwd\n../../../../etc\nloop\n")
        fixture.shell("touch plain/$(printf 'n%.0s' $(seq 255))")
        #expect(fixture.error([]) == .longName)
        fixture.shell("rm plain/nn*; cd plain; for i in $(seq 1100); do mkdir d; cd d || exit; done")
        #expect(fixture.error([]) != nil)
        image.release()
        #expect(fixture.shell("ls cache/images") == "")
    }

    @Test("the least recently used images go when there is no room, those in use stay")
    func eviction() throws {
        let fixture = LayerFixture { $0.imageCacheMiB = 16 }
        fixture.shell("for i in 1 2 3 4; do mkdir $i; head -c 6000000 /dev/urandom > $i/f; done")
        func mount(_ name: String) -> [RootMount] {
            [RootMount(type: "bind", source: "\(fixture.directory)/\(name)", options: ["ro"])]
        }
        let one = try fixture.image(mount("1"))
        let two = try fixture.image(mount("2"))
        two.release()
        let three = try fixture.image(mount("3"))
        #expect(access(one.path, F_OK) == 0, "in use")
        #expect(access(two.path, F_OK) != 0, "not in use")
        three.release()
        let four = try fixture.image(mount("4"))
        #expect(access(three.path, F_OK) != 0)
        #expect(access(four.path, F_OK) == 0)
    }

    @Test("a full disk is cured by removing images that nobody uses, or told in one line with nothing left behind")
    func fullDisk() throws {
        let fixture = LayerFixture()
        fixture.shell("mkdir -p cache/images 1 2 3; mount -t tmpfs -o size=3m small cache/images")
        defer { fixture.shell("umount -l cache/images") }
        fixture.shell(
            "for i in 1 2; do head -c 2000000 /dev/urandom > $i/f; done; head -c 5000000 /dev/urandom > 3/f")
        func mount(_ name: String) -> [RootMount] {
            [RootMount(type: "bind", source: "\(fixture.directory)/\(name)", options: ["ro"])]
        }
        try fixture.image(mount("1")).release()
        let second = try fixture.image(mount("2"))
        #expect(fixture.shell("ls cache/images/*.erofs | wc -l") == "1\n")
        #expect(fixture.error(mount("3")) == .noSpace(directory: fixture.directory + "/cache/images"))
        #expect(fixture.shell("ls cache/images | grep -c partial") == "0\n")
        #expect(access(second.path, F_OK) == 0)
    }

    @Test("two who want the same image at once build it once")
    func concurrent() throws {
        let fixture = LayerFixture()
        fixture.shell("mkdir 1; head -c 20000000 /dev/urandom > 1/f")
        let mounts = [RootMount(type: "bind", source: fixture.directory + "/1", options: ["ro"])]
        let built = Counter()
        let body: @Sendable () -> Void = {
            if let image = try? fixture.image(mounts), image.buildMilliseconds != nil {
                built.counter.withLock { $0 += 1 }
            }
        }
        let first = try Thread(name: "one", body)
        let second = try Thread(name: "two", body)
        try first.join()
        try second.join()
        #expect(built.counter.withLock { $0 } == 1)
    }

    @Test("what a killed build left is removed by the next one")
    func leftovers() throws {
        let fixture = LayerFixture()
        fixture.shell(
            "mkdir -p plain cache/images; echo x > cache/images/partial-abcdef; touch -d '1 hour ago' cache/images/partial-abcdef"
        )
        let image = try fixture.image([])
        #expect(fixture.shell("ls cache/images | grep -c partial") == "0\n")
        image.release()
    }
}

private final class Counter: Sendable {
    let counter = Mutex(0)
}

func contents(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}
