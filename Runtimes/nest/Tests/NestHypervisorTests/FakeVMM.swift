// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestResources

/// A static program that takes the VMM's place: it tells what it sees, and does on its socket what the VMM's `vsock` does.
/// Made once a run with the C compiler that building this repository needs anyway.
enum FakeVMM {
    static let path: String? = {
        let folder = temporaryDirectory("fake-vmm")
        let (source, program) = (folder + "/vmm.c", folder + "/vmm")
        guard write(Self.source, to: source) else { return nil }
        return run(["/usr/bin/cc", "-static", "-O1", "-o", program, source]) == 0 ? program : nil
    }()

    static func temporaryDirectory(_ name: String) -> String {
        var template = Array("/var/tmp/nest-\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return "/nonexistent" }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        chmod(path, 0o755)
        return path
    }

    @discardableResult
    static func write(_ text: String, to path: String) -> Bool {
        guard let file = fopen(path, "w") else { return false }
        defer { fclose(file) }
        return fputs(text, file) >= 0
    }

    static func run(_ arguments: [String]) -> Int32 {
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var child: pid_t = 0
        guard posix_spawnp(&child, arguments[0], nil, nil, &pointers, environ) == 0 else { return -1 }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        return (status >> 8) & 0xFF
    }

    /// What it does is the first word of the kernel command line, which it finds in its configuration.
    private static let source = #"""
        #include <dirent.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/socket.h>
        #include <sys/stat.h>
        #include <sys/un.h>
        #include <unistd.h>

        static char config[65536];
        static int does(const char *what) { return strstr(config, what) != NULL; }

        static int listen_at(const char *path) {
            struct sockaddr_un address = {.sun_family = AF_UNIX};
            strcpy(address.sun_path, path);
            int number = socket(AF_UNIX, SOCK_STREAM, 0);
            if (bind(number, (struct sockaddr *)&address, sizeof address) < 0 || listen(number, 8) < 0) {
                perror("bind");
                exit(3);
            }
            return number;
        }

        static void list(const char *path) {
            DIR *directory = opendir(path);
            if (!directory) { printf("list %s: %s\n", path, strerror(errno)); return; }
            for (struct dirent *entry; (entry = readdir(directory));)
                if (entry->d_name[0] != '.') printf("entry %s/%s\n", path, entry->d_name);
            closedir(directory);
        }

        static void attempt(const char *what, int result) {
            printf("attempt %s: %s\n", what, result < 0 ? strerror(errno) : "done");
        }

        int main(int count, char **arguments) {
            setvbuf(stdout, NULL, _IOLBF, 0);
            int file = open("/config.json", O_RDONLY);
            if (file < 0 || read(file, config, sizeof config - 1) < 0) return 2;
            close(file);
            for (int index = 0; index < count; index++) printf("argument %s\n", arguments[index]);
            printf("pid %d uid %d gid %d\n", getpid(), getuid(), getgid());
            if (does("mode=end")) { fprintf(stderr, "swiftlet: no such kernel\n"); return 7; }
            if (does("mode=flood")) for (int index = 0; index < 200000; index++) puts("flood");
            if (does("mode=look")) {
                list("/"); list("/dev"); list("/run"); list("/drives");
                attempt("root file", open("/new", O_CREAT | O_WRONLY, 0600));
                attempt("kvm", open("/dev/kvm", O_RDWR));
                attempt("chroot", chroot("/run"));
                attempt("setuid", setuid(0));
                attempt("write drive 0", open("/drives/0", O_RDWR));
                attempt("write drive 1", open("/drives/1", O_RDWR));
                attempt("proc", open("/proc/self/status", O_RDONLY));
            }
            if (does("mode=link")) {
                attempt("link", symlink("/run/docker.sock", "/run/vsock.sock"));
                pause();
            }
            if (does("mode=file")) {
                attempt("file", open("/run/vsock.sock", O_CREAT | O_WRONLY, 0666));
                pause();
            }
            if (does("mode=silent")) pause();
            int listener = listen_at("/run/vsock.sock");
            if (does("mode=ready") && fork() == 0) {
                usleep(300000);
                struct sockaddr_un host = {.sun_family = AF_UNIX, .sun_path = "/run/vsock.sock_1026"};
                attempt("ready", connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&host, sizeof host));
                _exit(0);
            }
            int refused = does("mode=late") ? 5 : 0;
            for (;;) {
                int peer = accept(listener, NULL, NULL);
                char line[64];
                ssize_t length = read(peer, line, sizeof line - 1);
                if (length <= 0) { close(peer); continue; }
                line[length] = 0;
                int port = atoi(line + 8);
                if (port == 1024 && refused-- > 0) { close(peer); continue; }
                if (port == 9) { close(peer); continue; }
                if (port == 10) { write(peer, "OK 1\nhello", 10); continue; }
                if (port == 11) { write(peer, "OK 1111111111111111111111111111111111", 37); continue; }
                if (port == 12) { write(peer, "NO\n", 3); continue; }
                if (port == 13) continue;
                if (port == 14) return 9;
                write(peer, "OK 1073741824\n", 14);
            }
        }
        """#
}
