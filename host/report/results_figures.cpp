// SPDX-License-Identifier: Apache-2.0
// Curves: quality against what is kept.
#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "base/text.hpp"
#include "report/gnuplot.hpp"
#include "report/kept_html_parts.hpp"
#include "report/results_page_parts.hpp"

namespace kvhost::results_html {

using results::Better;
using results::Line;

namespace {

constexpr size_t kMostCurves = 16;  // more cannot be told apart

struct Curve {
  std::string name;
  std::vector<const Line*> points;
};

// The baseline where it is one figure, as the full cache is: a level that curves are held against.
// One that is measured at several budgets is a curve as all others.
const Line* level_of(const ResultPlace& place) {
  const Line* level = nullptr;
  for (const Line* line : place.lines) {
    if (!line->is_baseline || !std::isfinite(line->value.mean)) continue;
    if (level) return nullptr;
    level = line;
  }
  return level;
}

std::vector<Curve> curves_of(const ResultPlace& place) {
  const Line* level = level_of(place);
  std::map<std::pair<std::string, std::string>, Curve> curves;
  for (const Line* line : place.lines) {
    if (line == level || !std::isfinite(line->value.mean)) continue;
    Curve& curve = curves[{arm_title(*line), line->composition}];
    curve.name = arm_title(*line);
    curve.points.push_back(line);
  }
  std::vector<Curve> out;
  for (auto& [key, curve] : curves) out.push_back(std::move(curve));
  return out;
}

double finite_or_zero(double value) { return std::isfinite(value) ? value : 0; }

std::string axis_label(const Line& line) {
  std::string notes = line.unit;
  if (line.better != Better::Unsaid)
    notes += std::string(notes.empty() ? "" : ", ") +
             (line.better == Better::Higher ? "higher is better" : "lower is better");
  return line.metric + (notes.empty() ? "" : " [" + notes + "]");
}

// Points whose shape differs as well as their colour.
std::string style(size_t number) {
  static constexpr int kPoints[] = {7, 5, 9, 11, 13, 15};
  static constexpr const char* kDashes[] = {"1", "(8,4)", "(2,3)"};
  return " lc rgb '" + plot_color(number) + "' lw 1.8 pt " +
         std::to_string(kPoints[number % std::size(kPoints)]) + " ps 0.75 dt " +
         kDashes[(number / 8) % std::size(kDashes)];
}

// What a curve's points stand over. `aside`: how far neighbouring curves are moved apart where
// their points share a place, so that no interval hides another.
struct Horizontal {
  double (*of)(const Line&);
  double aside = 0;
};

void write_data(std::ostream& script, size_t number, const Curve& curve, Horizontal x, double at) {
  auto points = curve.points;
  std::sort(points.begin(), points.end(), [x](auto* a, auto* b) { return x.of(*a) < x.of(*b); });
  script << "$d" << number << " << EOD\n";
  for (const Line* p : points)
    script << x.of(*p) + at << ' ' << p->value.mean << ' ' << finite_or_zero(p->value.half) << '\n';
  script << "EOD\n";
}

std::string curves_script(const std::vector<Curve>& curves,
                          const Line* level,
                          Horizontal x,
                          const std::string& more) {
  std::ostringstream script;
  script.precision(12);
  script << "set key outside right top Left reverse samplen 2\n"
         << "set offsets 0, graph 0.03, 0, 0\n"
         << more;
  const double middle = (static_cast<double>(curves.size()) - 1) / 2;
  for (size_t i = 0; i < curves.size(); ++i)
    write_data(script, i, curves[i], x, x.aside * (static_cast<double>(i) - middle));
  script << "plot ";
  if (level)
    script << level->value.mean << " with lines lc rgb '" << plot_ink()
           << "' lw 1.2 dt (6,4) title " << plot_text(level->arm) << ", ";
  for (size_t i = 0; i < curves.size(); ++i)
    script << (i ? ", " : "") << "$d" << i << " using 1:2:3 with yerrorlines" << style(i)
           << " title " << plot_text(curves[i].name);
  script << '\n';
  return script.str();
}

// Of all points, those that none with as few bytes beats.
std::string pareto_data(const ResultPlace& place, double unit) {
  std::vector<const Line*> points;
  for (const Line* line : place.lines)
    if (std::isfinite(line->bytes) && std::isfinite(line->value.mean)) points.push_back(line);
  const double sign = place.first().better == Better::Lower ? -1 : 1;
  std::sort(points.begin(), points.end(), [sign](auto* a, auto* b) {
    return a->bytes != b->bytes ? a->bytes < b->bytes : sign * a->value.mean > sign * b->value.mean;
  });
  std::ostringstream data;
  data.precision(12);
  double best = -INFINITY;
  for (const Line* p : points) {
    if (sign * p->value.mean <= best) continue;
    best = sign * p->value.mean;
    data << p->bytes / unit << ' ' << p->value.mean << '\n';
  }
  return data.str();
}

double kept_percent(const Line& line) { return 100 * line.budget; }
double kept_megabytes(const Line& line) { return line.bytes / 1e6; }

bool has_bytes(const std::vector<Curve>& curves) {
  for (const Curve& curve : curves)
    for (const Line* p : curve.points)
      if (!std::isfinite(p->bytes) || p->bytes <= 0) return false;
  return true;
}

}  // namespace

void Figures::add(const std::string& script, const std::string& caption, int width, int height) {
  if (!problem_.empty()) return;
  const Figure figure = draw_figure(script, caption, width, height);
  problem_ = figure.problem;
  if (!problem_.empty()) return;
  out_ << "<figure>" << figure.svg << "<figcaption>" << kept_html::escape(caption)
       << "</figcaption></figure>\n";
}

void draw_curves(Figures& figures, const ResultPlace& place) {
  auto curves = curves_of(place);
  const bool any_curve = std::any_of(
      curves.begin(), curves.end(), [](const Curve& curve) { return curve.points.size() > 1; });
  if (!any_curve) return;
  const size_t n_all = curves.size();
  curves.resize(std::min(n_all, kMostCurves));
  const std::string part = n_all > kMostCurves ? " (the first " + std::to_string(kMostCurves) +
                                                     " of " + std::to_string(n_all) + " arms)"
                                               : "";
  const Line& first = place.first();
  const std::string y =
      "set ylabel " + plot_text(axis_label(first)) + " textcolor rgb '" + plot_ink() + "'\n";
  const auto x_label = [](const std::string& text) {
    return "set xlabel " + plot_text(text) + " textcolor rgb '" + plot_ink() + "'\n";
  };
  const int height = std::max(340, 60 + 22 * static_cast<int>(curves.size() + 2));
  const double aside = std::min(0.5, 4.0 / static_cast<double>(curves.size()));  // percent
  figures.add(curves_script(curves,
                            level_of(place),
                            {&kept_percent, aside},
                            y + x_label("kept [% of entries]") + "set xrange [0:*]\n"),
              first.metric + " against the share kept, with 95 % intervals" + part,
              620,
              height);
  if (!has_bytes(curves)) return;
  std::string script = curves_script(curves,
                                     level_of(place),
                                     {&kept_megabytes},
                                     y + x_label("K and V kept [MB]") + "set xrange [0:*]\n");
  const std::string front = pareto_data(place, 1e6);
  if (first.better != Better::Unsaid && std::count(front.begin(), front.end(), '\n') > 1)
    script = "$front << EOD\n" + front + "EOD\n" +
             script.insert(script.find("plot ") + 5,
                           "$front using 1:2 with steps lc rgb '" + plot_color(6) +
                               "' lw 3 dt (2,2) title 'best for its bytes', ");
  figures.add(script, first.metric + " against bytes, with 95 % intervals" + part, 620, height);
}

}  // namespace kvhost::results_html
