// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "report/analysis_page_parts.hpp"
#include "report/gnuplot.hpp"
#include "report/table.hpp"

namespace kvhost::analysis_html {

namespace {

constexpr size_t kMostBars = 96;    // of one figure, beside each other
constexpr size_t kMostCurves = 8;   // as many as there are colours
constexpr int kWidth = 590, kWide = 960, kHeight = 340;

std::string labels(const std::string& x, const std::string& y) {
  const std::string ink = " textcolor rgb '" + plot_ink() + "'\n";
  return "set xlabel " + plot_text(x) + ink + "set ylabel " + plot_text(y) + ink;
}

std::string curve_style(size_t number) {
  static constexpr int kPoints[] = {7, 5, 9, 11, 13, 15};
  return " lc rgb '" + plot_color(number) + "' lw 1.8 pt " +
         std::to_string(kPoints[number % std::size(kPoints)]) + " ps 0.7";
}

std::string layer_axis(size_t n_layers) {
  return "set xrange [-0.6:" + format_number(static_cast<double>(n_layers) - 0.4, 1) + "]\n";
}

// "$name << EOD ... EOD" of (x, y) pairs.
struct Curve {
  std::string title;
  std::vector<std::pair<double, double>> points;
};

void write_data(std::ostream& script, size_t number, const Curve& curve) {
  script << "$d" << number << " << EOD\n";
  for (const auto& [x, y] : curve.points)
    if (std::isfinite(y)) script << x << ' ' << y << '\n';
  script << "EOD\n";
}

// `goal` not known: none is drawn.
std::string curves_script(const std::vector<Curve>& curves,
                          const std::string& settings,
                          double goal = kNotKnown) {
  std::ostringstream script;
  script.precision(9);
  script << (std::isfinite(goal) ? "set key below left Left reverse samplen 2 maxcols 2\n"
                                 : "set key outside right top Left reverse samplen 2\n")
         << settings;
  for (size_t i = 0; i < curves.size(); ++i) write_data(script, i, curves[i]);
  script << "plot ";
  if (std::isfinite(goal))
    script << goal << " with lines lc rgb '" << plot_ink() << "' lw 1.2 dt (6,4) title 'goal', ";
  for (size_t i = 0; i < curves.size(); ++i)
    script << (i ? ", " : "") << "$d" << i << " using 1:2 with linespoints" << curve_style(i)
           << " title " << plot_text(curves[i].title);
  script << '\n';
  return script.str();
}

std::string length_axis(const AnalysisReport& report) {
  std::string ticks;
  for (const auto& length : report.lengths)
    ticks += (ticks.empty() ? "" : ", ") + std::to_string(length.n_tokens);
  const auto first = static_cast<double>(report.lengths.front().n_tokens);
  const auto last = static_cast<double>(report.longest().n_tokens);
  return "set logscale x 2\nset xtics (" + ticks + ") textcolor rgb '" + plot_ink() +
         "'\nset xrange [" + format_number(first * 0.9, 1) + ":" + format_number(last * 1.1, 1) +
         "]\n";
}

// Of a key below the axis in two columns, the goal in it.
int key_height(size_t n_curves) { return 10 * static_cast<int>(n_curves + 1); }

// Layers evenly over the model, the first and the last among them.
std::vector<size_t> some_layers(size_t n_layers) {
  std::vector<size_t> out;
  const size_t n = std::min(n_layers, kMostCurves);
  for (size_t i = 0; i < n; ++i) out.push_back(n == 1 ? 0 : i * (n_layers - 1) / (n - 1));
  return out;
}

// Bars in groups, a group a layer.
std::string grouped_bars(const std::vector<Curve>& groups,
                         size_t n_layers,
                         const std::string& settings) {
  std::ostringstream script;
  script.precision(9);
  const double width = 0.84 / static_cast<double>(groups.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    Curve moved = groups[i];
    for (auto& [x, y] : moved.points) x += width * (static_cast<double>(i) + 0.5) - 0.42;
    write_data(script, i, moved);
  }
  script << "set key outside right top Left reverse samplen 1.5\n"
         << "set style fill solid 0.85 noborder\n"
         << "set boxwidth " << 0.92 * width << '\n'
         << layer_axis(n_layers) << settings << "plot ";
  for (size_t i = 0; i < groups.size(); ++i)
    script << (i ? ", " : "") << "$d" << i << " using 1:2 with boxes lc rgb '" << plot_color(i)
           << "' title " << plot_text(groups[i].title);
  script << '\n';
  return script.str();
}

std::string bars_or_curves(const std::vector<Curve>& series,
                           size_t n_layers,
                           const std::string& settings) {
  if (series.size() * n_layers <= kMostBars) return grouped_bars(series, n_layers, settings);
  return curves_script(series, layer_axis(n_layers) + settings);
}

template <class Numbers>
Curve by_layer(const std::string& title, const Numbers& values) {
  Curve curve{title, {}};
  for (size_t l = 0; l < values.size(); ++l)
    curve.points.emplace_back(static_cast<double>(l), static_cast<double>(values[l]));
  return curve;
}

std::string at_tokens(int64_t n) { return std::to_string(n) + " tokens"; }

// A curve over the length for each observer and for what is measured of no prompt.
std::vector<Curve> over_lengths(const AnalysisReport& report,
                                bool measured_only,
                                double (*value)(const BudgetEstimate&)) {
  std::vector<Curve> curves;
  std::map<std::string, size_t> known;
  for (const auto& e : report.estimates) {
    if (measured_only && !e.measured) continue;
    const std::string title = e.name + (e.aggregation == "mean" ? "" : " (" + e.aggregation + ")");
    const auto [at, is_new] = known.emplace(title, curves.size());
    if (is_new) curves.push_back({title, {}});
    curves[at->second].points.emplace_back(static_cast<double>(e.n_tokens), value(e));
  }
  return curves;
}

}  // namespace

void draw_ranks(Figures& figures, const AnalysisReport& report) {
  const LengthRanks& length = report.longest();
  std::ostringstream script;
  script.precision(9);
  double mean = 0;
  script << "$d << EOD\n";
  for (size_t l = 0; l < length.mean.size(); ++l) {
    script << l << ' ' << length.mean[l] << ' ' << length.std[l] << '\n';
    mean += length.mean[l] / static_cast<double>(length.mean.size());
  }
  script << "EOD\nset key outside top right horizontal\nset boxwidth 0.8\n"
         << "set style fill solid 0.85 noborder\nset yrange [0:*]\n"
         << layer_axis(length.mean.size()) << labels("layer", "effective rank [of tokens]")
         << "plot $d using 1:2 with boxes lc rgb '" << plot_color(0)
         << "' notitle, $d using 1:($2-$3):(0):(2*$3) with vectors nohead lw 1.6 lc rgb '"
         << plot_ink() << "' notitle, " << mean << " with lines lc rgb '" << plot_color(1)
         << "' lw 1.6 dt (6,4) title 'mean of all layers'\n";
  figures.add(script.str(),
              "Effective rank of each layer, " + at_tokens(length.n_tokens) +
                  ", with the standard deviation over " + std::to_string(length.texts.size()) +
                  " texts",
              kWidth,
              kHeight);
}

void draw_texts(Figures& figures, const AnalysisReport& report) {
  const LengthRanks& length = report.longest();
  const size_t n = length.texts.size();
  if (n < 2) return;
  std::ostringstream script;
  script.precision(9);
  for (size_t i = 0; i < n; ++i) write_data(script, i, by_layer("", length.texts[i].ranks));
  write_data(script, n, by_layer("", length.mean));
  script << "set key outside top right horizontal\nset yrange [0:*]\n"
         << layer_axis(length.mean.size()) << labels("layer", "effective rank [of tokens]")
         << "plot ";
  for (size_t i = 0; i < n; ++i)
    script << "$d" << i << " using 1:2 with lines lc rgb '" << plot_color(6) << "' lw 0.9 "
           << (i == 0 ? "title 'each text', " : "notitle, ");
  script << "$d" << n << " using 1:2 with linespoints" << curve_style(0)
         << " title 'mean, the stored profile'\n";
  figures.add(script.str(),
              "The same layers in every text: how far one profile can stand for all",
              kWidth,
              kHeight);
}

void draw_lengths(Figures& figures, const AnalysisReport& report) {
  if (report.lengths.size() < 2) return;
  std::vector<Curve> curves;
  for (const size_t l : some_layers(report.longest().mean.size())) {
    curves.push_back({"layer " + std::to_string(l), {}});
    for (const auto& length : report.lengths) {
      const auto n = static_cast<double>(length.n_tokens);
      curves.back().points.emplace_back(n, n * length.mean[l]);
    }
  }
  const bool all = curves.size() == report.longest().mean.size();
  figures.add(curves_script(curves,
                            length_axis(report) + "set logscale y 2\n" +
                                labels("tokens", "effective rank [entries]")),
              std::string("Rank against length, both by powers of two") +
                  (all ? "" : ", of some layers"),
              kWidth,
              kHeight);
}

void draw_strategies(Figures& figures, const AnalysisReport& report) {
  if (report.strategies.empty()) return;
  std::vector<Curve> series;
  for (const auto& strategy : report.strategies)
    if (series.size() < kMostCurves) series.push_back(by_layer(strategy.name, strategy.entries));
  figures.add(bars_or_curves(series,
                             report.longest().mean.size(),
                             "set yrange [0:*]\n" + labels("layer", "entries")),
              "Entries of each layer over all KV heads, " + format_percent(report.keep_ratio) +
                  " of " + at_tokens(report.longest().n_tokens) + " kept",
              kWide,
              kHeight);
}

void draw_estimates(Figures& figures, const AnalysisReport& report) {
  if (report.lengths.size() < 2) return;
  const auto misplaced = over_lengths(
      report, false, [](const BudgetEstimate& e) { return 100 * e.misplaced_share(); });
  figures.add(curves_script(misplaced,
                            length_axis(report) + "set yrange [0:*]\n" +
                                labels("tokens", "entries at another layer [% of budget]"),
                            100 * kMisplacedGoal),
              "Budgets against those from the exact ranks, means over texts",
              kWidth,
              kHeight + key_height(misplaced.size()));
  const auto times = over_lengths(
      report, true, [](const BudgetEstimate& e) { return 100 * e.time_share; });
  if (times.empty()) return;
  figures.add(curves_script(times,
                            length_axis(report) + "set yrange [0:*]\n" +
                                labels("tokens", "time [% of the model's prefill]"),
                            100 * kTimeGoal),
              "What the estimates take, medians over texts",
              kWidth,
              kHeight + key_height(misplaced.size()));
}

void draw_layer_errors(Figures& figures, const AnalysisReport& report) {
  std::vector<Curve> series;
  for (const auto& e : report.estimates)
    if (e.n_tokens == report.longest().n_tokens && e.measured && series.size() < kMostCurves)
      series.push_back(by_layer(e.name, e.layer_errors));
  if (series.empty()) return;
  figures.add(bars_or_curves(series,
                             report.longest().mean.size(),
                             "set xzeroaxis lt 1 lc rgb '" + plot_ink() + "'\n" +
                                 labels("layer", "entries too many")),
              "Where the estimates give a layer more or fewer entries than the exact ranks, " +
                  at_tokens(report.longest().n_tokens),
              kWide,
              kHeight);
}

}  // namespace kvhost::analysis_html
