// SPDX-License-Identifier: Apache-2.0
// Made from Policy/*.json: make seccomp-filters

extension FilterPiece {
    /// All of them.
    package static let all: [FilterPiece] = [
        .base, .console, .drives, .drivesPatch, .entropy, .vcpu, .vmm, .vmmAPI, .api, .vsock,
    ]

    /// `base` of Policy/base.json.
    package static let base = FilterPiece(
        "base",
        [
            0x400000020, 0xc000003e49000015, 0x20, 0x3d00200035, 0x1100110035, 0xa00070035, 0x400010035, 0x344400035,
            0x943000035, 0x2000000020, 0x400410045, 0x2800000020, 0x203f3b0045, 0xd00030035, 0xb00390035, 0x2000000020,
            0x4373b0045, 0xe3a000035, 0x1035000035, 0x1800000020, 0x540200330015, 0x540136320015, 0x1c00070035,
            0x1900010035, 0x18332f0035, 0x1a00320035, 0x2800000020, 0x130000015, 0x2c00000020, 0x2e2a0015, 0x2700030035,
            0x1d002c0035, 0x2000000020, 0x42a260015, 0x2825000035, 0x3c28240035, 0xe400190035, 0xcb00140035,
            0xbb00010035, 0xba24200035, 0xca23000035, 0x1800000020, 0x7f1d010045, 0x1800000020, 0x7f00000054,
            0x1001a0015, 0x1800000020, 0x7f00000054, 0x900170015, 0x1800000020, 0x7f00000054, 0x600140015, 0x1800000020,
            0x7f00000054, 0x700110015, 0x1800000020, 0x7f00000054, 0x8120e0015, 0xcd00010035, 0xcc100c0035,
            0xdb0f000035, 0xdc0a0e0035, 0x10200070035, 0xe600010035, 0xe5070b0035, 0xe806000035, 0x10109000035,
            0x2000000020, 0x8000007000015, 0x5000d00000006, 0x13f00020035, 0x13e04000035, 0x7fff000000000006,
            0x4000000002000035, 0xffffffff00010035, 0x8000000000000006, 0x3000000000006,
        ])

    /// `console` of Policy/console.json.
    package static let console = FilterPiece(
        "console",
        [
            0x400000020, 0xc000003e0a000015, 0x20, 0x4000000001000035, 0xffffffff07000015, 0x20, 0x8000040015,
            0x7f00030015, 0x1400020015, 0x1300010015, 0x3000000000006, 0x7fff000000000006, 0x8000000000000006,
        ])

    /// `drives` of Policy/drives.json.
    package static let drives = FilterPiece(
        "drives",
        [
            0x400000020, 0xc000003e13000015, 0x20, 0x4000000001000035, 0xffffffff10000015, 0x20, 0x4b0a000025,
            0x128000c0015, 0x127000b0015, 0x11e000a0015, 0x11d08000015, 0x1c00000020, 0x54, 0x5000015, 0x1800000020,
            0x1100040015, 0x302030015, 0x4b00020015, 0x1200010015, 0x3000000000006, 0x7fff000000000006,
            0x8000000000000006,
        ])

    /// `drives_patch` of Policy/drives.json.
    package static let drivesPatch = FilterPiece(
        "drives_patch",
        [
            0x400000020, 0xc000003e1f000015, 0x20, 0x4000000001000035, 0xffffffff1c000015, 0x20, 0x10605000015,
            0x2c00000020, 0x54, 0x15000015, 0x2800000020, 0x100013140015, 0x10106000015, 0x2400000020, 0x54, 0xf000015,
            0x2000000020, 0x1024000000054, 0xc0d0015, 0x4805000015, 0x1c00000020, 0x54, 0x8000015, 0x1800000020,
            0x306070015, 0x805000015, 0x2400000020, 0x54, 0x2000015, 0x2000000020, 0x200010015, 0x3000000000006,
            0x7fff000000000006, 0x8000000000000006,
        ])

    /// `entropy` of Policy/entropy.json.
    package static let entropy = FilterPiece(
        "entropy",
        [
            0x400000020, 0xc000003e08000015, 0x20, 0x4000000001000035, 0xffffffff05000015, 0x20, 0x13e00020015,
            0x11e00010015, 0x3000000000006, 0x7fff000000000006, 0x8000000000000006,
        ])

    /// `vcpu` of Policy/threads.json.
    package static let vcpu = FilterPiece(
        "vcpu",
        [
            0x400000020, 0xc000003e14000015, 0x20, 0x4000000001000035, 0xffffffff11000015, 0x20, 0x1005000015,
            0x1c00000020, 0x54, 0xa000015, 0x1800000020, 0xae8008090015, 0xd05000015, 0x1400000020, 0x54, 0x4000015,
            0x1000000020, 0x1702030015, 0x100020015, 0x10015, 0x3000000000006, 0x7fff000000000006, 0x8000000000000006,
        ])

    /// `vmm` of Policy/threads.json.
    package static let vmm = FilterPiece(
        "vmm",
        [
            0x400000020, 0xc000003e12000015, 0x20, 0x4000000001000035, 0xffffffff0f000015, 0x20, 0x109000025,
            0xea05000015, 0x2400000020, 0x54, 0x7000015, 0x2000000020, 0x1705060015, 0xe900050015, 0xe800040015,
            0x702030015, 0x100020015, 0x10015, 0x3000000000006, 0x7fff000000000006, 0x8000000000000006,
        ])

