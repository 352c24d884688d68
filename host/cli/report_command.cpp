// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <set>

#include "base/day.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "cli/command.hpp"
#include "cli/flags.hpp"
#include "cli/results_flags.hpp"
#include "report/results_files.hpp"

namespace kvhost {

namespace {

struct ReportFlags {
  std::shared_ptr<ResultChoice> choice = std::make_shared<ResultChoice>();
  std::string out, title;
};

std::string suites_of(const std::vector<results::DoneCell>& cells) {
  std::set<std::string> names;
  for (const auto& done : cells) names.insert(done.cell.suite);
  return join({names.begin(), names.end()}, ", ");
}

int report(const ReportFlags& flags) {
  if (flags.out.empty()) bad_request("-o", "is missing; expected a folder or FILE.html");
  if (const std::string wrong = why_no_report_at(flags.out); !wrong.empty())
    bad_request("-o", quoted(flags.out) + " " + wrong);
  ResultsView view;
  view.cells = chosen_cells(*flags.choice);
  view.lines = chosen_lines(*flags.choice, view.cells);
  view.title = flags.title.empty() ? suites_of(view.cells) : flags.title;
  view.made = std::to_string(view.cells.size()) + " cells, " + today() + ", kvhost " + version();
  for (const auto& file : write_results_report(flags.out, view)) std::cout << file.string() << '\n';
  return 0;
}

}  // namespace

Command report_command() {
  return {
      "report",
      "results as a page with figures and a leaderboard, and as tables",
      "",
      "Writes one HTML page that needs no network: a table that sorts and filters, curves of\n"
      "quality against what is kept, bars, heat maps. With a folder in place of FILE.html the\n"
      "tables as text, CSV, Markdown, LaTeX and JSON come along. Curves and bars are drawn by\n"
      "gnuplot (apt-get install gnuplot-nox, or $KVHOST_GNUPLOT); without it the page says so and\n"
      "has the tables.",
      "kvhost report --db results.db -o report\n"
      "kvhost report --suite leaderboard -o leaderboard.html\n"
      "kvhost report --baseline SnapKV --metric nll -o against_snapkv.html",
      [](CLI::App& app) {
        auto flags = std::make_shared<ReportFlags>();
        app.option_defaults()->group("Flags");
        add_text(app,
                 {"-o,--output", "DIR|FILE.html", "Where the report goes."},
                 [flags](const std::string& v) { flags->out = v; });
        add_text(app,
                 {"--title", "TEXT", "What the page is called. Default: its suites."},
                 [flags](const std::string& v) { flags->title = v; });
        app.option_defaults()->group("Which results");
        add_result_flags(app, flags->choice);
        return [flags] { return report(*flags); };
      }};
}

}  // namespace kvhost
