// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "cli/command.hpp"
#include "cli/output_files.hpp"
#include "cli/plan.hpp"
#include "cli/run_flags.hpp"

namespace kvhost {

namespace {

struct PlanFlags {
  explicit PlanFlags(CLI::App& app) : shared(app) {}
  RunFlags shared;
  std::string json;
};

int plan_with(const PlanFlags& flags) {
  check_output_file("--json", flags.json);
  const RunOptions options = flags.shared.options();
  if (!options.prompt.cache.empty())
    bad_request("--cache", "is compressed already; expected a prompt to plan for");
  const nlohmann::json result = plan(options);
  if (!flags.json.empty()) write_json(flags.json, result);
  if (!goes_to_stdout(flags.json)) std::cout << plan_text(result);
  return 0;
}

}  // namespace

Command plan_command() {
  return {"plan",
          "what a run would do and need, without reading any weights",
          "",
          "Prints the composition in canonical form, what every method needs, the budget in "
          "entries and bytes, and\n"
          "the peak of the cache.",
          "kvhost plan --press {press} --keep-ratio 0.1\n"
          "kvhost plan --config run.json --json -",
          [](CLI::App& app) {
            auto flags = std::make_shared<PlanFlags>(app);
            flags->shared.add_model();
            flags->shared.add_prompt();
            flags->shared.add_press();
            app.option_defaults()->group("Output");
            add_text(app,
                     {"--json", "FILE", "Write the plan; - = standard output."},
                     [flags = flags.get()](const std::string& v) { flags->json = v; });
            flags->shared.add_plugins();
            return [flags] { return plan_with(*flags); };
          }};
}

}  // namespace kvhost