    /// `vmm_api` of Policy/threads.json.
    package static let vmmAPI = FilterPiece(
        "vmm_api",
        [
            0x400000020, 0xc000003e07000015, 0x20, 0x4000000001000035, 0xffffffff04000015, 0x20, 0x5700010015,
            0x3000000000006, 0x7fff000000000006, 0x8000000000000006,
        ])

    /// `api` of Policy/threads.json.
    package static let api = FilterPiece(
        "api",
        [
            0x400000020, 0xc000003e1b000015, 0x20, 0x4000000001000035, 0xffffffff18000015, 0x20, 0x2c0c000025,
            0xe900140015, 0xe800130015, 0x4808000015, 0x1c00000020, 0x54, 0xe000015, 0x1800000020, 0x4000d0015,
            0x3000c0015, 0x2000b0015, 0x1090a0015, 0x3008090015, 0x2c04000015, 0x3400000020, 0x5000015, 0x3000000020,
            0x3040015, 0x2b00030015, 0x100020015, 0x10015, 0x3000000000006, 0x7fff000000000006, 0x8000000000000006,
        ])

    /// `vsock` of Policy/vsock.json.
    package static let vsock = FilterPiece(
        "vsock",
        [
            0x400000020, 0xc000003e2c000015, 0x20, 0x4000000001000035, 0xffffffff29000015, 0x20, 0x2d13000025,
            0x570e000025, 0x12000240015, 0x11e00230015, 0x11b05000015, 0x1400000020, 0x54, 0x1e000015, 0x1000000020,
            0x11c1d0015, 0x1061b000015, 0x2c00000020, 0x54, 0x18000015, 0x2800000020, 0x10016170015, 0x5700160015,
            0x3000150015, 0x2f00140015, 0x2e12130015, 0x2d00120015, 0x2c04000015, 0x3400000020, 0xe000015, 0x3000000020,
            0xc0d0015, 0x2a000c0015, 0x290a000015, 0x1400000020, 0x54, 0x7000015, 0x1000000020, 0x105000015,
            0x1c00000020, 0x54, 0x2000015, 0x1800000020, 0x8080100010015, 0x3000000000006, 0x7fff000000000006,
            0x8000000000000006,
        ])

    /// The system calls' names, in the order of their numbers.
    package static let systemCallNames: StaticString = """
        read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction
        rt_sigprocmask rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select sched_yield mremap
        msync mincore madvise shmget shmat shmctl dup dup2 pause nanosleep getitimer alarm setitimer getpid
        sendfile socket connect accept sendto recvfrom sendmsg recvmsg shutdown bind listen getsockname
        getpeername socketpair setsockopt getsockopt clone fork vfork execve exit wait4 kill uname semget
        semop semctl shmdt msgget msgsnd msgrcv msgctl fcntl flock fsync fdatasync truncate ftruncate
        getdents getcwd chdir fchdir rename mkdir rmdir creat link unlink symlink readlink chmod fchmod chown
        fchown lchown umask gettimeofday getrlimit getrusage sysinfo times ptrace getuid syslog getgid setuid
        setgid geteuid getegid setpgid getppid getpgrp setsid setreuid setregid getgroups setgroups setresuid
        getresuid setresgid getresgid getpgid setfsuid setfsgid getsid capget capset rt_sigpending
        rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack utime mknod uselib personality ustat statfs
        fstatfs sysfs getpriority setpriority sched_setparam sched_getparam sched_setscheduler
        sched_getscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval mlock munlock
        mlockall munlockall vhangup modify_ldt pivot_root _sysctl prctl arch_prctl adjtimex setrlimit chroot
        sync acct settimeofday mount umount2 swapon swapoff reboot sethostname setdomainname iopl ioperm
        create_module init_module delete_module get_kernel_syms query_module quotactl nfsservctl getpmsg
        putpmsg afs_syscall tuxcall security gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr
        fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr tkill time futex
        sched_setaffinity sched_getaffinity set_thread_area io_setup io_destroy io_getevents io_submit
        io_cancel get_thread_area lookup_dcookie epoll_create epoll_ctl_old epoll_wait_old remap_file_pages
        getdents64 set_tid_address restart_syscall semtimedop fadvise64 timer_create timer_settime
        timer_gettime timer_getoverrun timer_delete clock_settime clock_gettime clock_getres clock_nanosleep
        exit_group epoll_wait epoll_ctl tgkill utimes vserver mbind set_mempolicy get_mempolicy mq_open
        mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr kexec_load waitid add_key request_key
        keyctl ioprio_set ioprio_get inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat
        mkdirat mknodat fchownat futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat
        faccessat pselect6 ppoll unshare set_robust_list get_robust_list splice tee sync_file_range vmsplice
        move_pages utimensat epoll_pwait signalfd timerfd_create eventfd fallocate timerfd_settime
        timerfd_gettime accept4 signalfd4 eventfd2 epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev
        rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init fanotify_mark prlimit64 name_to_handle_at
        open_by_handle_at clock_adjtime syncfs sendmmsg setns getcpu process_vm_readv process_vm_writev kcmp
        finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create kexec_file_load bpf
        execveat userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc
        pkey_free statx io_pgetevents rseq uretprobe - - - - - - - - - - - - - - - - - - - - - - - - - - - -
        - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -
        - - - - - - - - - pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree
        move_mount fsopen fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd
        faccessat2 process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset
        landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv
        set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue
        statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat
        listxattrat removexattrat
        """
}
