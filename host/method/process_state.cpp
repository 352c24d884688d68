// SPDX-License-Identifier: Apache-2.0
#include "method/process_state.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <clocale>
#include <csignal>
#include <cstring>

namespace kvhost {
namespace {

constexpr std::array kSignals = {
    SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGXFSZ, SIGINT, SIGTERM};

struct Limit {
  __rlimit_resource_t which;
  const char* name;
};
constexpr std::array kLimits = {Limit{RLIMIT_NOFILE, "RLIMIT_NOFILE"},
                                Limit{RLIMIT_AS, "RLIMIT_AS"},
                                Limit{RLIMIT_DATA, "RLIMIT_DATA"},
                                Limit{RLIMIT_STACK, "RLIMIT_STACK"},
                                Limit{RLIMIT_FSIZE, "RLIMIT_FSIZE"},
                                Limit{RLIMIT_CPU, "RLIMIT_CPU"}};

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};

FileId id_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

FileId file_behind(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 ? id_of(status) : FileId{};
}

FileId working_folder() {
  struct stat status {};
  return stat(".", &status) == 0 ? id_of(status) : FileId{};
}

sigset_t current_mask() {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return mask;
}

bool same_mask(const sigset_t& a, const sigset_t& b) {
  for (int number = 1; number < NSIG; ++number)
    if (sigismember(&a, number) != sigismember(&b, number)) return false;
  return true;
}

struct Remembered {
  int folder_fd = -1;
  FileId folder;
  std::string locale;
  std::array<struct sigaction, kSignals.size()> actions{};
  std::array<rlimit, kLimits.size()> limits{};
  std::array<int, 3> copies{-1, -1, -1};
  std::array<FileId, 3> files;
};

std::atomic<Remembered*> remembered{nullptr};
thread_local sigset_t mask_before;

std::string put_back_folder(const Remembered& as) {
  if (working_folder() == as.folder) return "";
  [[maybe_unused]] const int failed = fchdir(as.folder_fd);
  return "the working folder";
}

std::string put_back_locale(const Remembered& as) {
  const char* now = setlocale(LC_ALL, nullptr);
  const locale_t own = uselocale(nullptr);
  if (now && as.locale == now && own == LC_GLOBAL_LOCALE) return "";
  uselocale(LC_GLOBAL_LOCALE);
  setlocale(LC_ALL, as.locale.c_str());
  return "the locale";
}

std::string put_back_handlers(const Remembered& as) {
  std::string changed;
  for (size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction now {};
    sigaction(kSignals[i], nullptr, &now);
    // An interrupt that came has given its handler back to the default.
    const bool interrupted = (kSignals[i] == SIGINT || kSignals[i] == SIGTERM) &&
                             now.sa_handler == SIG_DFL;
    if (now.sa_handler == as.actions[i].sa_handler || interrupted) continue;
    sigaction(kSignals[i], &as.actions[i], nullptr);
    if (changed.empty()) changed = std::string("the handler of SIG") + sigabbrev_np(kSignals[i]);
  }
  return changed;
}

std::string put_back_limits(const Remembered& as) {
  std::string changed;
  for (size_t i = 0; i < kLimits.size(); ++i) {
    rlimit now{};
    getrlimit(kLimits[i].which, &now);
    if (now.rlim_cur == as.limits[i].rlim_cur && now.rlim_max == as.limits[i].rlim_max) continue;
    setrlimit(kLimits[i].which, &as.limits[i]);
    if (changed.empty()) changed = std::string("the limit ") + kLimits[i].name;
  }
  return changed;
}

std::string put_back_descriptors(const Remembered& as) {
  std::string changed;
  for (int fd = 0; fd < 3; ++fd) {
    if (file_behind(fd) == as.files[fd]) continue;
    if (as.copies[fd] >= 0) dup2(as.copies[fd], fd);
    if (changed.empty()) changed = "descriptor " + std::to_string(fd);
  }
  return changed;
}

std::string put_back_mask() {
  if (same_mask(current_mask(), mask_before)) return "";
  pthread_sigmask(SIG_SETMASK, &mask_before, nullptr);
  return "the signal mask";
}

}  // namespace

void remember_process_state() {
  auto* as = new Remembered;
  as->folder_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  as->folder = working_folder();
  if (const char* locale = setlocale(LC_ALL, nullptr)) as->locale = locale;
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], nullptr, &as->actions[i]);
  for (size_t i = 0; i < kLimits.size(); ++i) getrlimit(kLimits[i].which, &as->limits[i]);
  for (int fd = 0; fd < 3; ++fd) {
    as->copies[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 64);
    if (as->copies[fd] < 0) as->copies[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    as->files[fd] = file_behind(fd);
  }
  remembered = as;
}

void remember_thread_state() { mask_before = current_mask(); }

std::string restore_process_state() {
  const Remembered* as = remembered;
  if (!as) return "";
  std::string first;
  for (std::string what : {put_back_folder(*as),
                           put_back_locale(*as),
                           put_back_handlers(*as),
                           put_back_limits(*as),
                           put_back_descriptors(*as),
                           put_back_mask()})
    if (first.empty()) first = std::move(what);
  return first;
}

int kept_standard_error() {
  const Remembered* as = remembered;
  return as ? as->copies[2] : -1;
}

}  // namespace kvhost
