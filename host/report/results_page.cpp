// SPDX-License-Identifier: Apache-2.0
#include "report/results_page.hpp"

#include <algorithm>
#include <sstream>

#include "report/gnuplot.hpp"
#include "report/kept_html_parts.hpp"
#include "report/kept_page.hpp"
#include "report/page.hpp"
#include "report/results_page_parts.hpp"

namespace kvhost {

namespace {

using namespace results_html;
using kept_html::escape;
using results::Line;

constexpr int kOpenAtFirst = 4;  // sections

bool is_time(const ResultPlace& place) { return place.first().unit == "ms"; }

// Bytes stand in every line, and curves are drawn over them.
bool has_section(const ResultPlace& place) {
  return !is_time(place) && place.first().unit != "bytes";
}

// Lines are sorted by metric: the times of one task do not stand together.
bool same_task(const ResultPlace& a, const ResultPlace& b) {
  const Line &x = a.first(), &y = b.first();
  return x.task == y.task && x.suite == y.suite && x.suite_hash == y.suite_hash &&
         x.model == y.model && x.model_hash == y.model_hash;
}

void write_place(std::ostream& out,
                 Figures& figures,
                 const ResultPlace& place,
                 const ResultsView& view,
                 bool open) {
  const Line& first = place.first();
  out << "<details class=\"place\"" << (open ? " open" : "") << "><summary><h3>"
      << escape(place_title(first)) << "</h3> <span>" << escape(place_where(first))
      << "</span></summary>\n<div class=\"figures\">\n";
  draw_curves(figures, place);
  draw_bars(figures, place);
  out << "</div>\n";
  write_heat_map(out, place);
  write_needles(out, view.cells, first);
  out << "</details>\n";
}

// The times of one task share a section; there is none without a figure. Returns what went wrong.
std::string write_times(std::ostream& out, std::span<const ResultPlace> places) {
  std::ostringstream drawn;
  Figures figures(drawn);
  draw_latency(figures, places);
  if (drawn.str().empty()) return figures.problem();
  const Line& first = places.front().first();
  out << "<details class=\"place\" open><summary><h3>" << escape(first.task)
      << ": time (ms, lower is better)</h3> <span>" << escape(place_where(first))
      << "</span></summary>\n<div class=\"figures\">\n"
      << drawn.str() << "</div></details>\n";
  return "";
}

std::string write_all_times(std::ostream& out, const std::vector<ResultPlace>& places) {
  std::vector<std::vector<ResultPlace>> tasks;
  for (const ResultPlace& place : places) {
    if (!is_time(place)) continue;
    const auto known = std::find_if(tasks.begin(), tasks.end(), [&](const auto& task) {
      return same_task(task.front(), place);
    });
    if (known == tasks.end())
      tasks.push_back({place});
    else
      known->push_back(place);
  }
  std::string problem;
  for (const auto& task : tasks)
    if (problem.empty()) problem = write_times(out, task);
  return problem;
}

void write_places(std::ostream& out, const ResultsView& view) {
  const auto places = places_of(view.lines);
  std::ostringstream sections;
  Figures figures(sections);
  int n_open = 0;
  for (const ResultPlace& place : places)
    if (has_section(place)) write_place(sections, figures, place, view, n_open++ < kOpenAtFirst);
  std::string problem = figures.problem();
  if (problem.empty()) problem = write_all_times(sections, places);
  if (!problem.empty()) out << "<p class=\"note warn\">" << escape(problem) << "</p>\n";
  out << sections.str();
}

void write_part(std::ostream& out, std::string_view name, const ResultsView& view) {
  if (name == "kind") out << "Results";
  if (name == "title") out << escape(view.title);
  if (name == "made") out << escape(view.made);
  if (name == "css") out << kPageColorsCss << kResultsPageCss;
  if (name == "js") out << kResultsPageJs;
  if (name == "shapes") out << figure_shapes();
  if (name == "board") write_leaderboard(out, view.lines);
  if (name == "places") write_places(out, view);
  if (name == "runs") write_runs(out, view.cells);
}

}  // namespace

void write_results_page(std::ostream& out, const ResultsView& view) {
  write_page(out, kResultsPageHtml, [&](std::ostream& to, std::string_view name) {
    write_part(to, name, view);
  });
}

}  // namespace kvhost
