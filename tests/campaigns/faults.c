/* A shim for LD_PRELOAD: counts the system calls that change files below FAULT_UNDER and lets the FAULT_AT-th fail.

FAULT_LOG gets the name of each counted call, a line each, so that a run without a fault tells how many there are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long counted = 0;

/* Whether a path lies where calls are counted; relative paths start at the working directory. */
static int below(const char *path) {
    const char *under = getenv("FAULT_UNDER");
    char whole[PATH_MAX * 2];
    if (!under || !path) return 0;
    if (path[0] != '/') {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here)) return 0;
        snprintf(whole, sizeof whole, "%s/%s", here, path);
        path = whole;
    }
    return strncmp(path, under, strlen(under)) == 0;
}

static int below_fd(int fd) {
    char link[64], path[PATH_MAX];
    if (!getenv("FAULT_UNDER")) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

/* Count a call by name; 1 when this is the one to fail, with errno set. */
static int fails(const char *name, int number) {
    const char *at = getenv("FAULT_AT"), *log = getenv("FAULT_LOG");
    counted++;
    if (log) {
        int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
        ssize_t (*real_write)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
        int fd = real_open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
        if (fd >= 0) {
            char line[64];
            int length = snprintf(line, sizeof line, "%s\n", name);
            if (real_write(fd, line, length) < 0) abort();
            close(fd);
        }
    }
    if (at && counted == atol(at)) {
        errno = number;
        return 1;
    }
    return 0;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    if (below_fd(fd) && fails("write", ENOSPC)) return -1;
    return real(fd, data, size);
}

int fsync(int fd) {
    REAL(fsync);
    if (below_fd(fd) && fails("fsync", EIO)) return -1;
    return real(fd);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    if (below(to) && fails("rename", ENOSPC)) return -1;
    return real(from, to);
}

int ftruncate(int fd, off_t length) {
    REAL(ftruncate);
    if (below_fd(fd) && fails("ftruncate", EIO)) return -1;
    return real(fd, length);
}

int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    if (below(path) && fails("mkdir", ENOSPC)) return -1;
    return real(path, mode);
}

int unlink(const char *path) {
    REAL(unlink);
    if (below(path) && fails("unlink", EIO)) return -1;
    return real(path);
}

static int opened(const char *symbol, const char *path, int flags, mode_t mode) {
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, symbol);
    if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) && below(path) && fails("open", EDQUOT)) return -1;
    return real(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opened("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return opened("open64", path, flags, mode);
}
