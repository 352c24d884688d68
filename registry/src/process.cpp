// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

namespace kvhost::registry {
namespace {

using Clock = std::chrono::steady_clock;

// More output than any manifest; what comes beyond is not kept.
constexpr size_t kMaxOutput = size_t{16} << 20;

// A pipe of which the child gets one end; both ends close when this goes.
class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_, O_CLOEXEC) != 0)
      throw std::runtime_error(std::string("pipe: ") + strerror(errno));
  }
  ~Pipe() {
    close(ends_[0]);
    close_write_end();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_write_end() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

pid_t start(const std::vector<std::string>& argv,
            const std::vector<std::string>& environment,
            const Pipe& out,
            const Pipe& err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.write_end(), 1);
  posix_spawn_file_actions_adddup2(&actions, err.write_end(), 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);  // its own group: killed with all it started
  pid_t pid = -1;
  const int failed = posix_spawn(&pid,
                                 argv.front().c_str(),
                                 &actions,
                                 &attributes,
                                 pointers(argv).data(),
                                 pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed) throw std::runtime_error(argv.front() + " cannot be started: " + strerror(failed));
  return pid;
}

// A variable of the environment that tells this child, and all that descends from it, from every
// other process.
std::string new_mark() {
  static std::atomic<unsigned> count{0};
  return "KVHOST_CHILD=" + std::to_string(getpid()) + "." + std::to_string(++count) + "." +
         std::to_string(Clock::now().time_since_epoch().count());
}

bool is_marked(const std::filesystem::path& process, const std::string& mark) {
  std::ifstream file(process / "environ", std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  return ('\0' + all).find('\0' + mark + '\0') != std::string::npos;
}

// Ends what left the child's process group and lives on. What is being started meanwhile is met in
// the next round.
void kill_marked(const std::string& mark) {
  constexpr int kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    bool any = false;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", failed)) {
      const int pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 1 || !is_marked(entry.path(), mark)) continue;
      any = kill(pid, SIGKILL) == 0 || any;
    }
    if (!any) return;
  }
}

int remaining_ms(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

bool has_ended(pid_t pid) {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid;
}

// Reads both pipes until their ends are closed, the deadline is over, or the child has ended and
// all it wrote is read: what it started may hold the pipes open for ever.
void drain(pid_t pid, const Pipe& out, const Pipe& err, Clock::time_point end, Finished& result) {
  constexpr int kLook = 20;  // milliseconds
  pollfd fds[2] = {{out.read_end(), POLLIN, 0}, {err.read_end(), POLLIN, 0}};
  std::string* texts[2] = {&result.out, &result.err};
  while ((fds[0].fd >= 0 || fds[1].fd >= 0) && remaining_ms(end) > 0) {
    const bool ended = has_ended(pid);
    if (poll(fds, 2, ended ? 0 : std::min(kLook, remaining_ms(end))) <= 0) {
      if (ended) return;
      continue;
    }
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || !fds[i].revents) continue;
      char block[4096];
      const ssize_t n = read(fds[i].fd, block, sizeof block);
      if (n <= 0) {
        fds[i].fd = -1;
      } else if (texts[i]->size() < kMaxOutput) {
        texts[i]->append(block, static_cast<size_t>(n));
      }
    }
  }
}

}  // namespace

Finished run_process(const std::vector<std::string>& argv,
                     const std::vector<std::string>& environment,
                     std::chrono::milliseconds deadline) {
  Pipe out, err;
  const auto end = Clock::now() + deadline;
  const std::string mark = new_mark();
  std::vector<std::string> marked = environment;
  marked.push_back(mark);
  const pid_t pid = start(argv, marked, out, err);
  out.close_write_end();
  err.close_write_end();
  Finished result;
  drain(pid, out, err, end, result);
  int status = 0;
  pid_t done = 0;
  while ((done = waitpid(pid, &status, WNOHANG)) == 0 && remaining_ms(end) > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  result.timed_out = done == 0;
  kill(-pid, SIGKILL);
  if (done == 0) waitpid(pid, &status, 0);
  kill_marked(mark);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

}  // namespace kvhost::registry
