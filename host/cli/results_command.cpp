// SPDX-License-Identifier: Apache-2.0
// What evaluations left: what there is, as tables, joined, and brought here from kvpress.
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/json_file.hpp"
#include "base/output_file.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/output_files.hpp"
#include "cli/results_flags.hpp"
#include "report/results_tables.hpp"
#include "report/table.hpp"
#include "results/contents.hpp"
#include "results/kvpress_folder.hpp"
#include "results/merge.hpp"

namespace kvhost {

using results::Access;
using results::DoneCell;
using results::Store;

namespace {

struct ResultsFlags {
  std::vector<std::string> words;
  std::shared_ptr<ResultChoice> choice = std::make_shared<ResultChoice>();
  std::string csv, json, markdown, latex;
  bool rows = false;

  std::vector<NamedOutput> outputs() const {
    return {{"--csv", csv}, {"--json", json}, {"--markdown", markdown}, {"--latex", latex}};
  }
};

const std::vector<std::string> kActions = {"list", "show", "merge", "import-kvpress"};

results::Waiting waiting() {
  results::Waiting out;
  out.context.cancelled = &interrupted;
  return out;
}

void write(const std::string& file, const std::function<void(std::ostream&)>& fill) {
  if (!file.empty()) write_file(file, fill);
}

std::string count(int64_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

// ---- list ----

nlohmann::json contents_json(const std::vector<results::SuiteContents>& suites) {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& s : suites)
    out.push_back({{"suite", s.suite},
                   {"suite_hash", s.suite_hash},
                   {"model", s.model},
                   {"tasks", s.tasks},
                   {"arms", s.arms},
                   {"metrics", s.metrics},
                   {"budgets", s.budgets},
                   {"sources", s.sources},
                   {"n_cells", s.n_cells},
                   {"n_measurements", s.n_measurements},
                   {"first_begun", s.first_begun},
                   {"last_begun", s.last_begun}});
  return {{"schema", 1}, {"suites", out}};
}

int list(const ResultsFlags& flags) {
  const auto cells = chosen_cells(*flags.choice);
  const auto suites = results::contents_of(cells);
  write(flags.json, [&](std::ostream& out) { out << json_text(contents_json(suites), 2) << '\n'; });
  if (goes_to_stdout(flags.json)) return 0;
  std::vector<std::vector<std::string>> rows = {
      {"suite", "hash", "model", "tasks", "arms", "budgets", "cells", "figures", "last begun"}};
  for (const auto& s : suites)
    rows.push_back({s.suite,
                    s.suite_hash.substr(0, 8),
                    s.model,
                    std::to_string(s.tasks.size()),
                    std::to_string(s.arms.size()),
                    std::to_string(s.budgets.size()),
                    std::to_string(s.n_cells),
                    std::to_string(s.n_measurements),
                    s.last_begun.empty() ? "-" : s.last_begun});
  print_table(std::cout, make_ink("auto", 1), rows, /*with_head=*/true);
  return 0;
}

// ---- show ----

int show_rows(const ResultsFlags& flags) {
  for (const auto& [flag, file] :
       {NamedOutput{"--markdown", flags.markdown}, NamedOutput{"--latex", flags.latex}})
    if (!file.empty())
      bad_request(flag, "found with --rows; expected --csv or --json, or no --rows");
  const Store store(flags.choice->db, Access::Read);
  chosen_cells(*flags.choice);  // says what is wrong where nothing is chosen
  const auto cells = store.cells(flags.choice->filter);
  write(flags.csv, [&](std::ostream& out) { write_rows_csv(out, cells); });
  write(flags.json, [&](std::ostream& out) { write_rows_json(out, cells); });
  if (flags.csv.empty() && flags.json.empty()) write_rows_csv(std::cout, cells);
  return 0;
}

int show(const ResultsFlags& flags) {
  if (flags.rows) return show_rows(flags);
  const auto cells = chosen_cells(*flags.choice);
  const auto lines = chosen_lines(*flags.choice, cells);
  write(flags.csv, [&](std::ostream& out) { write_results_csv(out, lines); });
  write(flags.json, [&](std::ostream& out) { write_results_json(out, lines); });
  write(flags.markdown, [&](std::ostream& out) { write_results_markdown(out, lines); });
  write(flags.latex, [&](std::ostream& out) { write_results_latex(out, lines); });
  bool any = false;
  for (const auto& output : flags.outputs()) any |= goes_to_stdout(output.file);
  if (!any) print_results(std::cout, make_ink("auto", 1), lines);
  return 0;
}

// ---- merge, import ----

void report(const std::string& name, const results::Merged& merged) {
  std::cout << name << ": " << count(merged.n_new, "new cell") << ", "
            << merged.n_same + merged.n_other << " there before\n";
  if (merged.n_other > 0)
    std::cerr << "kvhost: warning: " << name << ": " << count(merged.n_other, "cell")
              << " had other figures; those that were there "
              << "before stay\n";
}

int merge_files(const ResultsFlags& flags) {
  const std::vector<std::string> files(flags.words.begin() + 2, flags.words.end());
  std::vector<std::vector<DoneCell>> all;  // read before anything is written
  for (const auto& file : files) all.push_back(Store(file, Access::Read, waiting()).cells());
  Store out(flags.words[1], Access::Write, waiting());
  for (size_t i = 0; i < files.size(); ++i) report(files[i], results::merge(out, all[i]));
  return 0;
}

int import_kvpress(const ResultsFlags& flags) {
  const auto cells = results::read_kvpress(flags.words[1]);
  Store out(flags.choice->db, Access::Write, waiting());
  report(flags.words[1], results::merge(out, cells));
  return 0;
}

// ---- which of them ----

void check_words(const ResultsFlags& flags, size_t least, size_t most, const std::string& usage) {
  const size_t n = flags.words.size() - 1;
  if (n >= least && n <= most) return;
  const std::string found = n > most ? quoted(flags.words[most + 1]) + " too" : "nothing more";
  bad_request("kvhost results " + flags.words[0], "found " + found + "; expected " + usage);
}

int run_results(const ResultsFlags& flags) {
  if (flags.words.empty())
    bad_request("kvhost results", "no word; expected " + join(kActions, ", "));
  const std::string& action = flags.words[0];
  check_choice("kvhost results", action, kActions);
  check_output_files(flags.outputs());
  for (const auto& [flag, file] : flags.outputs())
    if (!file.empty() && action != "show" && !(action == "list" && flag == "--json"))
      bad_request(flag, "found with " + action + "; expected it with show");
  if (action == "merge") {
    check_words(flags, 2, SIZE_MAX, "kvhost results merge OUT IN ...");
    return merge_files(flags);
  }
  if (action == "import-kvpress") {
    check_words(flags, 1, 1, "kvhost results import-kvpress DIR");
    return import_kvpress(flags);
  }
  check_words(flags, 0, 0, "flags alone");
  return action == "list" ? list(flags) : show(flags);
}

void add_flags(CLI::App& app, const std::shared_ptr<ResultsFlags>& flags) {
  const auto text = [&](const Flag& flag, std::string ResultsFlags::* target) {
    add_text(app, flag, [flags, target](const std::string& v) { (*flags).*target = v; });
  };
  app.option_defaults()->group("Which results");
  add_result_flags(app, flags->choice);
  app.option_defaults()->group("Tables (show)");
  add_switch(app,
             {"--rows", "", "Every measurement with its circumstances, as CSV or JSON."},
             [flags] { flags->rows = true; });
  text({"--csv", "FILE", "The lines as CSV; - = standard output."}, &ResultsFlags::csv);
  text({"--json", "FILE", "The lines as JSON; of list, what there is."}, &ResultsFlags::json);
  text({"--markdown", "FILE", "A Markdown table for each metric of each task."},
       &ResultsFlags::markdown);
  text({"--latex", "FILE", "The same for LaTeX, with booktabs."}, &ResultsFlags::latex);
  app.add_option("words", flags->words)->group("")->type_name("WORD");
}

}  // namespace

Command results_command() {
  return {
      "results",
      "what evaluations measured: list, show, merge, import",
      "list | show | merge OUT IN ... | import-kvpress DIR",
      "list shows what a file of results holds, show a line for each composition, budget and\n"
      "metric: mean, 95 % interval, and the difference from the full cache on the same cases.\n"
      "merge adds the cells of files to one; a cell is there once, however often it comes.\n"
      "import-kvpress adds the results that kvpress's evaluate.py left in folders. The file is\n"
      "SQLite, described in docs/results.md.",
      "kvhost results list --db results.db\n"
      "kvhost results show --suite quick --metric nll\n"
      "kvhost results show --suite quick --latex table.tex --csv table.csv\n"
      "kvhost results merge all.db machine1.db machine2.db\n"
      "kvhost results import-kvpress kvpress/evaluation/results --db all.db",
      [](CLI::App& app) {
        auto flags = std::make_shared<ResultsFlags>();
        add_flags(app, flags);
        return [flags] { return run_results(*flags); };
      }};
}

}  // namespace kvhost
