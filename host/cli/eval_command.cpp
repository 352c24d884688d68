// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <ctime>
#include <iostream>
#include <memory>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/parallel.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "base/weight_type.hpp"
#include "cli/command.hpp"
#include "cli/doctor.hpp"
#include "cli/eval_case.hpp"
#include "cli/job.hpp"
#include "cli/output_files.hpp"
#include "cli/results_flags.hpp"
#include "cli/run_flags.hpp"
#include "engine/plugin_set.hpp"
#include "eval/cell_key.hpp"
#include "eval/evaluator.hpp"
#include "input/paths.hpp"
#include "kernels/attention.hpp"
#include "kvhost/method.h"
#include "report/ink.hpp"
#include "report/progress.hpp"
#include "report/results_tables.hpp"
#include "report/table.hpp"
#include "spec/swap.hpp"

namespace kvhost {

namespace {

struct EvalFlags {
  explicit EvalFlags(CLI::App& app) : shared(app) {}
  RunFlags shared;
  std::string suite, db = kDefaultResults, only_case, kept_html;
  std::vector<double> budgets;
  std::vector<std::string> presses, tasks, swaps;
  std::vector<std::filesystem::path> data;
  bool dry = false, list = false, diagnose = false;
};

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
  return text;
}

std::string duration(double seconds) {
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 90) return std::to_string(whole) + " s";
  if (whole < 5400) return std::to_string((whole + 30) / 60) + " min";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

void keep_tasks(const std::vector<std::string>& wanted, eval::Suite& suite) {
  std::vector<std::string> names;
  for (const auto& task : suite.tasks) names.push_back(eval::task_name(task));
  for (const auto& name : wanted)
    if (std::find(names.begin(), names.end(), name) == names.end())
      bad_request("--task", "found " + quoted(name) + "; expected one of " + join(names, ", ") +
                                did_you_mean(name, names));
  std::erase_if(suite.tasks, [&](const eval::Task& task) {
    return std::find(wanted.begin(), wanted.end(), eval::task_name(task)) == wanted.end();
  });
}

eval::Suite chosen_suite(const EvalFlags& flags) {
  if (flags.suite.empty())
    bad_request("kvhost eval",
                "no suite; expected a JSON file or one of " + join(eval::bundled_suites(), ", "));
  eval::Suite suite = eval::read_suite(flags.suite, flags.data, flags.diagnose);
  for (const auto& name : flags.swaps) kinds_named(name, "--swap");
  if (!flags.presses.empty()) {
    suite.arms.clear();
    for (const auto& press : flags.presses)
      suite.arms.push_back({press, press, {}, {}, {}, "--press"});
  }
  if (!flags.budgets.empty()) {
    suite.budgets = flags.budgets;
    for (auto& arm : suite.arms) arm.budgets.clear();
  }
  if (!flags.tasks.empty()) keep_tasks(flags.tasks, suite);
  return suite;
}

// As an arm in the tasks where it runs; where it runs in none, told on standard error with the
// reason.
void add_where_it_runs(const std::string& press,
                       const Engine& engine,
                       const Model& model,
                       eval::Suite& suite) {
  eval::Arm arm{press, press, {}, {}, {}, "--swap"};
  for (const auto& other : suite.arms)
    if (other.press == press) return;
  std::string reason;
  for (const auto& task : suite.tasks) {
    const std::string why = eval::why_not(engine, model, suite, task, arm);
    if (why.empty())
      arm.tasks.push_back(eval::task_name(task));
    else
      reason = why;
  }
  if (arm.tasks.empty())
    std::cerr << "left out: " << reason << '\n';
  else
    suite.arms.push_back(std::move(arm));
}

// Beside the composition as given, it with each part of the wanted kinds changed.
void add_swapped(const EvalFlags& flags,
                 const Engine& engine,
                 const Model& model,
                 eval::Suite& suite) {
  if (flags.presses.size() != 1)
    bad_request("--swap",
                "found " + std::to_string(flags.presses.size()) +
                    " compositions beside it; expected one --press, whose parts are changed");
  const PluginSet& plugins = engine.plugins();
  const Composition base = compose({PressSource::Form::Text, flags.presses.front(), "--press", ""},
                                   plugins.catalog,
                                   plugins.aliases,
                                   KVH_METHOD_PREFILL);
  for (const auto& name : flags.swaps)
    for (const registry::Kind kind : kinds_named(name, "--swap"))
      for (const auto& press : swapped(base, plugins.catalog, kind))
        add_where_it_runs(press, engine, model, suite);
}

int list_suites() {
  for (const auto& name : eval::bundled_suites())
    std::cout << pad_right(name, 22) << eval::suite_description(name) << '\n';
  return 0;
}

results::Run circumstances(const Model& model, const RunOptions& options) {
  results::Run run;
  run.model = options.model.empty() ? kDefaultModel : options.model;
  run.code_version = std::string("kvhost ") + version();
  run.cpu = processor_name() + ", kernels: " + cpu_level();
  run.threads = options.threads > 0 ? options.threads : num_threads();
  run.dtype = dtype_name(model.dtype());
  if (options.weights)
    run.dtype += std::string(", weights ") + weight_type_info(*options.weights).name;
  run.begun = now_utc();
  return run;
}

void print_lines(const results::Store& store,
                 const eval::Evaluation& evaluation,
                 const std::string& baseline) {
  results::Filter filter;
  filter.suite = evaluation.suite_hash;
  filter.model = evaluation.run.model;
  auto lines = results::summarise(store.cells(filter), {.baseline = baseline});
  // Times, bytes and what others say in other units are for `kvhost results`.
  std::erase_if(lines, [&](const results::Line& line) {
    return line.model_hash != evaluation.model_hash || line.unit == "ms" ||
           line.unit == "bytes" || line.metric == "perplexity" ||
           line.better == results::Better::Unsaid;
  });
  print_results(std::cout, make_ink("auto", 1), lines);
}

// What is to be done, on standard error: of the suite, and of each task where there are several.
void print_left(const eval::Evaluation& evaluation,
                const std::vector<eval::Evaluator::Left>& tasks) {
  eval::Evaluator::Left all;
  for (const auto& task : tasks) {
    all.n_cells += task.n_cells;
    all.n_missing += task.n_missing;
    all.seconds += task.seconds;
  }
  const auto line = [](const std::string& what, const eval::Evaluator::Left& left) {
    std::cerr << what << ": " << left.n_cells << " cells, " << left.n_missing << " to measure"
              << (left.n_missing > 0 ? ", about " + duration(left.seconds) : "") << '\n';
  };
  line(evaluation.suite_name + " on " + evaluation.run.model, all);
  for (const auto& task : tasks)
    if (tasks.size() > 1) line("  " + task.task, task);
}

// The file of results; none where a dry run finds no file, since it makes none, or one that holds nothing yet: what a
// run leaves that was killed while it began.
std::unique_ptr<results::Store> open_store(const EvalFlags& flags) {
  results::Waiting waiting;
  waiting.context.cancelled = &interrupted;
  std::error_code ignored;
  if (!flags.dry) return std::make_unique<results::Store>(flags.db, results::Access::Write, waiting);
  if (!std::filesystem::exists(flags.db, ignored)) return nullptr;
  try {
    return std::make_unique<results::Store>(flags.db, results::Access::Read, waiting);
  } catch (const Error& e) {
    if (e.code() == ExitCode::BadRequest) return nullptr;  // nothing is there to read
    throw;
  }
}

eval::Evaluation evaluation_of(const eval::Suite& suite,
                               const Model& model,
                               const RunOptions& options,
                               Progress& progress) {
  eval::Evaluation evaluation;
  evaluation.run = circumstances(model, options);
  evaluation.suite_name = suite.name;
  evaluation.suite_hash = suite.hash;
  evaluation.model_hash = eval::model_key(model, options.weights);
  evaluation.question_aware = suite.question_aware;
  evaluation.advance = [&progress](const eval::Advance& at) {
    const double share = static_cast<double>(at.n_done) / std::max<double>(at.n_cells, 1);
    progress.show(std::to_string(at.n_done) + "/" + std::to_string(at.n_cells) + " " + at.now +
                      ", " + duration(at.seconds_left) + " left",
                  std::min(share, 0.999));
  };
  return evaluation;
}

int evaluate(const EvalFlags& flags) {
  if (flags.list) return list_suites();
  if (flags.only_case.empty() != flags.kept_html.empty())
    bad_request("--case", "and --kept-html go together; expected both or neither");
  check_output_file("--kept-html", flags.kept_html);
  eval::Suite suite = chosen_suite(flags);
  RunOptions options = flags.shared.options();
  if (options.model.empty()) options.model = suite.model;
  const Engine engine = make_engine(options);
  const Model model = open_model(engine, options);
  if (!flags.swaps.empty()) add_swapped(flags, engine, model, suite);
  const eval::Plan plan = eval::make_plan(engine, model, suite);
  if (!flags.only_case.empty()) {
    write_case_page(
        model, plan, flags.only_case, suite.question_aware.front(), flags.kept_html);
    return 0;
  }
  const std::unique_ptr<results::Store> store = open_store(flags);
  Progress progress(true);
  const eval::Evaluation evaluation = evaluation_of(suite, model, options, progress);
  eval::Evaluator evaluator(model, plan, evaluation, store.get());
  print_left(evaluation, evaluator.left());
  if (flags.dry) return 0;
  try {
    evaluator.run();
  } catch (const Error& e) {
    progress.erase();
    if (e.code() != ExitCode::Interrupted) throw;
    throw Error(e.code(), "", "interrupted; what was measured is in " + flags.db +
                                  ", the same command goes on with it");
  }
  progress.erase();
  // Behind the full cache stands the composition as given.
  print_lines(*store,
              evaluation,
              flags.swaps.empty() ? "" : plan.front().settings.at(1).composition);
  return 0;
}

}  // namespace

