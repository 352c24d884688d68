// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <sstream>

#include "report/analysis_page_parts.hpp"
#include "report/analysis_printers.hpp"
#include "report/gnuplot.hpp"
#include "report/kept_html_parts.hpp"
#include "report/kept_page.hpp"
#include "report/page.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {

using kept_html::escape;
using results_html::Figures;

// Beside the style of the page of results.
constexpr const char* kOwnCss =
    ".numbers thead th:nth-child(n+2) { text-align: right; }\n.grids { overflow-x: auto; }\n";

struct Cell {
  std::string text;
  const char* mark = "";  // "better", "worse"
};

// A table whose first column names the row; all others are numbers.
class Table {
 public:
  Table(std::ostream& out, const std::vector<std::string>& head) : out_(out) {
    out << "<div class=\"scroll\" tabindex=\"0\"><table class=\"runs numbers\"><thead><tr>";
    for (const auto& text : head) out << "<th scope=\"col\">" << escape(text) << "</th>";
    out << "</tr></thead><tbody>\n";
  }
  ~Table() { out_ << "</tbody></table></div>\n"; }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  void row(const std::string& name, const std::vector<Cell>& cells) {
    out_ << "<tr><th scope=\"row\">" << escape(name) << "</th>";
    for (const auto& cell : cells)
      out_ << "<td class=\"n " << cell.mark << "\">" << escape(cell.text) << "</td>";
    out_ << "</tr>\n";
  }

 private:
  std::ostream& out_;
};

std::string tokens(int64_t n) { return kept_html::grouped(n) + " tokens"; }

void write_layers(std::ostream& out, const AnalysisReport& report) {
  std::vector<std::string> head = {"layer"};
  for (const auto& length : report.lengths) head.push_back(tokens(length.n_tokens));
  const LengthRanks* with_heads = report.with_heads();
  for (const auto& one : report.aggregated)
    head.push_back(one.aggregation + ", " + tokens(with_heads->n_tokens));
  Table table(out, head);
  for (size_t l = 0; l < report.longest().mean.size(); ++l) {
    std::vector<Cell> cells;
    for (const auto& length : report.lengths)
      cells.push_back(
          {format_number(length.mean[l], 4) + " \u00b1 " + format_number(length.std[l], 4)});
    for (const auto& one : report.aggregated) cells.push_back({format_number(one.ranks[l], 4)});
    table.row(std::to_string(l), cells);
  }
}

// Layers by heads, shaded from the least to the most.
void write_grid(std::ostream& out,
                const std::string& caption,
                const std::vector<std::vector<double>>& values) {
  double low = INFINITY, high = -INFINITY;
  for (const auto& row : values)
    for (const double x : row) {
      low = std::min(low, x);
      high = std::max(high, x);
    }
  out << "<table class=\"grid\"><caption>" << escape(caption)
      << "</caption><thead><tr><th scope=\"col\">layer</th>";
  for (size_t h = 0; h < values[0].size(); ++h) out << "<th scope=\"col\">" << h << "</th>";
  out << "</tr></thead><tbody>\n";
  for (size_t l = 0; l < values.size(); ++l) {
    out << "<tr><th scope=\"row\">" << l << "</th>";
    for (const double x : values[l]) {
      const double share = high > low ? (x - low) / (high - low) : 0.5;
      out << "<td class=\"" << results_html::shade_class(share) << "\">" << format_number(x, 2)
          << "</td>";
    }
    out << "</tr>\n";
  }
  out << "</tbody></table>\n";
}

void write_heads(std::ostream& out, const AnalysisReport& report) {
  out << "<div class=\"grids\">\n";
  if (const LengthRanks* length = report.with_heads())
    write_grid(out,
               "Effective rank of each head's own map, " + tokens(length->n_tokens),
               length->head_mean);
  write_grid(out,
             "Entropy of attention in nats, mean over queries, " +
                 tokens(report.longest().n_tokens),
             report.longest().entropy);
  out << "</div>\n";
}

void write_budgets(std::ostream& out, const AnalysisReport& report) {
  if (report.strategies.empty()) return;
  std::vector<std::string> head = {"layer"};
  for (const auto& strategy : report.strategies) head.push_back(strategy.name);
  {
    Table table(out, head);
    for (size_t l = 0; l < report.longest().mean.size(); ++l) {
      std::vector<Cell> cells;
      for (const auto& strategy : report.strategies)
        cells.push_back({kept_html::grouped(strategy.entries[l])});
      table.row(std::to_string(l), cells);
    }
  }
  out << "<p class=\"note\">";
  for (const auto& strategy : report.strategies)
    out << escape(strategy.name) << ": <code>" << escape(strategy.press) << "</code><br>\n";
  out << "{profile}: the mean ranks at the longest length</p>\n";
}

