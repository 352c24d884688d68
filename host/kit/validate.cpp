// SPDX-License-Identifier: Apache-2.0
#include "kit/validate.hpp"

#include <sys/wait.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/shell.hpp"
#include "base/text.hpp"
#include "kit/checks.hpp"
#include "kit/subject.hpp"
#include "kvhost/method.h"

namespace kvhost {

using registry::Kind;
using registry::MethodInfo;

namespace {

std::vector<Check> all_checks() {
  std::vector<Check> all = configuration_checks();
  const auto& numbers = number_checks();
  all.insert(all.end(), numbers.begin(), numbers.end());
  all.push_back(model_check());
  return all;
}

// In a model, with what else stands in a composition; what is printed last is told.
Verdict run_in_model(const MethodInfo& method, const std::filesystem::path& program) {
  const std::string command = run_command_of(method, shell_word(program.string())) + " 2>&1";
  const auto said = said_by(command);
  if (!said) return failed("the program cannot be started");
  if (said->well()) return {};
  // Refused before anything ran: it wants what a user brings, a file or a setting.
  const int code = WIFEXITED(said->status) ? WEXITSTATUS(said->status) : -1;
  const bool refused = code == static_cast<int>(ExitCode::BadRequest) || code == static_cast<int>(ExitCode::CannotLoad);
  const std::string last = said->last_line();
  return {refused ? Outcome::Skip : Outcome::Fail, last.empty() ? "failed without words" : last};
}

// What a user would bring, a file or a setting, is not the plugin's fault.
Verdict run_check(const Check& check, const MethodInfo& method) {
  using testing::CallFailed;
  try {
    if (check.level > 1) Subject once(method);
  } catch (const CallFailed& e) {
    if (e.code == KVH_E_RESOURCE || e.code == KVH_E_CONFIG || e.code == KVH_E_UNSUPPORTED)
      return {Outcome::Skip, std::string("not by its defaults: ") + e.what()};
    throw;
  }
  try {
    return check.run(method);
  } catch (const CallFailed& e) {
    if (e.code != KVH_E_UNSUPPORTED) throw;
    return {Outcome::Skip, std::string("says: ") + e.what()};
  }
}

bool wanted(const std::string& id, const std::string& only) {
  return only.empty() || id == only || id.rfind(only + ".", 0) == 0;
}

}  // namespace

Check model_check() { return {5, "model.run", "in a model: a prompt, and tokens behind it", nullptr}; }

std::string run_command_of(const MethodInfo& method, const std::string& program) {
  const std::string press = shell_word(press_with(method));
  const bool prefill = method.flags & KVH_METHOD_PREFILL;
  const bool budget = !(method.flags & KVH_METHOD_OWN_TOTAL);
  return program + " run --prefer-plugins --plugin-path " +
         shell_word(method.library.parent_path().string()) + " --max-prompt-tokens 300 -n 80 -q" +
         (prefill ? " --press " + press : " --press none --decode-press " + press) +
         (prefill && budget ? " --keep-ratio 0.5 --min-entries 0" : "");
}

std::string press_with(const MethodInfo& method) {
  if (method.kind == Kind::Press)
    return method.flags & KVH_METHOD_NO_SCORER ? "snapkv+" + method.name : method.name + ":snapkv";
  size_t least = 0;
  for (const auto& slot : method.slots) least += slot.min;
  if (least > 1) {
    std::string inside = "snapkv";
    for (size_t i = 1; i < least; ++i) inside += "+knorm";
    return method.name + ":(" + inside + ")";
  }
  const bool whole = method.kind == Kind::Scorer || !method.default_inner.empty() ||
                     (method.flags & KVH_METHOD_NO_SCORER);
  return whole ? method.name : method.name + ":snapkv";
}

const std::vector<std::string>& level_names() {
  static const std::vector<std::string> names = {
      "none", "loads", "configures", "computes", "shares", "runs"};
  return names;
}

int level_height(const std::string& level) {
  const auto& names = level_names();
  return static_cast<int>(std::find(names.begin(), names.end(), level) - names.begin());
}

bool MethodReport::failed() const { return !failed_checks().empty(); }

std::vector<std::string> MethodReport::failed_checks() const {
  std::vector<std::string> ids;
  for (const auto& check : checks)
    if (check.verdict.outcome == Outcome::Fail) ids.emplace_back(check.id);
  return ids;
}

std::string MethodReport::level() const {
  int reached = 0;
  for (int level = 1; level <= 5; ++level) {
    bool passed = false;
    for (const auto& check : checks) {
      if (check.level != level) continue;
      if (check.verdict.outcome == Outcome::Fail) return level_names()[static_cast<size_t>(reached)];
      const Outcome outcome = check.verdict.outcome;
      passed = passed || outcome == Outcome::Pass || outcome == Outcome::Warn;
    }
    if (passed) reached = level;
  }
  return level_names()[static_cast<size_t>(reached)];
}

std::vector<CheckInfo> known_checks() {
  std::vector<CheckInfo> out;
  for (const Check& check : all_checks()) out.push_back({check.id, check.what});
  return out;
}

std::vector<MethodReport> validate_methods(const std::vector<MethodInfo>& methods,
                                           const ValidateOptions& options) {
  std::vector<Check> chosen;
  std::vector<std::string> ids;
  for (const Check& check : all_checks()) {
    ids.emplace_back(check.id);
    if (wanted(check.id, options.only)) chosen.push_back(check);
  }
  if (chosen.empty())
    bad_request("--only",
                "found " + kvhost::quoted(options.only) + "; expected one of " + join(ids, ", ") +
                    did_you_mean(options.only, ids));
  std::vector<MethodReport> out;
  for (const MethodInfo& method : methods) {
    out.push_back({method, {}});
    for (const Check& check : chosen) {
      if (!check.run && options.program.empty()) continue;
      const auto run = [&] {
        return check.run ? run_check(check, method) : run_in_model(method, options.program);
      };
      out.back().checks.push_back(
          {check.level,
           check.id,
           check.what,
           try_in_child(run, check.run ? options.deadline : 6 * options.deadline),
           check.run ? "kvhost validate " + method.library.string() + " --only " + check.id
                     : run_command_of(method, "kvhost")});
    }
  }
  return out;
}

}  // namespace kvhost
