// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/shell.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/library_methods.hpp"
#include "kit/model_run.hpp"
#include "kit/project.hpp"
#include "kit/validate.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

struct DevFlags {
  std::string library, build, only;
  bool once = false, without_model = false;
};

// The checks, each in a fresh process that opens the library as it is now.
bool check(const registry::MethodInfo& method, const DevFlags& flags) {
  ValidateOptions options;
  options.only = flags.only;
  const MethodReport report = validate_methods({method}, options).front();
  int n_passed = 0;
  for (const CheckResult& one : report.checks) {
    if (one.verdict.outcome == Outcome::Pass) ++n_passed;
    if (one.verdict.outcome == Outcome::Pass || one.verdict.outcome == Outcome::Skip) continue;
    std::cout << "  " << outcome_name(one.verdict.outcome) << "  " << one.id << ": " << one.verdict.reason << '\n';
    if (one.verdict.outcome == Outcome::Fail) std::cout << "        " << one.repeat << '\n';
  }
  std::cout << "  " << method.name << ": " << n_passed << " of " << report.checks.size() << " checks pass, level "
            << report.level() << '\n';
  return !report.failed();
}

// In a model, by another process; what its parts took.
bool run_in_model(const registry::MethodInfo& method) {
  const std::string program = shell_word(fs::read_symlink("/proc/self/exe").string());
  const auto said = said_by(run_command_of(method, program) + " --json - 2>&1");
  if (!said) run_failed("kvhost dev", "kvhost cannot be started again");
  const auto report = report_in(said->text);
  if (!said->well() || !report.is_object() || !report.contains("timings")) {
    std::cout << "  FAIL  in a model: " << said->text.substr(0, said->text.find('\n')) << "\n        " << run_command_of(method, "kvhost") << '\n';
    return false;
  }
  char line[160];
  std::snprintf(line,
                sizeof line,
                "  %s: a layer of the prompt takes %.0f us to score, %.0f to allocate, %.0f to select",
                method.name.c_str(),
                us_per_layer(report, "score_ms"),
                us_per_layer(report, "allocate_ms"),
                us_per_layer(report, "select_ms"));
  std::cout << line << '\n';
  return true;
}

// True when all is well.
bool round_of(const Project& project, const DevFlags& flags) {
  const auto begin = std::chrono::steady_clock::now();
  if (const std::string said = project.rebuild(); !said.empty()) {
    std::cout << said << "  FAIL  build\n" << std::flush;
    return false;
  }
  bool well = true;
  for (const auto& method : methods_of(project.library())) {
    const bool right = check(method, flags);
    well = right && (flags.without_model || run_in_model(method)) && well;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  char line[64];
  std::snprintf(line, sizeof line, "  %s after %.1f s\n", well ? "all well" : "not yet", took.count());
  std::cout << line << std::flush;
  return well;
}

void wait_for_change(const Project& project, uint64_t stamp) {
  while (project.stamp() == stamp) {
    throw_if_interrupted();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // what else an editor saves with it
}

int dev(const DevFlags& flags) {
  const Project project(flags.library, flags.build);
  if (!flags.once)
    std::cerr << "kvhost dev: looks at "
              << (project.source().empty() ? project.library() : project.source()).string()
              << (project.build().empty() ? "" : ", builds in " + project.build().string()) << '\n';
  while (true) {
    const uint64_t stamp = project.stamp();
    bool well = false;
    try {
      well = round_of(project, flags);
    } catch (const Error& e) {  // a library that is not there yet, or is none
      if (flags.once || e.code() == ExitCode::Interrupted) throw;
      std::cout << "  FAIL  " << e.what() << '\n' << std::flush;
    }
    if (flags.once) return well ? 0 : 1;
    wait_for_change(project, stamp);
    std::cout << '\n';
  }
}

}  // namespace

Command dev_command() {
  return {"dev",
          "work on a method: build, check and time it again whenever a source changes",
          "LIB",
          "LIB lies in a folder that cmake has configured, or below a Cargo.toml; the sources are looked\n"
          "at, and a change builds it, opens it in fresh processes, runs the checks of `kvhost validate`\n"
          "and a prompt in the bundled model. Without such a folder LIB itself is looked at. Ctrl-C ends it.",
          "kvhost dev build/lib/kvhost/plugins/1/libmy_method.so\n"
          "kvhost dev libmy_method.so --build ../build --only numbers --once",
          [](CLI::App& app) {
            auto flags = std::make_shared<DevFlags>();
            auto* own = flags.get();
            app.option_defaults()->group("What");
            app.add_option("library", flags->library)->group("")->type_name("LIB")->required();
            add_text(app,
                     {"--build", "DIR", "The folder to build. Default: the nearest above LIB."},
                     [own](const std::string& v) { own->build = v; });
            add_text(app,
                     {"--only", "ID", "This check, or all whose ids begin so: numbers."},
                     [own](const std::string& v) { own->only = v; });
            add_switch(app,
                       {"--without-model", "", "Leave out the run in the bundled model."},
                       [own] { own->without_model = true; });
            add_switch(app,
                       {"--once", "", "One round; exit code 1 where something fails."},
                       [own] { own->once = true; });
            return [flags] { return dev(*flags); };
          }};
}

}  // namespace kvhost
