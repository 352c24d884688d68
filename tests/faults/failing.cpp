// SPDX-License-Identifier: Apache-2.0
// Preloaded into the program: the n-th call of one kind, counted from main() on, fails as the system
// would make it fail. KVHOST_FAIL=KIND:N[:all] ("all": and every later one); without N the calls are
// only counted. How many there were is written to the file KVHOST_FAIL_COUNT at the end.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>

namespace {

char kind[16];
long wanted;  // 0: none fails
bool all_later;
std::atomic<long> count{0};
std::atomic<bool> armed{false};

// True when this call is one that fails.
bool fails(const char* name) {
  if (!armed.load(std::memory_order_relaxed) || strcmp(name, kind) != 0) return false;
  const long n = ++count;
  return wanted > 0 && (all_later ? n >= wanted : n == wanted);
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void write_count() {
  const char* path = getenv("KVHOST_FAIL_COUNT");
  if (path == nullptr) return;
  char text[32];
  const int n = snprintf(text, sizeof text, "%ld", count.load());
  const long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  syscall(SYS_write, fd, text, n);
  syscall(SYS_close, fd);
}

int (*real_main)(int, char**, char**);

int counted_main(int argc, char** argv, char** environment) {
  unsetenv("LD_PRELOAD");  // what the program starts is not counted
  if (const char* what = getenv("KVHOST_FAIL")) {
    sscanf(what, "%15[^:]:%ld", kind, &wanted);
    all_later = strstr(what, ":all") != nullptr;
    armed = true;
  }
  return real_main(argc, argv, environment);
}

}  // namespace

extern "C" {

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t n) {
  if (fails("malloc")) return errno = ENOMEM, nullptr;
  return __libc_malloc(n);
}
void* calloc(size_t n, size_t size) {
  if (fails("malloc")) return errno = ENOMEM, nullptr;
  return __libc_calloc(n, size);
}
void* realloc(void* p, size_t n) {
  if (fails("malloc")) return errno = ENOMEM, nullptr;
  return __libc_realloc(p, n);
}
int posix_memalign(void** p, size_t alignment, size_t n) {
  if (fails("malloc")) return ENOMEM;
  *p = __libc_memalign(alignment, n);
  return *p == nullptr ? ENOMEM : 0;
}
void* aligned_alloc(size_t alignment, size_t n) {
  if (fails("malloc")) return errno = ENOMEM, nullptr;
  return __libc_memalign(alignment, n);
}

ssize_t read(int fd, void* to, size_t n) {
  if (fails("read")) return errno = EIO, -1;
  return syscall(SYS_read, fd, to, n);
}
ssize_t pread(int fd, void* to, size_t n, off_t at) {
  if (fails("read")) return errno = EIO, -1;
  return syscall(SYS_pread64, fd, to, n, at);
}
ssize_t write(int fd, const void* from, size_t n) {
  if (fd != STDERR_FILENO && fails("write")) return errno = ENOSPC, -1;
  return syscall(SYS_write, fd, from, n);
}
int fsync(int fd) {
  if (fails("fsync")) return errno = EIO, -1;
  return static_cast<int>(syscall(SYS_fsync, fd));
}
int fdatasync(int fd) {
  if (fails("fsync")) return errno = EIO, -1;
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}
int rename(const char* from, const char* to) {
  if (fails("rename")) return errno = EACCES, -1;
  return static_cast<int>(syscall(SYS_rename, from, to));
}
int linkat(int a, const char* from, int b, const char* to, int flags) {
  if (fails("rename")) return errno = ENOSPC, -1;
  return static_cast<int>(syscall(SYS_linkat, a, from, b, to, flags));
}
void* mmap(void* at, size_t n, int protection, int flags, int fd, off_t offset) {
  if (fails("mmap")) return errno = ENOMEM, MAP_FAILED;
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, n, protection, flags, fd, offset));
}
int open(const char* path, int flags, ...) {
  if (fails("open")) return errno = EMFILE, -1;
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

// The program leaves with _Exit.
void _exit(int code) {
  write_count();
  syscall(SYS_exit_group, code);
  __builtin_unreachable();
}
void _Exit(int code) { _exit(code); }

int __libc_start_main(int (*main)(int, char**, char**),
                      int argc,
                      char** argv,
                      int (*init)(int, char**, char**),
                      void (*fini)(void),
                      void (*rtld_fini)(void),
                      void* stack_end) {
  real_main = main;
  return next<decltype(&__libc_start_main)>("__libc_start_main")(
      counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}
}
