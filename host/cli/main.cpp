// SPDX-License-Identifier: Apache-2.0
// Parse, run, report: every failure becomes one line on standard error and the exit code of its
// kind, here.
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"

namespace kvhost {

namespace {

int print(const std::string& text) {
  std::cout << text << std::flush;
  return 0;
}

int run_command_line(std::vector<std::string> words) {
  if (!words.empty() && (words[0] == "--help" || words[0] == "-h" || words[0] == "help"))
    return print(overview_help());
  if (!words.empty() && words[0] == "--version")
    return print(std::string("kvhost ") + version() + "\n");
  std::string name = "run";
  if (!words.empty() && !words[0].empty() && words[0][0] != '-') {
    name = words[0];
    words.erase(words.begin());
  }
  const Command* command = find_command(name);
  if (command == nullptr) {
    std::vector<std::string> names;
    for (const auto& known : commands()) names.push_back(known.name);
    bad_request(kvhost::quoted(name),
                "no such command; expected " + join(names, ", ") + did_you_mean(name, names));
  }
  CLI::App app(command->summary, "kvhost " + command->name);
  app.set_help_flag();  // parse_flags reports --help
  const auto action = command->build(app);
  if (parse_flags(app, words)) return print(command_help(*command, app));
  install_interrupt_handler();
  return action();
}

int fail(ExitCode code, std::string message) {
  std::replace_if(
      message.begin(), message.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  std::fprintf(stderr, "kvhost: error: %s\n", message.c_str());
  return static_cast<int>(code);
}

// The first line says what happened; the rest of libtorch's messages is its stack.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

constexpr const char* kOutOfMemory =
    "memory: the system gave no more; expected enough for the weights and the cache (`kvhost plan` "
    "tells how much); "
    "try a smaller --budget, --dtype bfloat16 or --max-prompt-tokens";

}  // namespace

int guarded_main(std::vector<std::string> words) {
  try {
    return run_command_line(std::move(words));
  } catch (const Error& e) {
    return fail(e.code(), e.what());
  } catch (const std::bad_alloc&) {
    return fail(ExitCode::RunFailed, kOutOfMemory);
  } catch (const c10::OutOfMemoryError&) {
    return fail(ExitCode::RunFailed, kOutOfMemory);
  } catch (const c10::Error& e) {
    const std::string what = first_line(e.what_without_backtrace());
    const bool memory = what.find("not enough memory") != std::string::npos ||
                        what.find("can't allocate memory") != std::string::npos;
    return fail(ExitCode::RunFailed, memory ? kOutOfMemory : "libtorch: " + what);
  } catch (const std::exception& e) {
    return fail(ExitCode::RunFailed, first_line(e.what()));
  }
}

// Taking libtorch's tables apart at exit costs 0.16 s and nobody needs them any more. Sanitizers
// look for leaks at a proper exit.
int leave(int code) {
#if !defined(__SANITIZE_ADDRESS__)
  std::cout.flush();
  std::fflush(nullptr);
  std::_Exit(code);
#endif
  return code;
}

}  // namespace kvhost

int main(int argc, char** argv) {
  return kvhost::leave(kvhost::guarded_main({argv + 1, argv + argc}));
}
