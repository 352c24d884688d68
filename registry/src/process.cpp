// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
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

int remaining_ms(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

// Reads both pipes until their ends are closed or the deadline is over.
void drain(const Pipe& out, const Pipe& err, Clock::time_point end, Finished& result) {
  pollfd fds[2] = {{out.read_end(), POLLIN, 0}, {err.read_end(), POLLIN, 0}};
  std::string* texts[2] = {&result.out, &result.err};
  while ((fds[0].fd >= 0 || fds[1].fd >= 0) && remaining_ms(end) > 0) {
    if (poll(fds, 2, remaining_ms(end)) <= 0) continue;
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
  const pid_t pid = start(argv, environment, out, err);
  out.close_write_end();
  err.close_write_end();
  Finished result;
  drain(out, err, end, result);
  int status = 0;
  pid_t done = 0;
  while ((done = waitpid(pid, &status, WNOHANG)) == 0 && remaining_ms(end) > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (done == 0) {
    result.timed_out = true;
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
  return result;
}

}  // namespace kvhost::registry
