// SPDX-License-Identifier: Apache-2.0
// The table of all lines, and the circumstances of the runs.
#include <cmath>
#include <map>
#include <set>

#include "report/csv_cells.hpp"
#include "report/kept_html_parts.hpp"
#include "report/results_page_parts.hpp"

namespace kvhost::results_html {

using kept_html::escape;
using results::DoneCell;
using results::Interval;
using results::Line;

namespace {

// What the script sorts by; absent numbers come last.
std::string sort_value(double value) {
  const std::string text = csv_number(value);
  return text.empty() ? "" : " data-v=\"" + text + "\"";
}

void write_interval(std::ostream& out, const std::string& mean, const Interval& value) {
  out << "<td class=\"n\"" << sort_value(value.mean) << ">" << escape(mean);
  if (std::isfinite(value.half)) out << "<small> ± " << half_text(value.half) << "</small>";
  out << "</td>";
}

// A difference that its interval tells from 0: better or worse; by colour and by a sign.
std::string verdict(const Line& line) {
  const Interval& d = *line.difference;
  if (line.better == results::Better::Unsaid || !(std::abs(d.mean) > d.half)) return "";
  const bool higher = d.mean > 0;
  return higher == (line.better == results::Better::Higher) ? " better" : " worse";
}

void write_difference(std::ostream& out, const Line& line) {
  if (!line.difference) {
    out << "<td class=\"n\">" << (line.is_baseline ? "baseline" : "") << "</td>";
    return;
  }
  const Interval& d = *line.difference;
  out << "<td class=\"n" << verdict(line) << "\"" << sort_value(d.mean) << ">"
      << escape(signed_text(d.mean, d.half));
  if (std::isfinite(d.half)) out << "<small> ± " << half_text(d.half) << "</small>";
  out << "</td>";
}

void write_row(std::ostream& out, const Line& l) {
  out << "<tr" << (l.is_baseline ? " class=\"base\"" : "") << "><td>" << escape(l.task)
      << "</td><td>" << escape(l.metric)
      << (l.unit.empty() ? "" : " <small>[" + escape(l.unit) + "]</small>") << "</td><td>"
      << escape(l.model) << "</td><td title=\"" << escape(l.composition) << "\">" << escape(l.arm)
      << "</td><td class=\"n\"" << sort_value(l.budget) << ">" << share_text(l.budget)
      << "</td><td>" << (l.question_aware ? "seen" : "unseen") << "</td>";
  write_interval(out, mean_text(l.value.mean, l.value.half), l.value);
  write_difference(out, l);
  out << "<td class=\"n\"" << sort_value(static_cast<double>(l.value.n)) << ">" << l.value.n
      << "</td><td class=\"n\"" << sort_value(l.bytes) << ">" << bytes_text(l.bytes) << "</td><td>"
      << escape(l.suite) << (l.source.empty() ? "" : "<small> " + escape(l.source) + "</small>")
      << "</td></tr>\n";
}

struct Column {
  const char *name, *hint;
};
constexpr Column kColumns[] = {{"task", ""},
                               {"metric", ""},
                               {"model", ""},
                               {"arm", "The composition stands in the tip"},
                               {"kept", "Share of entries wanted"},
                               {"question", "Seen or unseen when the cache was compressed"},
                               {"mean", "Mean over the cases, 95 % interval by Student's t"},
                               {"difference", "From the baseline, case by case, 95 % interval"},
                               {"n", "Cases; seeds where there is one case"},
                               {"bytes", "K and V kept, mean over the cases"},
                               {"suite", ""}};

}  // namespace

void write_leaderboard(std::ostream& out, std::span<const Line> lines) {
  out << "<table id=\"board\"><thead><tr>";
  for (const Column& column : kColumns)
    out << "<th scope=\"col\"><button type=\"button\" title=\"" << column.hint << "\">"
        << column.name << "</button></th>";
  out << "</tr></thead><tbody>\n";
  for (const Line& line : lines) write_row(out, line);
  out << "</tbody></table>\n";
}

void write_runs(std::ostream& out, std::span<const DoneCell> cells) {
  std::map<results::Run, int64_t> n_cells;
  for (const auto& done : cells) ++n_cells[*done.run];
  out << "<table class=\"runs\"><thead><tr><th scope=\"col\">begun</th><th scope=\"col\">model</th>"
         "<th scope=\"col\">dtype</th><th scope=\"col\">by</th><th scope=\"col\">CPU</th>"
         "<th scope=\"col\">threads</th><th scope=\"col\">cells</th><th scope=\"col\">host</th>"
         "<th scope=\"col\">source</th></tr></thead><tbody>\n";
  for (const auto& [run, n] : n_cells)
    out << "<tr><td>" << escape(run.begun) << "</td><td>" << escape(run.model) << "</td><td>"
        << escape(run.dtype) << "</td><td>" << escape(run.code_version) << "</td><td>"
        << escape(run.cpu) << "</td><td class=\"n\">"
        << (run.threads > 0 ? std::to_string(run.threads) : "") << "</td><td class=\"n\">" << n
        << "</td><td>" << escape(run.host) << "</td><td>" << escape(run.source) << "</td></tr>\n";
  out << "</tbody></table>\n";
}

}  // namespace kvhost::results_html
