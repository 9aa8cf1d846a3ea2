// SPDX-License-Identifier: Apache-2.0
// Prints the nanoseconds that reading a whole file into fresh memory takes: what nobody who loads it can do without.
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 2) return fprintf(stderr, "usage: read-file FILE\n"), 2;
    long long start = now();
    struct stat status;
    int file = open(argv[1], O_RDONLY);
    if (file < 0 || fstat(file, &status)) return perror(argv[1]), 1;
    size_t size = (size_t)status.st_size, done = 0;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return perror("mmap"), 1;
    while (done < size) {
        ssize_t count = read(file, memory + done, size - done);
        if (count <= 0) return perror(argv[1]), 1;
        done += (size_t)count;
    }
    printf("%lld\n", now() - start);
    return 0;
}
