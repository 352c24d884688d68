// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "report/printers.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {

constexpr size_t kMaxRows = 32;
constexpr int kTextColumns = 44;  // layer, budget, share, observed value and its bar

// `n` things in as few equal bins as fit into `limit`; the last bin may be smaller.
struct Bins {
  size_t n, size;
  Bins(size_t count, size_t limit)
      : n(count), size(std::max<size_t>(1, (count + limit - 1) / limit)) {}
  size_t count() const { return (n + size - 1) / size; }
  size_t begin(size_t bin) const { return bin * size; }
  size_t end(size_t bin) const { return std::min(n, (bin + 1) * size); }
  std::string label(size_t bin) const {
    const std::string first = std::to_string(begin(bin));
    return end(bin) - begin(bin) == 1 ? first : first + "-" + std::to_string(end(bin) - 1);
  }
};

// One line of the picture: several layers, averaged.
struct Row {
  std::string label;
  std::vector<double> shares;  // per bin of heads
  double budget = 0, share = 0, observed = NAN;
};

Row make_row(const RunReport& report, const Bins& layers, const Bins& heads, size_t bin) {
  Row row;
  row.label = layers.label(bin);
  row.shares.assign(heads.count(), 0.0);
  const double n_layers = static_cast<double>(layers.end(bin) - layers.begin(bin));
  const double kv_len = static_cast<double>(std::max<int64_t>(1, report.n_prompt_tokens));
  double observed = 0;
  for (size_t l = layers.begin(bin); l < layers.end(bin); ++l) {
    const LayerReport& layer = report.layers[l];
    for (size_t h = 0; h < heads.count(); ++h) {
      double kept = 0;
      for (size_t i = heads.begin(h); i < heads.end(h); ++i)
        kept += static_cast<double>(layer.n_kept[i]);
      row.shares[h] +=
          kept / kv_len / static_cast<double>(heads.end(h) - heads.begin(h)) / n_layers;
    }
    row.budget += static_cast<double>(layer.budget) / n_layers;
    observed += layer.observed / n_layers;
  }
  row.share = row.budget / kv_len / static_cast<double>(heads.n);
  if (!report.observed_name.empty()) row.observed = observed;
  return row;
}

std::string cells(const Ink& ink,
                  const std::vector<double>& shares,
                  double brightest,
                  const char* gap) {
  std::string text;
  for (const double share : shares) text += ink.cell(share, brightest) + gap;
  return text;
}

void print_head(std::ostream& out,
                const Ink& ink,
                const RunReport& report,
                const Bins& heads,
                double brightest) {
  out << "\n  kept of " << report.n_prompt_tokens << " entries, by layer and KV head";
  if (heads.size > 1) out << " (" << heads.size << " a column)";
  if (ink.color) {
    out << "   0% ";
    for (int step = 0; step <= 4; ++step) out << ink.cell(step * brightest / 4, brightest);
    out << " " << format_percent(brightest);
  } else {
    out << ", in percent";
  }
  out << '\n';
}

}  // namespace

void print_picture(std::ostream& out, const Ink& ink, const RunReport& report) {
  if (report.layers.empty() || report.budget.mode == "none") return;
  const size_t n_heads = report.layers.front().n_kept.size();
  const Bins layers(report.layers.size(), kMaxRows);
  const Bins heads(n_heads, static_cast<size_t>(std::max(8, (ink.columns - kTextColumns) / 2)));
  const bool roomy = heads.count() * 3 + kTextColumns <= static_cast<size_t>(ink.columns);
  std::vector<Row> rows;
  double brightest = 0, widest = 0;
  for (size_t bin = 0; bin < layers.count(); ++bin) {
    rows.push_back(make_row(report, layers, heads, bin));
    for (const double share : rows.back().shares) brightest = std::max(brightest, share);
    if (std::isfinite(rows.back().observed)) widest = std::max(widest, rows.back().observed);
  }
  print_head(out, ink, report, heads, brightest);
  const char* gap = roomy ? " " : "";
  const size_t width = heads.count() * (roomy ? 3 : 2);
  out << ink.dim("  " + pad_left("layer", 5) + "  " + std::string(width, ' ') +
                 pad_left("budget", 8) + pad_left("share", 8) +
                 (report.observed_name.empty() ? "" : "  " + report.observed_name))
      << '\n';
  for (const Row& row : rows) {
    out << "  " << pad_left(row.label, 5) << "  " << cells(ink, row.shares, brightest, gap)
        << pad_left(format_number(row.budget, 0), 8) << pad_left(format_percent(row.share), 8);
    if (std::isfinite(row.observed))
      out << "  " << ink.bar(widest > 0 ? row.observed / widest : 0, 10) << " "
          << format_number(row.observed, row.observed < 10 ? 3 : 1);
    out << '\n';
  }
}

}  // namespace kvhost
