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
#include "kit/fuzz.hpp"
#include "kit/record.hpp"
#include "kit/validate.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

struct ValidateFlags {
  std::string library, json, only, method;
  double seconds = 20;
  FuzzOptions fuzz;
  bool without_model = false;
};

// Of one method: the checks, and what was drawn by chance.
struct Examined {
  MethodReport report;
  FuzzReport fuzz;
  std::vector<std::string> repeats;  // of each finding, a command that does it again

  bool failed() const { return report.failed() || !fuzz.findings.empty(); }
};

nlohmann::json json_of(const Examined& examined) {
  nlohmann::json findings = nlohmann::json::array();
  for (size_t i = 0; i < examined.fuzz.findings.size(); ++i) {
    const Finding& finding = examined.fuzz.findings[i];
    findings.push_back({{"seed", finding.seed},
                        {"what", finding.what},
                        {"reason", finding.reason},
                        {"repeat", examined.repeats[i]}});
  }
  return {{"n", examined.fuzz.n_run},
          {"n_refused", examined.fuzz.n_refused},
          {"n_not_asked", examined.fuzz.n_not_asked},
          {"skipped", examined.fuzz.skipped},
          {"findings", std::move(findings)}};
}

nlohmann::json json_of(const std::vector<Examined>& all, bool fuzzed) {
  nlohmann::json methods = nlohmann::json::array();
  for (const Examined& examined : all) {
    const MethodReport& report = examined.report;
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
                       {"failed", examined.failed()},
                       {"fuzz", fuzzed ? json_of(examined) : nlohmann::json()},
                       {"checks", std::move(checks)}});
  }
  return {{"schema", 1}, {"methods", std::move(methods)}};
}

void print_fuzz(const Examined& examined) {
  const FuzzReport& fuzz = examined.fuzz;
  if (!fuzz.skipped.empty()) {
    std::cout << "  SKIP  fuzz: " << fuzz.skipped << '\n';
    return;
  }
  for (size_t i = 0; i < fuzz.findings.size(); ++i)
    std::cout << "  FAIL  fuzz: " << fuzz.findings[i].what << ": " << fuzz.findings[i].reason << "\n        "
              << examined.repeats[i] << '\n';
  std::cout << (fuzz.findings.empty() ? "  PASS" : "  FAIL") << "  fuzz: " << fuzz.n_run << " cases, "
            << fuzz.n_refused << " of them refused with words, " << fuzz.n_not_asked << " that no host asks for, "
            << fuzz.findings.size() << " wrong\n";
}

void print(const std::vector<Examined>& all, bool fuzzed) {
  for (const Examined& examined : all) {
    const MethodReport& report = examined.report;
    std::cout << report.method.name << ", a " << registry::kind_name(report.method.kind) << '\n';
    for (const CheckResult& check : report.checks) {
      const bool plain = check.verdict.outcome == Outcome::Pass;
      std::cout << "  " << outcome_name(check.verdict.outcome) << "  " << check.id << ": "
                << (plain ? check.what : check.verdict.reason) << '\n';
      if (check.verdict.outcome == Outcome::Fail) std::cout << "        " << check.repeat << '\n';
    }
    if (fuzzed) print_fuzz(examined);
    if (!report.checks.empty()) std::cout << "  level: " << report.level() << '\n';
  }
}

std::vector<registry::MethodInfo> methods_asked(const ValidateFlags& flags) {
  const std::vector<registry::MethodInfo> all = methods_of(flags.library);
  if (flags.method.empty()) return all;
  std::vector<std::string> names;
  for (const auto& method : all) {
    if (method.name == flags.method) return {method};
    names.push_back(method.name);
  }
  bad_request("--method",
              "found " + kvhost::quoted(flags.method) + "; expected " + join(names, ", ") +
                  did_you_mean(flags.method, names));
}