const char* mark(bool fine) { return fine ? "better" : "worse"; }

void write_errors(std::ostream& out, const AnalysisReport& report) {
  Table table(out,
              {"ranks", "heads", "tokens", "Pearson", "Spearman", "misplaced", "of budget",
               "most of a text", "ms", "of prefill"});
  for (const auto& e : report.estimates) {
    std::vector<Cell> cells = {{e.aggregation},
                               {kept_html::grouped(e.n_tokens)},
                               {format_number(e.to_exact.pearson, 3)},
                               {format_number(e.to_exact.spearman, 3)},
                               {format_number(e.misplaced, 1)},
                               {format_number(100 * e.misplaced_share(), 2) + " %",
                                mark(e.misplaced_share() <= kMisplacedGoal)},
                               {format_number(e.misplaced_most, 0)},
                               {format_number(e.ms, 1)},
                               {format_percent(e.time_share)}};
    if (e.measured) cells.back().mark = mark(e.time_share <= kTimeGoal);
    table.row(e.name, cells);
  }
}

void write_consistency(std::ostream& out, const AnalysisReport& report) {
  if (report.texts.size() < 2) {
    out << "<p class=\"note\">One text alone cannot be compared.</p>\n";
    return;
  }
  Table table(out, {"profiles of layers", "tokens", "Pearson", "least", "Spearman", "least",
                    "cosine", "least"});
  const auto row = [&](const std::string& name,
                       const LengthRanks& length,
                       const Similarity& mean,
                       const Similarity& least) {
    std::vector<Cell> cells = {{kept_html::grouped(length.n_tokens)}};
    for (double Similarity::* part :
         {&Similarity::pearson, &Similarity::spearman, &Similarity::cosine}) {
      cells.push_back({format_number(mean.*part, 4)});
      cells.push_back({format_number(least.*part, 4)});
    }
    table.row(name, cells);
  };
  for (const auto& length : report.lengths) {
    row("two texts", length, length.between, length.between_least);
    row("a text and the mean of the others", length, length.stored, length.stored_least);
  }
}

std::string title_of(const AnalysisReport& report) {
  return report.suite + " on " + report.model_name;
}

// The parts of the page by the names that stand in analysis_page.html and its skeleton.
std::map<std::string, std::string> parts_of(const AnalysisReport& report, const std::string& made) {
  std::map<std::string, std::string> parts = {
      {"kind", "Attention, layer by layer"},
      {"title", escape(title_of(report))},
      {"made", escape(made)},
      {"css", std::string(kPageColorsCss) + std::string(kResultsPageCss) + kOwnCss},
      {"js", std::string(kAnalysisPageJs)},
      {"shapes", figure_shapes()}};
  const auto write = [&](const char* name, void (*part)(std::ostream&, const AnalysisReport&)) {
    std::ostringstream out;
    part(out, report);
    parts[name] = out.str();
  };
  write("layers", &write_layers);
  write("heads", &write_heads);
  write("budgets", &write_budgets);
  write("errors", &write_errors);
  write("consistency", &write_consistency);
  using Draw = void (*)(Figures&, const AnalysisReport&);
  const auto draw = [&](const char* name, std::vector<Draw> all) {
    std::ostringstream out;
    Figures figures(out);
    for (const Draw each : all)
      if (parts["problem"].empty()) each(figures, report);
    parts[name] = out.str();
    if (!figures.problem().empty() && parts["problem"].empty())
      parts["problem"] = "<p class=\"note warn\">" + escape(figures.problem()) + "</p>";
  };
  using namespace analysis_html;
  draw("ranks", {&draw_ranks, &draw_lengths, &draw_texts});
  draw("strategies", {&draw_strategies});
  draw("estimates", {&draw_estimates, &draw_layer_errors});
  return parts;
}

}  // namespace

void write_analysis_page(std::ostream& out, const AnalysisReport& report, const std::string& made) {
  const auto parts = parts_of(report, made);
  write_page(out, kAnalysisPageHtml, [&](std::ostream& to, std::string_view name) {
    if (const auto part = parts.find(std::string(name)); part != parts.end()) to << part->second;
  });
}

}  // namespace kvhost
