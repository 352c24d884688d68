// SPDX-License-Identifier: Apache-2.0
// Bars: differences between arms, and where the time goes.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "report/gnuplot.hpp"
#include "report/results_page_parts.hpp"

namespace kvhost::results_html {

using results::Interval;
using results::Line;

namespace {

constexpr size_t kMostArms = 28, kMostBudgets = 6;

struct Bars {
  std::vector<std::string> arms;  // along the axis
  std::vector<double> budgets;    // a colour each, the largest first
  std::map<std::pair<size_t, double>, Interval> heights;
  bool are_differences = false;
};

Bars bars_of(const ResultPlace& place) {
  Bars bars;
  for (const Line* line : place.lines) bars.are_differences |= line->difference.has_value();
  std::map<std::string, size_t> order;
  std::set<double> budgets;
  for (const Line* line : place.lines) {
    if (bars.are_differences ? !line->difference : line->is_baseline) continue;
    const Interval& value = bars.are_differences ? *line->difference : line->value;
    if (!std::isfinite(value.mean)) continue;
    const auto [at, is_new] = order.emplace(arm_title(*line), bars.arms.size());
    if (is_new) bars.arms.push_back(at->first);
    bars.heights[{at->second, line->budget}] = value;
    budgets.insert(line->budget);
  }
  bars.budgets.assign(budgets.rbegin(), budgets.rend());
  return bars;
}

// The text of a tick is a format to gnuplot.
std::string tick_text(const std::string& name) {
  std::string out;
  for (const char c : name) out += c == '%' ? "%%" : std::string(1, c);
  return plot_text(out);
}

std::string tick_list(const std::vector<std::string>& names) {
  std::string out = "set xtics (";
  for (size_t i = 0; i < names.size(); ++i)
    out += (i ? ", " : "") + tick_text(names[i]) + " " + std::to_string(i);
  return out + ") rotate by -28 left offset -0.5,0 textcolor rgb '" + plot_ink() + "'\n";
}

int longest(const std::vector<std::string>& names) {
  size_t n = 0;
  for (const auto& name : names) n = std::max(n, name.size());
  return static_cast<int>(n);
}

// Room below the axis for names that lean, and to the right for the last of them.
int height_for(const std::vector<std::string>& names) { return 300 + 4 * longest(names); }

std::string margins(const std::vector<std::string>& names) {
  return "set bmargin " + std::to_string(3 + longest(names) / 6) + "\nset rmargin " +
         std::to_string(2 + names.back().size() * 7 / 10) + "\n";
}

std::string bars_script(const Bars& bars, const std::string& label) {
  std::ostringstream script;
  script.precision(12);
  const double width = 0.8 / static_cast<double>(bars.budgets.size());
  for (size_t b = 0; b < bars.budgets.size(); ++b) {
    script << "$d" << b << " << EOD\n";
    for (size_t a = 0; a < bars.arms.size(); ++a) {
      const auto found = bars.heights.find({a, bars.budgets[b]});
      if (found == bars.heights.end()) continue;
      const double x = static_cast<double>(a) + width * (static_cast<double>(b) + 0.5) - 0.4;
      script << x << ' ' << found->second.mean << ' '
             << (std::isfinite(found->second.half) ? found->second.half : 0) << '\n';
    }
    script << "EOD\n";
  }
  script << tick_list(bars.arms) << margins(bars.arms) << "set key outside top right horizontal\n"
         << "set boxwidth " << 0.9 * width << "\nset style fill solid 0.85 noborder\n"
         << "set xrange [-0.6:" << static_cast<double>(bars.arms.size()) - 0.4 << "]\n"
         << "set yrange [*<0:0<*]\n"
         << "set xzeroaxis lt 1 lc rgb '" << plot_ink() << "'\n"
         << "set ylabel " << plot_text(label) << " textcolor rgb '" << plot_ink() << "'\nplot ";
  for (size_t b = 0; b < bars.budgets.size(); ++b)
    script << (b ? ", " : "") << "$d" << b << " using 1:2 with boxes lc rgb '" << plot_color(b)
           << "' title " << plot_text(share_text(bars.budgets[b]) + " kept") << ", $d" << b
           << " using 1:($2-$3):(0):(2*$3) with vectors nohead lw 1.6 lc rgb '" << plot_ink()
           << "' notitle";
  script << '\n';
  return script.str();
}

// ---- where the time goes ----

struct Stage {
  const char* metric;
  const char* title;
};
constexpr Stage kStages[] = {{"score_ms", "score"},
                             {"allocate_ms", "allocate"},
                             {"select_ms", "select"},
                             {"compact_ms", "compact"}};

// By "arm, kept", then by metric.
using Times = std::map<std::string, std::map<std::string, double>>;

Times times_of(std::span<const ResultPlace> places) {
  Times times;
  for (const ResultPlace& place : places)
    for (const Line* line : place.lines)
      times[arm_title(*line) + ", " + share_text(line->budget)][line->metric] = line->value.mean;
  return times;
}

double time_of(const std::map<std::string, double>& times, const std::string& metric) {
  const auto found = times.find(metric);
  return found == times.end() || !std::isfinite(found->second) ? 0 : found->second;
}

std::string latency_script(const Times& times, const std::vector<std::string>& names) {
  std::ostringstream script;
  script.precision(12);
  // Each column holds a stage on top of all before it; drawn from the tallest to the lowest.
  script << "$d << EOD\n";
  int row = 0;
  for (const auto& [name, by_metric] : times) {
    double sum = 0;
    script << row++;
    for (const Stage& stage : kStages) script << ' ' << (sum += time_of(by_metric, stage.metric));
    script << ' ' << std::max(sum, time_of(by_metric, "prefill_ms")) << '\n';
  }
  script << "EOD\n"
         << tick_list(names) << margins(names) << "set key outside top right horizontal\n"
         << "set boxwidth 0.7\nset style fill solid 1 noborder\nset yrange [0:*]\n"
         << "set xrange [-0.6:" << static_cast<double>(names.size()) - 0.4 << "]\n"
         << "set ylabel 'prefill [ms]' textcolor rgb '" << plot_ink() << "'\n"
         << "plot $d using 1:6 with boxes lc rgb '" << plot_color(6) << "' title 'model'";
  for (int i = static_cast<int>(std::size(kStages)) - 1; i >= 0; --i)
    script << ", $d using 1:" << i + 2 << " with boxes lc rgb '" << plot_color(i) << "' title '"
           << kStages[i].title << "'";
  script << '\n';
  return script.str();
}

}  // namespace

void draw_bars(Figures& figures, const ResultPlace& place) {
  const Bars bars = bars_of(place);
  if (bars.arms.size() < 2 || bars.arms.size() > kMostArms || bars.budgets.size() > kMostBudgets)
    return;
  const Line& first = place.first();
  const std::string unit = first.unit.empty() ? "" : " [" + first.unit + "]";
  const std::string label = (bars.are_differences ? "difference in " : "") + first.metric + unit;
  const int n_bars = static_cast<int>(bars.arms.size() * bars.budgets.size());
  figures.add(
      bars_script(bars, label),
      (bars.are_differences ? first.metric + ", each arm minus the baseline on the same cases"
                            : first.metric + " by arm") +
          ", with 95 % intervals",
      std::clamp(180 + 26 * n_bars, 620, 1000),
      height_for(bars.arms));
}

void draw_latency(Figures& figures, std::span<const ResultPlace> places) {
  const Times times = times_of(places);
  bool has_stages = false;
  std::vector<std::string> names;
  for (const auto& [name, by_metric] : times) {
    names.push_back(name);
    for (const Stage& stage : kStages) has_stages |= by_metric.contains(stage.metric);
  }
  if (!has_stages || names.size() > kMostArms) return;
  figures.add(latency_script(times, names),
              "Where the time of reading the prompt goes, means",
              std::clamp(180 + 42 * static_cast<int>(names.size()), 620, 1000),
              height_for(names));
}

}  // namespace kvhost::results_html
