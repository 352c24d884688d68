// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "cli/command.hpp"
#include "cli/doctor.hpp"
#include "cli/flags.hpp"
#include "cli/output_files.hpp"
#include "cli/run_flags.hpp"
#include "report/ink.hpp"

namespace kvhost {

namespace {

struct DoctorFlags {
  PluginOptions plugins;
  std::string json;
};

int examine(const DoctorFlags& flags) {
  check_output_file("--json", flags.json);
  const std::vector<Finding> findings = diagnose(flags.plugins);
  if (!flags.json.empty()) write_json(flags.json, findings_json(findings));
  if (!goes_to_stdout(flags.json))
    print_findings(std::cout, make_ink("auto", STDOUT_FILENO), findings);
  for (const Finding& finding : findings)
    if (finding.state == Finding::State::Missing) return static_cast<int>(ExitCode::CannotLoad);
  return 0;
}

}  // namespace

Command doctor_command() {
  return {"doctor",
          "is everything here that kvhost needs? libtorch, CPU, memory, plugins, bundled model",
          "",
          "Exit code 0 when all is well, 3 when something needed is missing.",
          "kvhost doctor\nkvhost doctor --json -",
          [](CLI::App& app) {
            auto flags = std::make_shared<DoctorFlags>();
            app.option_defaults()->group("Flags");
            add_text(app,
                     {"--json", "FILE", "Write the findings; - = standard output."},
                     [flags](const std::string& v) { flags->json = v; });
            add_plugin_path(
                app, [flags](const std::string& v) { flags->plugins.paths.emplace_back(v); });
            add_prefer_plugins(app, [flags] { flags->plugins.prefer = true; });
            return [flags] { return examine(*flags); };
          }};
}

}  // namespace kvhost
