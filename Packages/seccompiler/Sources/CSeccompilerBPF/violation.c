// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CSeccompilerBPF.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

static struct cseccompiler_report report;
static _Thread_local char thread_name[16];

// A line that is put together without the C library's formatting, which may take locks.
struct line {
    char bytes[256];
    size_t count;
};

static void put(struct line *line, const char *text, size_t count) {
    for (size_t i = 0; i < count && line->count < sizeof line->bytes; i++) line->bytes[line->count++] = text[i];
}

static void put_text(struct line *line, const char *text) { put(line, text, strlen(text)); }

static void put_number(struct line *line, unsigned long value, unsigned base) {
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (count) put(line, &digits[--count], 1);
}

static void put_call_name(struct line *line, unsigned number) {
    const char *word = report.call_names, *end = word + report.call_names_byte_count;
    for (;; number--) {
        while (word < end && (*word == ' ' || *word == '\n')) word++;
        const char *rest = word;
        while (rest < end && *rest != ' ' && *rest != '\n') rest++;
        if (word == end || number == 0) {
            if (word != end) put(line, word, (size_t)(rest - word));
            return;
        }
        word = rest;
    }
}

static _Noreturn void end(struct line *line) {
    put_text(line, "\n");
    // The reader may be gone: the status tells too.
    if (write(report.descriptor, line->bytes, line->count) < 0) {}
    if (report.before_exit) report.before_exit();
    _exit(report.status);
}

static void begin(struct line *line) {
    put_text(line, report.program);
    put_text(line, ": seccomp: thread ");
    // A thread that inherited its filter was never named here, but has a name; asking fails where that is refused as well.
    if (!thread_name[0] && prctl(PR_GET_NAME, thread_name) < 0) put_text(line, "?");
    put_text(line, thread_name);
}

static void violated(int signal, siginfo_t *info, void *context) {
    (void)signal;
    struct line line = {.count = 0};
    begin(&line);
    put_text(&line, " may not make system call ");
    put_number(&line, (unsigned)info->si_syscall, 10);
    put_text(&line, " ");
    put_call_name(&line, (unsigned)info->si_syscall);
#if defined(__x86_64__)
    static const int registers[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
    for (size_t i = 0; i < sizeof registers / sizeof *registers; i++) {
        put_text(&line, i == 0 ? "(0x" : ", 0x");
        put_number(&line, (unsigned long)((ucontext_t *)context)->uc_mcontext.gregs[registers[i]], 16);
    }
    put_text(&line, ")");
#else
    (void)context;
#endif
    end(&line);
}

void cseccompiler_end(const char *reason) {
    struct line line = {.count = 0};
    begin(&line);
    put_text(&line, " ");
    put_text(&line, reason);
    end(&line);
}

int cseccompiler_report_violations(const struct cseccompiler_report *how) {
    report = *how;
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    action.sa_sigaction = violated;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGSYS, &action, NULL);
}

void cseccompiler_name_thread(const char *name) {
    strncpy(thread_name, name, sizeof thread_name - 1);
}
