// SPDX-License-Identifier: Apache-2.0
// What may go wrong in any function of a plugin. KVHOST_ZOO=FUNCTION/FAILURE in the environment
// says which failure happens in which function, the first time it is called; nothing happens
// without it.
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

namespace zoo {

// The failure that is to happen in `function`, "" when none is.
inline std::string failure_in(const char* function) {
  const char* given = std::getenv("KVHOST_ZOO");
  if (!given) return "";
  const char* slash = std::strchr(given, '/');
  if (!slash || std::string(given, slash) != function) return "";
  return slash + 1;
}

// A store to a page that may not be written; a null pointer would be the sanitizers' to report.
inline void crash() {
  void* page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *static_cast<volatile int*>(page) = 1;
}

inline int deeper(int n);
inline int (*volatile next_level)(int) = deeper;
inline int deeper(int n) {
  volatile char block[4096];
  block[n % 4096] = static_cast<char>(n);
  return next_level(n + 1) + block[n % 4096];
}

inline void trap() {
  feenableexcept(FE_DIVBYZERO);
  volatile double zero = 0;
  volatile double sum = 1 / zero;
  (void)sum;
}

[[noreturn]] inline void hang() {
  while (true) std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

// Throws where nobody catches it, a moment after the function has returned. Behind some functions the
// program has no moment left: they wait for it.
inline void throw_later(const std::string& function) {
  const auto moment = std::chrono::milliseconds(1);
  std::thread([moment] {
    std::this_thread::sleep_for(moment);
    throw std::runtime_error("thrown on a thread of the zoo");
  }).detach();
  for (const char* last : {"end", "destroy", "load", "finish"})
    if (function == last) std::this_thread::sleep_for(1000 * moment);
}

inline void limit_files() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 20;
  setrlimit(RLIMIT_NOFILE, &limit);
}

inline void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

inline void flush_to_zero() {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#else
  std::fesetround(FE_DOWNWARD);
#endif
}

// The ends of a process, which a program can notice.
inline void end_by(const std::string& failure, const std::string& function) {
  if (failure == "crash") crash();
  if (failure == "abort") std::abort();
  if (failure == "hang") hang();
  if (failure == "exit") std::exit(0);
  if (failure == "quick_exit") std::quick_exit(0);
  if (failure == "throw") throw std::runtime_error("thrown in the zoo");
  if (failure == "overflow") deeper(0);
  if (failure == "trap") trap();
  if (failure == "thread") throw_later(function);
  // These end it without a word; only a process beside it can tell.
  if (failure == "_exit") _exit(0);
  if (failure == "kill") kill(getpid(), SIGKILL);
  if (failure == "own_handler") {
    std::signal(SIGSEGV, SIG_DFL);
    crash();
  }
}

// What is left changed.
inline void leave(const std::string& failure) {
  if (failure == "rounding") std::fesetround(FE_UPWARD);
  if (failure == "flushing") flush_to_zero();
  if (failure == "trapping") feenableexcept(FE_DIVBYZERO | FE_INVALID);
  if (failure == "folder" && chdir("/") != 0) std::abort();
  if (failure == "locale") setlocale(LC_ALL, "C.UTF-8");
  if (failure == "handler") std::signal(SIGABRT, SIG_IGN);
  if (failure == "mask") block_signals();
  if (failure == "limit") limit_files();
  if (failure == "input") close(0);
  if (failure == "output") dup2(open("/dev/null", O_WRONLY), 1);
}

// Not inlined: of a throw that stands in a noexcept function itself compilers make a plain std::terminate().
__attribute__((noinline)) inline void go_wrong(const char* function) {
  static std::atomic<bool> done{false};
  const std::string failure = failure_in(function);
  if (failure.empty() || done.exchange(true)) return;
  end_by(failure, function);
  leave(failure);
}

}  // namespace zoo
