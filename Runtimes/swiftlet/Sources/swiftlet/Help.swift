// SPDX-License-Identifier: Apache-2.0

/// What `--help` prints.
enum Help {
    static let text = """
        swiftlet: runs a kernel, or a command in an image, in a microVM of its own

        usage: swiftlet run --kernel FILE [OPTION...] [-- COMMAND ARG...]
          --kernel FILE       bzImage, or ELF with a PVH note or a 64-bit entry
          --initrd FILE       initial RAM file system
          --cmdline TEXT      kernel arguments, behind swiftlet's own
          --memory SIZE       guest memory, such as 512M or 2G (256M)
          --cpus N            virtual CPUs (1)
          --drive FILE[,ro]   a raw image as a disk: /dev/vda, /dev/vdb, ...
          --packed-rings      the guest's drivers may choose packed rings (virtio 1.2, 2.8) for all devices;
                              Linux does, and what it then does with a disk or socket is the same
          --rootfs DIR        the directory (or an EROFS image) becomes the root in which COMMAND runs:
                              read-only as /dev/vda, writable above in the guest's memory
          --console FILE      where the serial console goes (standard output without COMMAND)
          --result FILE       why the machine ended, as JSON
          --seccomp-filter FILE
                              filters of system calls instead of swiftlet's own, as seccompiler writes them,
                              named vmm, vcpu and api
          --no-seccomp        no filters

        usage: swiftlet [--api-sock PATH] [OPTION...]
          is configured and started by HTTP requests on a Unix socket, as Firecracker is (docs/swiftlet-api.md);
          the serial console is standard input and output
          --api-sock PATH     the socket, which must not exist (/run/swiftlet.socket)
          --id NAME           what GET / tells: up to 64 letters, digits and '-' (anonymous-instance)
          --config-file FILE  configures and starts at once, in the shape that GET /vm/config has
          --no-api            no socket; needs --config-file
          --http-api-max-payload-size N
                              the longest body of a request, bytes (51200)
          --packed-rings, --seccomp-filter FILE, --no-seccomp
                              as above; Firecracker has no packed rings

        usage: swiftlet initramfs --init FILE --modules DIR --output FILE
          makes the initrd that --rootfs needs, from our init and a kernel package's modules

        Exit status: with COMMAND its own, 128+n if signal n ended it, 127 if it is not there, 126 if it
        cannot be executed. Without COMMAND 0 after poweroff, 3 after a reboot, 4 after a panic or a triple
        fault, 128+n if signal n ended swiftlet. 125 if swiftlet or the guest failed; standard error tells
        which. 148 if a thread made a system call that its filter refuses. Without a verb also 152 for a bad
        configuration file or filter file and 153 for bad arguments.

        Example:
          swiftlet run --kernel vmlinuz --initrd initramfs --rootfs ./debian -- /bin/uname -a

        """
}
