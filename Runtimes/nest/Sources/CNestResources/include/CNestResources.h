// SPDX-License-Identifier: Apache-2.0
// System calls that `import Glibc` does not offer, or whose flags it does not import. All return -1 with errno set.
#ifndef CNESTRESOURCES_H
#define CNESTRESOURCES_H

#include <stdint.h>

// What tells one directory from every other that ever had its number.
struct nest_identity {
    uint32_t device_major, device_minor;
    uint64_t inode;
    int64_t birth_seconds;
    uint32_t birth_nanoseconds;
    uint32_t has_birth; // 0: the file system keeps no birth time, and the time of the last change stands there
    uint64_t size;
    int64_t modified_seconds;
    uint32_t modified_nanoseconds;
};
int nest_identify(const char *path, struct nest_identity *identity);

// Gives the calling thread, and only it, a mount namespace of its own whose mounts nobody else sees.
int nest_private_mounts(void);
int nest_mount_tmpfs(const char *target);
int nest_mount_bind_read_only(const char *source, const char *target);
int nest_mount_overlay_read_only(const char *target, const char *options);

// Makes `to` a copy of `from`: a shared one where the file system can, else with the holes left out.
int nest_copy_sparse(int from, int to);

// Whether a cgroup2 hierarchy is mounted there.
int nest_is_cgroup2(const char *path);

struct nest_tool {
    char *const *arguments; // the first is an absolute path
    int output;             // standard output and error
    uint64_t file_bytes;    // the most that it may write into a file
};
// Starts a helper program that dies with the calling thread. Returns its pidfd; `pid` is for waiting.
int nest_tool_start(const struct nest_tool *tool, int *pid);

#endif
