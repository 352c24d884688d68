// SPDX-License-Identifier: Apache-2.0
#include "child.hpp"

#include <link.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "library.hpp"
#include "process.hpp"

namespace kvhost::registry {
namespace {

// The folder of the libtorch in this process, "" when there is none. Plugins that use libtorch
// carry no path to it: they take the one that the host runs on, and so must the child.
std::string loaded_torch_folder() {
  std::string folder;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        const std::filesystem::path path = info->dlpi_name ? info->dlpi_name : "";
        if (path.filename().string().rfind("libtorch_cpu.", 0) != 0) return 0;
        *static_cast<std::string*>(out) = path.parent_path().string();
        return 1;
      },
      &folder);
  return folder;
}

std::vector<std::string> child_environment() {
  const std::string name = "LD_LIBRARY_PATH=";
  std::string search = loaded_torch_folder();
  std::vector<std::string> variables;
  for (char** variable = environ; variable && *variable; ++variable) {
    const std::string text = *variable;
    if (text.rfind(name, 0) != 0) {
      variables.push_back(text);
    } else if (text.size() > name.size()) {
      if (!search.empty()) search += ':';
      search += text.substr(name.size());
    }
  }
  if (!search.empty()) variables.push_back(name + search);
  return variables;
}

std::string signal_name(int signal) {
  const char* name = sigabbrev_np(signal);
  return name ? std::string("SIG") + name : "signal " + std::to_string(signal);
}

// The last line that was said, in brackets, or "".
std::string last_words(const std::string& text) {
  const size_t end = text.find_last_not_of(" \n");
  if (end == std::string::npos) return "";
  const size_t line = text.rfind('\n', end) + 1;
  const size_t begin = text.find_first_not_of(' ', line);
  return " (" + text.substr(begin, end + 1 - begin) + ")";
}

std::string seconds(std::chrono::milliseconds time) {
  char text[32];
  snprintf(text, sizeof text, "%g s", static_cast<double>(time.count()) / 1000.0);
  return text;
}

// "kvhost-describe: error: [stage] LIB: reason" back into its parts.
[[noreturn]] void rethrow(const std::string& err, const std::filesystem::path& library, int code) {
  const size_t open = err.rfind("error: [");
  const std::string after_stage = "] " + library.string() + ": ";
  const size_t close = open == std::string::npos ? open : err.find(after_stage, open);
  if (close == std::string::npos) {
    throw Refusal("describe",
                  "kvhost-describe ended with code " + std::to_string(code) + last_words(err));
  }
  const size_t begin = open + std::string("error: [").size();
  std::string reason = err.substr(close + after_stage.size());
  reason = reason.substr(0, reason.find('\n'));
  throw Refusal(err.substr(begin, close - begin), reason);
}

}  // namespace

Manifest describe_in_child(const std::filesystem::path& describe,
                           const std::filesystem::path& library,
                           std::chrono::milliseconds deadline) {
  Finished child;
  try {
    child = run_process({describe.string(), library.string()}, child_environment(), deadline);
  } catch (const std::runtime_error& error) {
    throw Refusal("busy", error.what());
  }
  if (child.timed_out) {
    throw Refusal("busy",
                  "did not answer within " + seconds(deadline) + " while being described");
  }
  if (child.signal) {
    // SIGKILL is what the system sends when memory is short
    throw Refusal(child.signal == SIGKILL ? "busy" : "describe",
                  "crashed with " + signal_name(child.signal) + " while being described" +
                      last_words(child.err));
  }
  if (child.code != 0) rethrow(child.err, library, child.code);
  try {
    return manifest_from_json(nlohmann::json::parse(child.out));
  } catch (const std::exception& error) {
    throw Refusal("describe", std::string("kvhost-describe printed no manifest: ") + error.what());
  }
}

}  // namespace kvhost::registry