Command eval_command() {
  return {
      "eval",
      "measure compositions on the tasks of a suite, resumable, into a result file",
      "[SUITE]",
      "A suite is a JSON file, or the name of a bundled one: tasks, compositions, kept shares\n"
      "(docs/eval.md). Each case by each composition is a cell; a cell is measured once and kept in\n"
      "the result file, so that a suite that was stopped goes on where it stopped. `kvhost results`\n"
      "and `kvhost report` read that file.",
      "kvhost eval --list\n"
      "kvhost eval quick\n"
      "kvhost eval rankkv_main --model smollm2 --dry-run\n"
      "kvhost eval quick --press snapkv --press adakv:snapkv\n"
      "kvhost eval quick --press adakv:snapkv --swap scorer\n"
      "kvhost eval quick --diagnose\n"
      "kvhost eval quick --case needle/512/50 --press snapkv --press adakv:snapkv --kept-html "
      "case.html",
      [](CLI::App& app) {
        auto flags = std::make_shared<EvalFlags>(app);
        auto* own = flags.get();
        app.option_defaults()->group("What");
        app.add_option("suite", flags->suite)->group("")->type_name("SUITE");
        add_switch(app, {"--list", "", "The bundled suites."}, [own] { own->list = true; });
        app.add_option("--press", flags->presses, "These compositions in place of the suite's.")
            ->type_name("SPEC");
        app.add_option("--swap",
                       flags->swaps,
                       "Beside one --press: with its scorer, wrapper, head_allocator, "
                       "layer_allocator, press or any allocator changed to each other one.")
            ->type_name("KIND");
        app.add_option("--task", flags->tasks, "Only these tasks of the suite.")->type_name("NAME");
        add_switch(app,
                   {"--diagnose",
                    "",
                    "Measure what became of marked spans and of what is attended to most; slower."},
                   [own] { own->diagnose = true; });
        app.add_option("--keep-ratio", flags->budgets, "These shares in place of the suite's.")
            ->type_name("SHARE")
            ->check(CLI::Range(1e-4, 1.0));
        add_text(app,
                 {"--case", "ID", "Measure nothing; of this case write what was kept, as a page."},
                 [own](const std::string& v) { own->only_case = v; });
        add_text(app,
                 {"--kept-html", "FILE", "Where that page goes; one or two compositions."},
                 [own](const std::string& v) { own->kept_html = v; });
        app.add_option("--data", flags->data, "Look for the suite's texts here too.")
            ->type_name("DIR");
        add_switch(app,
                   {"--dry-run", "", "Say how many cells are missing and how long they will take."},
                   [own] { own->dry = true; });
        add_text(app,
                 {"--db", "FILE", "The result file. Default: " + std::string(kDefaultResults) + "."},
                 [own](const std::string& v) { own->db = v; });
        flags->shared.add_model();
        flags->shared.add_plugins();
        return [flags] { return evaluate(*flags); };
      }};
}

}  // namespace kvhost
