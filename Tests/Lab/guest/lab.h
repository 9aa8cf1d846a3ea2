// SPDX-License-Identifier: Apache-2.0
// The lab's init, in three files: init.c brings the machine up, kvm.c settles its kernel, command.c runs the command.
#pragma once

// The 9p share with the host that holds this run's files: command, environment, cwd, stdout, stderr, heartbeat, status.
#define SHARE "/run/lab/share"

// Says what failed on the console, with errno's text, and powers off: the host sees a lab without a status.
void give_up(const char *what) __attribute__((noreturn));
// Writes text to a file that exists; returns 0 or -1 with errno.
int put(const char *path, const char *text);

// Does once, with one CPU up, everything that makes the kernel patch its own hot code, and keeps it done.
void settle_kernel(void);
// Brings up every other CPU through sysfs.
void bring_up_cpus(void);

// Runs the command with its output relayed to the share, and leaves its exit status there.
void run_command(void);
