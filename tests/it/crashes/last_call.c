// Ends a program at a chosen one of the system calls that change a folder, or lets that call fail.
// Loaded with LD_PRELOAD; `last_calls.rs` compiles it and sets what it reads from the environment:
//
//   LAST_CALL_IN   the folder; calls on anything else pass and are not counted
//   LAST_CALL_AT   the number of the call, from 1
//   LAST_CALL_HOW  killed: SIGKILL in place of the call, after half of what it was to write
//                  full: ENOSPC from that call on, after half of what the first was to write
//                  broken: EIO, once
//                  interrupted: every second call that may be is cut short or EINTR
//
// The number of calls goes to stderr when the program exits.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum kind { WRITE, CREATE, FOLDER, SYNC, NAME };

static _Atomic long calls, cuts;

static int is(const char *how) { return strcmp(getenv("LAST_CALL_HOW"), how) == 0; }

static int is_inside(const char *path) {
    const char *folder = getenv("LAST_CALL_IN");
    return folder && strncmp(path, folder, strlen(folder)) == 0;
}

static const char *path_of(int fd) {
    static _Thread_local char path[4096];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return path;
}

// The error that the call is to end with, 0 if it is to pass.
static int fate(enum kind kind, const char *path) {
    if (!is_inside(path)) return 0;
    long call = ++calls, chosen = atol(getenv("LAST_CALL_AT"));
    if (is("interrupted")) return kind != FOLDER && kind != NAME && ++cuts % 2 ? EINTR : 0;
    if (is("full")) return call >= chosen && kind != SYNC && kind != NAME ? ENOSPC : 0;
    if (call != chosen) return 0;
    return is("killed") ? ECANCELED : EIO;
}

static int fail(int error) {
    if (error == ECANCELED) kill(getpid(), SIGKILL);
    errno = error;
    return -1;
}

#define DECIDE(kind, path, call)                  \
    do {                                          \
        int error = fate(kind, path);             \
        return error ? fail(error) : (call);      \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t count) {
    static _Atomic int was_full;
    int error = fate(WRITE, path_of(fd));
    if (!error) return REAL(write)(fd, bytes, count);
    int writes_half = error != EIO && !(error == ENOSPC && was_full++);
    ssize_t half = writes_half ? REAL(write)(fd, bytes, count / 2) : 0;
    if (half > 0 && error != ECANCELED) return half;
    return fail(error);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (!(flags & O_CREAT)) return REAL(open64)(path, flags);
    DECIDE(CREATE, path, REAL(open64)(path, flags, mode));
}

int mkdir(const char *path, mode_t mode) { DECIDE(FOLDER, path, REAL(mkdir)(path, mode)); }

int fsync(int fd) { DECIDE(SYNC, path_of(fd), REAL(fsync)(fd)); }

int fdatasync(int fd) { DECIDE(SYNC, path_of(fd), REAL(fdatasync)(fd)); }

int ftruncate64(int fd, off64_t size) { DECIDE(SYNC, path_of(fd), REAL(ftruncate64)(fd, size)); }

int rename(const char *from, const char *to) { DECIDE(NAME, from, REAL(rename)(from, to)); }

int unlink(const char *path) { DECIDE(NAME, path, REAL(unlink)(path)); }

int rmdir(const char *path) { DECIDE(NAME, path, REAL(rmdir)(path)); }

int unlinkat(int fd, const char *path, int flags) {
    const char *place = *path == '/' ? path : path_of(fd);
    DECIDE(NAME, place, REAL(unlinkat)(fd, path, flags));
}

__attribute__((destructor)) static void report(void) {
    if (getenv("LAST_CALL_IN")) fprintf(stderr, "last_call: %ld calls\n", calls);
}
