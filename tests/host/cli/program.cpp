// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace kvhost::test {

namespace fs = std::filesystem;

void Scratch::write(const std::string& name, const std::string& bytes) const {
  folder_.write(name, bytes);
}

std::vector<std::string> Scratch::files() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder()))
    if (!entry.is_directory()) names.push_back(fs::relative(entry.path(), folder()));
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

std::string read_back(const fs::path& file) {
  std::ostringstream bytes;
  bytes << std::ifstream(file, std::ios::binary).rdbuf();
  return bytes.str();
}

// Returns as soon as `file` has bytes or the child has ended.
void wait_for_output(const fs::path& file, pid_t child) {
  siginfo_t ended = {};
  while (fs::file_size(file) == 0 && ended.si_pid == 0) {
    usleep(2000);
    waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
  }
}

void redirect(const fs::path& file, int flags, int fd) {
  const int opened = open(file.c_str(), flags, 0600);
  if (opened < 0 || dup2(opened, fd) < 0) _exit(127);
}

// The child's part: never returns.
[[noreturn]] void become(std::vector<std::string> words,
                         const fs::path& folder,
                         const std::map<std::string, std::string>& environment) {
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  if (chdir(folder.c_str()) != 0) _exit(127);
  execv(argv[0], argv.data());
  _exit(127);
}

std::vector<std::string> program_with(const std::vector<std::string>& args) {
  std::vector<std::string> words = {KVHOST_PROGRAM};
  words.insert(words.end(), args.begin(), args.end());
  return words;
}

int exit_code_of(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Outcome run_words(const std::vector<std::string>& words,
                  const fs::path& folder,
                  const std::map<std::string, std::string>& environment,
                  int signal_after_output,
                  const std::string& input = "") {
  const Scratch streams;  // outside `folder`, where leftovers are looked for
  const fs::path out = streams.folder() / "out", err = streams.folder() / "err";
  streams.write("out", "");
  streams.write("in", input);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    redirect(streams.folder() / "in", O_RDONLY, STDIN_FILENO);
    redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    become(words, folder, environment);
  }
  if (signal_after_output != 0) {
    wait_for_output(out, child);
    kill(child, signal_after_output);
  }
  const int code = exit_code_of(child);
  return {code, read_back(out), read_back(err)};
}

}  // namespace

Outcome run_program(const std::vector<std::string>& args,
                    const fs::path& folder,
                    const std::map<std::string, std::string>& environment,
                    int signal_after_output,
                    const std::string& input) {
  return run_words(program_with(args), folder, environment, signal_after_output, input);
}

Outcome run_other(const std::vector<std::string>& words,
                  const fs::path& folder,
                  const std::map<std::string, std::string>& environment) {
  return run_words(words, folder, environment, /*signal_after_output=*/0);
}

Outcome run_bash(const std::string& script, const fs::path& folder) {
  return run_words({"/bin/bash", "-c", script}, folder, {{"KVHOST", KVHOST_PROGRAM}}, 0);
}

Outcome run_on_terminal(const std::vector<std::string>& args,
                        const fs::path& folder,
                        const std::map<std::string, std::string>& environment,
                        int columns,
                        int signal_after_output) {
  winsize size = {};
  size.ws_row = 24;
  size.ws_col = static_cast<unsigned short>(columns);
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child < 0) throw std::runtime_error("forkpty failed");
  if (child == 0) {
    for (const char* name : {"NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG", "TERM"}) unsetenv(name);
    become(program_with(args), folder, environment);
  }
  Outcome outcome;
  char bytes[4096];
  for (ssize_t n = 0; (n = read(terminal, bytes, sizeof bytes)) > 0;) {
    outcome.out.append(bytes, static_cast<size_t>(n));
    if (signal_after_output != 0) kill(child, std::exchange(signal_after_output, 0));
  }
  close(terminal);
  outcome.exit_code = exit_code_of(child);
  return outcome;
}

void check_refused(const Outcome& outcome, int code, const std::string& says) {
  INFO(outcome.err);
  CHECK(outcome.exit_code == code);
  CHECK(outcome.out.empty());
  CHECK_THAT(outcome.err, Catch::Contains("kvhost: error: ") && Catch::Contains(says));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
}

}  // namespace kvhost::test
