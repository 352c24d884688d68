// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/analyzer.hpp"
#include "analysis/recipe.hpp"
#include "base/day.hpp"
#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/output_file.hpp"
#include "base/parallel.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "cli/command.hpp"
#include "cli/doctor.hpp"
#include "cli/job.hpp"
#include "cli/output_files.hpp"
#include "cli/run_flags.hpp"
#include "eval/suite.hpp"
#include "input/paths.hpp"
#include "kernels/attention.hpp"
#include "measure/analysis_json.hpp"
#include "report/analysis_printers.hpp"
#include "report/progress.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {

constexpr const char* kDefaultSuite = "quick";

struct AnalyzeFlags {
  explicit AnalyzeFlags(CLI::App& app) : shared(app) {}
  RunFlags shared;
  std::string suite = kDefaultSuite;
  std::vector<std::filesystem::path> data, files;
  std::vector<int64_t> lengths;
  std::optional<int64_t> n_texts, head_length;
  std::optional<double> keep_ratio;
  std::string json, page, profile;
  bool list = false;
};

int list_recipes() {
  for (const auto& name : analysis::bundled_recipes())
    std::cout << pad_right(name, 22) << eval::suite_description(name) << '\n';
  return 0;
}

analysis::Recipe recipe_of(const AnalyzeFlags& flags) {
  analysis::Recipe recipe = analysis::read_recipe(flags.suite, flags.data);
  if (!flags.files.empty()) recipe.files = flags.files;
  if (!flags.lengths.empty()) recipe.lengths = analysis::in_order(flags.lengths);
  recipe.n_texts = flags.n_texts.value_or(recipe.n_texts);
  recipe.head_length = flags.head_length.value_or(recipe.head_length);
  recipe.keep_ratio = flags.keep_ratio.value_or(recipe.keep_ratio);
  return recipe;
}

std::string made_line(const AnalysisReport& report) {
  std::string lengths;
  for (const auto& length : report.lengths)
    lengths += (lengths.empty() ? "" : ", ") + std::to_string(length.n_tokens);
  return std::to_string(report.texts.size()) + " texts of " + lengths + " tokens, " +
         report.dtype + ", " + report.cpu + ", " + std::to_string(report.threads) + " threads, " +
         today() + ", kvhost " + version();
}

void write_outputs(const AnalyzeFlags& flags, const AnalysisReport& report) {
  if (!flags.profile.empty()) write_json(flags.profile, rank_profile_json(report));
  if (!flags.page.empty())
    write_file(flags.page, [&](std::ostream& out) {
      write_analysis_page(out, report, made_line(report));
    });
  if (!flags.json.empty()) write_json(flags.json, to_json(report));
}

int analyze(const AnalyzeFlags& flags) {
  if (flags.list) return list_recipes();
  RunOptions options = flags.shared.options();
  check_output_files(std::vector<NamedOutput>{
      {"--json", flags.json}, {"--output", flags.page}, {"--profile", flags.profile}});
  const analysis::Recipe recipe = recipe_of(flags);
  if (options.model.empty()) options.model = recipe.model;
  const Engine engine = make_engine(options);
  const Model model = open_model(engine, options);
  Progress progress(true);
  AnalysisReport report = analysis::analyze(engine, model, recipe, [&](double share) {
    progress.show(recipe.suite, std::min(share, 0.999));
  });
  progress.erase();
  report.model_name = options.model.empty() ? kDefaultModel : options.model;
  report.cpu = processor_name() + ", kernels: " + cpu_level();
  report.threads = options.threads > 0 ? options.threads : num_threads();
  write_outputs(flags, report);
  for (const auto& out : {flags.json, flags.page, flags.profile})
    if (goes_to_stdout(out)) return 0;
  print_analysis(std::cout, make_ink("auto", 1), report);
  return 0;
}

void add_what(CLI::App& app, AnalyzeFlags* own) {
  app.option_defaults()->group("What");
  app.add_option("suite", own->suite)->group("")->type_name("SUITE");
  add_switch(app, {"--list", "", "The bundled suites that say what to analyse."}, [own] {
    own->list = true;
  });
  add_texts(app,
            {"-f,--file", "FILE", "This text in place of the suite's; may be repeated."},
            [own](const std::string& v) { own->files.emplace_back(v); });
  app.add_option("--data", own->data, "Look for the suite's texts here too.")->type_name("DIR");
  add_integer(app,
              {"--texts", "N", "Stretches of text, over all files."},
              kPositive,
              [own](int64_t v) { own->n_texts = v; });
  add_texts(app,
            {"--length", "N", "Tokens of each; may be repeated. Exact ranks take N^3."},
            [own](const std::string& v) {
              own->lengths.push_back(integer_from_text("--length", v, Limits{16, 1 << 20}));
            });
  add_integer(app,
              {"--head-length", "N", "Up to here every head's own rank too; 0: never."},
              kNotNegative,
              [own](int64_t v) { own->head_length = v; });
  add_number(app,
             {"--keep-ratio", "X", "Kept / seen, for budgets."},
             kKeepRatioLimits,
             [own](double v) { own->keep_ratio = v; });
}

void add_outputs(CLI::App& app, AnalyzeFlags* own) {
  app.option_defaults()->group("Output");
  add_text(app,
           {"--profile", "FILE", "The mean ranks at the longest length, as a stored profile."},
           [own](const std::string& v) { own->profile = v; });
  add_text(app,
           {"-o,--output", "FILE.html", "A page with figures."},
           [own](const std::string& v) { own->page = v; });
  add_text(app,
           {"--json", "FILE", "All figures of all texts; - = standard output."},
           [own](const std::string& v) { own->json = v; });
}

}  // namespace

Command analyze_command() {
  return {
      "analyze",
      "effective ranks of a model's attention, and what budgets methods make of them",
      "[SUITE]",
      "Reads texts and looks at the attention of every layer and head: its effective rank (exact,\n"
      "by singular values) and entropy, at several lengths; how alike texts are; what estimates\n"
      "and stored profiles lose against the exact ranks, in entries and in time; what each\n"
      "strategy gives every layer. What to look at is the part \"analysis\" of a suite (default:\n"
      "quick; docs/analyze.md). Exact ranks take time: with the cube of the length.",
      "kvhost analyze\n"
      "kvhost analyze --list\n"
      "kvhost analyze rankkv_analysis --model smollm2 --texts 4 -o ranks.html\n"
      "kvhost analyze -f book.txt --length 1024 --profile profile.json",
      [](CLI::App& app) {
        auto flags = std::make_shared<AnalyzeFlags>(app);
        add_what(app, flags.get());
        add_outputs(app, flags.get());
        flags->shared.add_model();
        flags->shared.add_plugins();
        return [flags] { return analyze(*flags); };
      }};
}

}  // namespace kvhost
