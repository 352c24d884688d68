// SPDX-License-Identifier: Apache-2.0
// Grids of shaded numbers: tables, so that they can be read without seeing the shades.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "report/kept_html_parts.hpp"
#include "report/results_page_parts.hpp"
#include "report/table.hpp"

namespace kvhost::results_html {

using kept_html::escape;
using results::Better;
using results::DoneCell;
using results::Line;

namespace {

constexpr size_t kMostGrids = 24;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // From the worst, 0, to the best, 1.
  double place(double value, Better better) const {
    if (!std::isfinite(value) || high <= low) return 0.5;
    const double at = (value - low) / (high - low);
    return better == Better::Lower ? 1 - at : at;
  }
};

void write_cell(std::ostream& out, const std::string& text, double share) {
  out << "<td class=\"" << shade_class(share) << "\">" << escape(text) << "</td>";
}

struct Spot {
  double depth, length;
  auto operator<=>(const Spot&) const = default;
};
using Grid = std::map<Spot, std::vector<double>>;

// Where a measurement looked, from its `extra`.
bool read_spot(const std::string& extra, Spot& spot) {
  if (extra.find("\"depth\"") == std::string::npos) return false;
  const auto json = nlohmann::json::parse(extra, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("depth") || !json.contains("length")) return false;
  if (!json["depth"].is_number() || !json["length"].is_number()) return false;
  spot = {json["depth"], json["length"]};
  return true;
}

std::map<std::string, Grid> grids_of(std::span<const DoneCell> cells, const Line& place) {
  std::map<std::string, Grid> grids;
  for (const auto& [run, c, measurements] : cells) {
    if (c.task != place.task || c.suite_hash != place.suite_hash || c.suite != place.suite ||
        c.model_hash != place.model_hash || run->model != place.model)
      continue;
    for (const auto& m : measurements) {
      Spot spot;
      if (m.metric != place.metric || !read_spot(m.extra, spot)) continue;
      const std::string name = c.arm + (c.question_aware ? ", question seen" : "") + ", " +
                               share_text(c.budget) + " kept";
      grids[name][spot].push_back(m.value);
    }
  }
  return grids;
}

double mean_of(const std::vector<double>& values) { return results::interval_of(values).mean; }

void write_grid(std::ostream& out,
                const std::string& name,
                const Grid& grid,
                const Range& range,
                Better better) {
  std::set<double> depths, lengths;
  for (const auto& [spot, values] : grid) {
    depths.insert(spot.depth);
    lengths.insert(spot.length);
  }
  out << "<table class=\"grid\"><caption>" << escape(name)
      << "</caption><thead><tr><th scope=\"col\">depth</th>";
  for (const double length : lengths)
    out << "<th scope=\"col\">" << kept_html::grouped(static_cast<int64_t>(length)) << "</th>";
  out << "</tr></thead><tbody>";
  for (const double depth : depths) {
    out << "<tr><th scope=\"row\">" << share_text(depth) << "</th>";
    for (const double length : lengths) {
      const auto found = grid.find({depth, length});
      if (found == grid.end()) {
        out << "<td></td>";
        continue;
      }
      const double value = mean_of(found->second);
      write_cell(out, format_number(value, 2), range.place(value, better));
    }
    out << "</tr>";
  }
  out << "</tbody></table>\n";
}

}  // namespace

std::string shade_class(double share) {
  return "s" + std::to_string(std::clamp(static_cast<int>(std::lround(share * 10)), 0, 10));
}

void write_heat_map(std::ostream& out, const ResultPlace& place) {
  std::map<std::string, std::map<double, const Line*>> rows;
  std::set<double> budgets;
  Range range;
  for (const Line* line : place.lines) {
    rows[arm_title(*line)][line->budget] = line;
    budgets.insert(line->budget);
    range.add(line->value.mean);
  }
  if (rows.size() < 2 || budgets.size() < 2) return;
  const Line& first = place.first();
  out << "<table class=\"grid\"><caption>" << escape(first.metric)
      << (first.better == Better::Unsaid ? ", darker by day: larger"
                                         : ", shaded from the worst to the best")
      << "</caption><thead><tr><th scope=\"col\">kept</th>";
  for (const double budget : budgets) out << "<th scope=\"col\">" << share_text(budget) << "</th>";
  out << "</tr></thead><tbody>";
  for (const auto& [arm, cells] : rows) {
    out << "<tr><th scope=\"row\">" << escape(arm) << "</th>";
    for (const double budget : budgets) {
      const auto found = cells.find(budget);
      if (found == cells.end()) {
        out << "<td></td>";
        continue;
      }
      const auto& value = found->second->value;
      write_cell(out, mean_text(value.mean, value.half), range.place(value.mean, first.better));
    }
    out << "</tr>";
  }
  out << "</tbody></table>\n";
}

void write_needles(std::ostream& out, std::span<const DoneCell> cells, const Line& place) {
  const auto grids = grids_of(cells, place);
  if (grids.empty()) return;
  Range range{0, 1};  // shares found; other metrics widen it
  for (const auto& [name, grid] : grids)
    for (const auto& [spot, values] : grid) range.add(mean_of(values));
  out << "<h4>Depth in the text by its length in tokens</h4><div class=\"grids\">\n";
  size_t n = 0;
  for (const auto& [name, grid] : grids)
    if (n++ < kMostGrids) write_grid(out, name, grid, range, place.better);
  out << "</div>\n";
  if (grids.size() > kMostGrids)
    out << "<p class=\"note\">The first " << kMostGrids << " of " << grids.size()
        << "; kvhost results show --rows has all.</p>\n";
}

}  // namespace kvhost::results_html
