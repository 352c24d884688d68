// SPDX-License-Identifier: Apache-2.0
// Parse, run, report: every failure becomes one line on standard error and the exit code of its
// kind, here.
#include <c10/util/Exception.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <utility>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/standard_output.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/isolate.hpp"
#include "method/call_guard.hpp"
#include "method/call_watch.hpp"

namespace kvhost {

namespace {

int print(const std::string& text) {
  std::cout << text;
  return 0;
}

const Command& known_command(const std::string& name) {
  if (const Command* command = find_command(name)) return *command;
  std::vector<std::string> names;
  for (const auto& known : commands()) names.push_back(known.name);
  names.push_back("help");
  bad_request(quoted(name),
              "no such command; expected " + join(names, ", ") + did_you_mean(name, names));
}

// `kvhost help` and `kvhost help COMMAND`.
int print_help(const std::vector<std::string>& words) {
  if (words.size() > 2)
    bad_request("kvhost help", "found " + quoted(words[2]) + " too; expected at most one command");
  if (words.size() < 2 || words[1] == "help" || words[1] == "--help" || words[1] == "-h")
    return print(overview_help());
  const Command& command = known_command(words[1]);
  CLI::App app(command.summary, "kvhost " + command.name);
  app.set_help_flag();
  add_flags_of(command, app);
  return print(command_help(command, app));
}

// Seconds that a call into a plugin may take.
std::chrono::nanoseconds plugin_deadline() {
  const char* given = std::getenv("KVHOST_PLUGIN_DEADLINE");
  if (!given) return std::chrono::minutes(5);
  constexpr double kLeast = 0.01, kMost = 365.0 * 86400;
  double seconds = 0;
  const char* end = given + std::strlen(given);
  const auto [stop, failed] = std::from_chars(given, end, seconds);
  if (failed != std::errc() || stop != end || !(seconds >= kLeast && seconds <= kMost))
    bad_request("KVHOST_PLUGIN_DEADLINE",
                "found " + quoted(given) +
                    "; expected the seconds that a call into a plugin may last, 0.01 to 31536000");
  return std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9));
}

int run_command_line(const StandardOutput& output, std::vector<std::string> words) {
  if (!words.empty() && (words[0] == "--help" || words[0] == "-h")) return print(overview_help());
  if (!words.empty() && words[0] == "help") return print_help(words);
  if (!words.empty() && words[0] == "--version")
    return print(std::string("kvhost ") + version() + "\n");
  std::string name = "run";
  if (!words.empty() && !words[0].empty() && words[0][0] != '-') {
    name = words[0];
    words.erase(words.begin());
  }
  const Command& command = known_command(name);
  CLI::App app(command.summary, "kvhost " + command.name);
  app.set_help_flag();  // parse_flags reports --help
  const auto action = add_flags_of(command, app);
  if (parse_flags(app, words)) return print(command_help(command, app));
  output.check();
  if (isolation_asked()) isolate();
  install_interrupt_handler();
  // a limit on file sizes is an error of that write, as a full disk is
  std::signal(SIGXFSZ, SIG_IGN);
  install_call_watch(plugin_deadline());
  return action();
}

int fail(StandardOutput& output, ExitCode code, std::string message) {
  if (code == ExitCode::ClosedPipe) return static_cast<int>(code);  // nobody is there to be told
  output.end_line();
  std::replace_if(
      message.begin(), message.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  std::fprintf(stderr, "kvhost: error: %s\n", message.c_str());
  return static_cast<int>(code);
}

// The first line says what happened; the rest of libtorch's messages is its stack.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::string unforeseen(const std::string& what) {
  return what + "; expected nothing of the kind; if the machine is well, please report the command";
}

constexpr const char* kOutOfMemory =
    "memory: the system gave no more; expected enough for the weights and the cache (`kvhost plan` "
    "tells how much); try a smaller --budget, --dtype bfloat16 or --max-prompt-tokens";

}  // namespace

int guarded_main(StandardOutput& output, std::vector<std::string> words) {
  try {
    const int code = run_command_line(output, std::move(words));
    raise_what_was_found();
    output.flush();
    return code;
  } catch (const Error& e) {
    return fail(output, e.code(), e.what());
  } catch (const std::bad_alloc&) {
    return fail(output, ExitCode::RunFailed, kOutOfMemory);
  } catch (const c10::OutOfMemoryError&) {
    return fail(output, ExitCode::RunFailed, kOutOfMemory);
  } catch (const c10::Error& e) {
    const std::string what = first_line(e.what_without_backtrace());
    const bool memory = what.find("not enough memory") != std::string::npos ||
                        what.find("can't allocate memory") != std::string::npos;
    return fail(output, ExitCode::RunFailed, memory ? kOutOfMemory : unforeseen("libtorch: " + what));
  } catch (const std::exception& e) {
    return fail(output, ExitCode::RunFailed, unforeseen(first_line(e.what())));
  }
}

// Taking libtorch's tables apart at exit costs 0.16 s and nobody needs them any more. Sanitizers
// look for leaks at a proper exit.
int leave(int code) {
  note_end();
#if !defined(__SANITIZE_ADDRESS__)
  std::fflush(nullptr);
  std::_Exit(code);
#endif
  return code;
}

// Where there is no memory for a message either.
[[noreturn]] void end_without_memory() {
  constexpr char kLine[] =
      "kvhost: error: memory: the system gave none, not even for a message; expected enough for the "
      "weights and the cache; try a smaller --budget or --max-prompt-tokens\n";
  note_end();
  [[maybe_unused]] const auto sent = ::write(STDERR_FILENO, kLine, sizeof kLine - 1);
  std::_Exit(static_cast<int>(ExitCode::RunFailed));
}

}  // namespace kvhost

int main(int argc, char** argv) {
  int code = 0;
  // libtorch's library keeps what it compiles for each shape of a half-width product, up to some
  // megabytes each and a thousand of them. The host has few shapes (model/linear.cpp); methods with
  // products of their own have as many as there are lengths of prompts.
  setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128", /*overwrite=*/0);
  try {
    kvhost::StandardOutput output;
    code = kvhost::guarded_main(output, {argv + 1, argv + argc});
  } catch (...) {  // while an error was told
    kvhost::end_without_memory();
  }
  return kvhost::leave(code);
}
