// SPDX-License-Identifier: Apache-2.0
// Starts a program in a jail. One function from clone to exec, in C: between the two only system calls may run, because
// other threads of the caller may hold any lock of the C library or of Swift's runtime.
#ifndef CNESTJAIL_H
#define CNESTJAIL_H

#include <stddef.h>
#include <stdint.h>

// A file of the host that the jail shows.
struct nest_jail_file {
    const char *source; // on the host
    const char *target; // in the jail, without a leading '/'
    int is_writable;
};

struct nest_jail {
    const char *root;             // an empty directory of the host, where the jail's root is mounted; nobody else sees it
    uint32_t user;                // user and group id
    const char *const *directories; // to make in the root, parents first; NULL ends them
    const struct nest_jail_file *files;
    size_t file_count;
    const char *config;           // what /config.json holds
    size_t config_length;
    const char *const *cgroups;   // files to write "0" to; NULL ends them
    int program;                  // open on a static executable
    char *const *arguments;
    int input, output, error;     // standard streams
    uint64_t file_bytes;          // RLIMIT_FSIZE
    uint32_t descriptors;         // RLIMIT_NOFILE
    uint32_t threads;             // RLIMIT_NPROC
};

// The step that failed, in the order in which they happen.
enum nest_jail_step {
    NEST_JAIL_CLONE = 1,
    NEST_JAIL_PARENT,
    NEST_JAIL_STREAMS,
    NEST_JAIL_CGROUP,
    NEST_JAIL_PRIVATE_MOUNTS,
    NEST_JAIL_ROOT,
    NEST_JAIL_DEVICES,
    NEST_JAIL_DIRECTORY,
    NEST_JAIL_FILE,
    NEST_JAIL_CONFIG,
    NEST_JAIL_PIVOT,
    NEST_JAIL_READ_ONLY,
    NEST_JAIL_LIMITS,
    NEST_JAIL_CAPABILITIES,
    NEST_JAIL_USER,
    NEST_JAIL_DESCRIPTORS,
    NEST_JAIL_EXEC,
};

struct nest_jail_failure {
    int32_t step;
    int32_t error;
    int32_t index; // of the file or directory
};

// Starts it as a child of the calling thread, with whose end it is killed. Returns its process id, or -1 with the failure.
// A child that fails after the clone is reaped here.
int nest_jail_start(const struct nest_jail *jail, struct nest_jail_failure *failure);

// The device numbers of a device file; 0 where there is none.
uint64_t nest_jail_device(const char *path);

// Opens with O_PATH, and without following a symbolic link in the last part.
int nest_jail_open_path(int directory, const char *name, int is_directory);

#endif