// `--only fuzz`: nothing but what is drawn.
Examined examine(const registry::MethodInfo& method, const ValidateFlags& flags) {
  ValidateOptions options;
  options.only = flags.only;
  options.deadline = std::chrono::milliseconds(static_cast<int64_t>(flags.seconds * 1000));
  if (!flags.without_model) options.program = fs::read_symlink("/proc/self/exe");
  Examined out{{method, {}}, {}, {}};
  if (flags.only != "fuzz") out.report = validate_methods({method}, options).front();
  if (flags.fuzz.n == 0) return out;
  FuzzOptions fuzz = flags.fuzz;
  fuzz.deadline = options.deadline;
  out.fuzz = fuzz_method(method, fuzz);
  for (const Finding& finding : out.fuzz.findings)
    out.repeats.push_back("kvhost validate " + method.library.string() + " --method " + method.name +
                          " --only fuzz --fuzz 1 --seed " + std::to_string(finding.seed));
  return out;
}

int validate(const ValidateFlags& flags) {
  check_output_file("--json", flags.json);
  if (flags.only == "fuzz" && flags.fuzz.n == 0)
    bad_request("--only", "found 'fuzz' without --fuzz; expected how many cases to draw, --fuzz 1000");
  std::vector<Examined> all;
  Records records(default_record_file());
  for (const auto& method : methods_asked(flags)) {
    all.push_back(examine(method, flags));
    if (flags.only.empty())
      records.put(all.back().report, all.back().fuzz.n_run, std::ssize(all.back().fuzz.findings));
  }
  if (flags.only.empty()) records.save();
  const bool fuzzed = flags.fuzz.n > 0;
  if (!flags.json.empty())
    write_file(flags.json, [&](std::ostream& out) {
      out << json_of(all, fuzzed).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    });
  if (flags.json != "-") print(all, fuzzed);
  const bool failed = std::any_of(all.begin(), all.end(), [](const Examined& one) { return one.failed(); });
  return failed ? 1 : 0;
}

std::string checks_text() {
  std::string out = "The checks, each in a process of its own:\n";
  for (const CheckInfo& check : known_checks()) out += "  " + check.id + ": " + check.what + "\n";
  return out +
         "Exit code 1 where one fails. Levels: loads, configures, computes, shares, runs; what was reached is\n"
         "kept by the library's SHA-256 and shown by `kvhost list` and `kvhost info`. --fuzz draws settings,\n"
         "shapes and numbers; each case is drawn again by its seed.";
}

}  // namespace

Command validate_command() {
  return {"validate",
          "whether a plugin does what its interface promises",
          "LIB",
          checks_text(),
          "kvhost validate build/lib/kvhost/plugins/1/libmy_method.so\n"
          "kvhost validate libmy_method.so --only numbers --json report.json\n"
          "kvhost validate libmy_method.so --fuzz 1000",
          [](CLI::App& app) {
            auto flags = std::make_shared<ValidateFlags>();
            auto* own = flags.get();
            app.option_defaults()->group("What");
            app.add_option("library", flags->library)->group("")->type_name("LIB")->required();
            add_text(app,
                     {"--only", "ID", "This check, or all whose ids begin so: numbers; or fuzz."},
                     [own](const std::string& v) { own->only = v; });
            app.add_option("--deadline", flags->seconds, "Seconds that a check may take. Default: 20.")
                ->type_name("SECONDS")
                ->check(CLI::Range(0.1, 3600.0));
            add_text(app,
                     {"--method", "NAME", "This method of the library. Default: all."},
                     [own](const std::string& v) { own->method = v; });
            add_integer(app,
                        {"--fuzz", "N", "Draw N cases by chance too. Default: 0."},
                        Limits{0, 1'000'000'000},
                        [own](int64_t v) { own->fuzz.n = v; });
            add_integer(app,
                        {"--seed", "N", "Of the first case; the next has the next. Default: 1."},
                        kNotNegative,
                        [own](int64_t v) { own->fuzz.seed = static_cast<uint64_t>(v); });
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
