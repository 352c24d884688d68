// SPDX-License-Identifier: Apache-2.0
// An index of plugins: a description for it of a library here, and the check that its CI runs.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/json_file.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/library_methods.hpp"
#include "cli/output_files.hpp"
#include "engine/plugin_set.hpp"
#include "kit/index.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

struct IndexFlags {
  std::string action, path, into = ".", libraries, json;
  IndexSource source;
  int64_t n_fuzz = 200;
};

int describe_for_index(const IndexFlags& flags) {
  for (const auto& [flag, value] : {std::pair<const char*, const std::string*>{"--source", &flags.source.url},
                                    {"--commit", &flags.source.commit},
                                    {"--build", &flags.source.build}})
    if (value->empty())
      bad_request(flag, "is not given; expected it, since nobody trusts a library whose source is not known");
  const std::string program = fs::read_symlink("/proc/self/exe").string();
  begin_index(flags.into);
  ValidateOptions options;
  options.program = program;
  FuzzOptions drawn;
  drawn.n = flags.n_fuzz;
  bool failed = false;
  for (const auto& method : methods_of(flags.path)) {
    const MethodReport report = validate_methods({method}, options).front();
    const FuzzReport fuzz = fuzz_method(method, drawn);
    const fs::path file = fs::path(flags.into) / "plugins" / (index_id(method) + ".json");
    fs::create_directories(file.parent_path());
    write_json(file, index_entry(report, fuzz, flags.source, measured_in_model(method, "'" + program + "'")));
    std::cout << file.string() << ": " << method.name << ", " << report.level() << ", " << fuzz.findings.size()
              << " wrong in " << fuzz.n_run << " cases drawn by chance\n";
    failed = failed || report.failed() || !fuzz.findings.empty();
  }
  return failed ? 1 : 0;
}

nlohmann::json json_of(const IndexReport& report) {
  nlohmann::json problems = nlohmann::json::array();
  for (const IndexProblem& one : report.problems)
    problems.push_back({{"file", one.file}, {"where", one.where}, {"what", one.what}, {"grave", one.grave}});
  return {{"schema", 1},
          {"n_files", report.n_files},
          {"n_checked_again", report.n_checked_again},
          {"problems", std::move(problems)}};
}

int check_whole_index(const IndexFlags& flags) {
  check_output_file("--json", flags.json);
  const IndexReport report = check_index(flags.path, flags.libraries, find_plugins({}).catalog.names());
  size_t n_grave = 0;
  for (const IndexProblem& one : report.problems) n_grave += one.grave ? 1 : 0;
  if (!flags.json.empty()) write_json(flags.json, json_of(report));
  if (!goes_to_stdout(flags.json)) {
    for (const IndexProblem& one : report.problems)
      std::cout << (one.grave ? "FAIL  " : "WARN  ") << one.file << (one.where.empty() ? "" : ": " + one.where) << ": "
                << one.what << '\n';
    std::cout << report.n_files << " descriptions, " << n_grave << " faults, " << report.n_checked_again
              << " libraries checked again\n";
  }
  return n_grave > 0 ? 1 : 0;
}

int index_of(const IndexFlags& flags) {
  if (flags.action == "new") return describe_for_index(flags);
  if (flags.action == "check") return check_whole_index(flags);
  bad_request("kvhost index",
              "found " + kvhost::quoted(flags.action) + "; expected new LIB, or check FOLDER" +
                  did_you_mean(flags.action, {"new", "check"}));
}

}  // namespace

Command index_command() {
  return {"index",
          "a public list of plugins: describe a library for it, check such a list",
          "new LIB | check FOLDER",
          "An index is a folder with a file for every method: source, commit, licence, SHA-256, the level\n"
          "that `kvhost validate` reached, cost and quality. `new` validates LIB, measures it in the bundled\n"
          "model and writes plugins/ID.json; `check` is the CI of an index, exit code 1 where a file is wrong.\n"
          "A plugin is native code with your rights; no level says that its author means well.",
          "kvhost index new libmy_method.so --source https://example.org/my_method --commit $(git rev-parse HEAD)"
          " --build 'cargo build --release' --into ~/kvhost-index\n"
          "kvhost index check ~/kvhost-index\n"
          "kvhost index check ~/kvhost-index --libraries build/lib",
          [](CLI::App& app) {
            auto flags = std::make_shared<IndexFlags>();
            auto* own = flags.get();
            app.add_option("action", flags->action)->group("")->type_name("ACTION")->required();
            app.add_option("path", flags->path)->group("")->type_name("PATH")->required();
            app.option_defaults()->group("Of new");
            add_text(app,
                     {"--source", "URL", "Where the source is, https://..."},
                     [own](const std::string& v) { own->source.url = v; });
            add_text(app,
                     {"--commit", "HEX", "The commit that LIB was built from."},
                     [own](const std::string& v) { own->source.commit = v; });
            add_text(app,
                     {"--build", "TEXT", "The commands that build it."},
                     [own](const std::string& v) { own->source.build = v; });
            add_text(app,
                     {"--into", "DIR", "The index. Default: the working folder."},
                     [own](const std::string& v) { own->into = v; });
            add_integer(app,
                        {"--fuzz", "N", "Cases drawn by chance. Default: 200."},
                        Limits{0, 1'000'000'000},
                        [own](int64_t v) { own->n_fuzz = v; });
            app.option_defaults()->group("Of check");
            add_text(app,
                     {"--libraries", "DIR", "Libraries that may be opened: those that an entry names are validated again."},
                     [own](const std::string& v) { own->libraries = v; });
            add_text(app,
                     {"--json", "FILE", "The report as JSON; - for standard output."},
                     [own](const std::string& v) { own->json = v; });
            return [flags] { return index_of(*flags); };
          }};
}

}  // namespace kvhost
