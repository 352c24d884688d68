// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/output_file.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/library_methods.hpp"
#include "cli/output_files.hpp"
#include "kit/validate.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

struct ValidateFlags {
  std::string library, json, only;
  double seconds = 20;
  bool without_model = false;
};

nlohmann::json json_of(const std::vector<MethodReport>& reports) {
  nlohmann::json methods = nlohmann::json::array();
  for (const MethodReport& report : reports) {
    nlohmann::json checks = nlohmann::json::array();
    for (const CheckResult& check : report.checks)
      checks.push_back({{"id", check.id},
                        {"what", check.what},
                        {"outcome", outcome_name(check.verdict.outcome)},
                        {"reason", check.verdict.reason},
                        {"repeat", check.repeat}});
    methods.push_back({{"method", report.method.name},
                       {"kind", registry::kind_name(report.method.kind)},
                       {"library", report.method.library.string()},
                       {"sha256", report.method.sha256},
                       {"level", report.level()},
                       {"failed", report.failed()},
                       {"checks", std::move(checks)}});
  }
  return {{"schema", 1}, {"methods", std::move(methods)}};
}

void print(const std::vector<MethodReport>& reports) {
  for (const MethodReport& report : reports) {
    std::cout << report.method.name << ", a " << registry::kind_name(report.method.kind) << '\n';
    for (const CheckResult& check : report.checks) {
      const bool plain = check.verdict.outcome == Outcome::Pass;
      std::cout << "  " << outcome_name(check.verdict.outcome) << "  " << check.id << ": "
                << (plain ? check.what : check.verdict.reason) << '\n';
      if (check.verdict.outcome == Outcome::Fail) std::cout << "        " << check.repeat << '\n';
    }
    std::cout << "  level: " << report.level() << '\n';
  }
}

int validate(const ValidateFlags& flags) {
  check_output_file("--json", flags.json);
  ValidateOptions options;
  options.only = flags.only;
  options.deadline = std::chrono::milliseconds(static_cast<int64_t>(flags.seconds * 1000));
  if (!flags.without_model) options.program = fs::read_symlink("/proc/self/exe");
  const std::vector<MethodReport> reports = validate_methods(methods_of(flags.library), options);
  if (!flags.json.empty())
    write_file(flags.json, [&](std::ostream& out) {
      out << json_of(reports).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    });
  if (flags.json != "-") print(reports);
  return std::any_of(reports.begin(),
                     reports.end(),
                     [](const MethodReport& report) { return report.failed(); })
             ? 1
             : 0;
}

std::string checks_text() {
  std::string out = "The checks, each in a process of its own:\n";
  for (const CheckInfo& check : known_checks()) out += "  " + check.id + ": " + check.what + "\n";
  return out + "Exit code 1 where one fails. Levels: loads, configures, computes, shares, runs.";
}

}  // namespace

Command validate_command() {
  return {"validate",
          "whether a plugin does what its interface promises",
          "LIB",
          checks_text(),
          "kvhost validate build/lib/kvhost/plugins/1/libmy_method.so\n"
          "kvhost validate libmy_method.so --only numbers --json report.json",
          [](CLI::App& app) {
            auto flags = std::make_shared<ValidateFlags>();
            auto* own = flags.get();
            app.option_defaults()->group("What");
            app.add_option("library", flags->library)->group("")->type_name("LIB")->required();
            add_text(app,
                     {"--only", "ID", "This check, or all whose ids begin so: numbers."},
                     [own](const std::string& v) { own->only = v; });
            app.add_option("--deadline", flags->seconds, "Seconds that a check may take. Default: 20.")
                ->type_name("SECONDS")
                ->check(CLI::Range(0.1, 3600.0));
            add_switch(app,
                       {"--without-model", "", "Leave out the run in the bundled model."},
                       [own] { own->without_model = true; });
            add_text(app,
                     {"--json", "FILE", "The report as JSON; - for standard output."},
                     [own](const std::string& v) { own->json = v; });
            return [flags] { return validate(*flags); };
          }};
}

}  // namespace kvhost
