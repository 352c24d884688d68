// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "report/printers.hpp"
#include "report/table.hpp"

namespace kvhost {

namespace {

constexpr size_t kMaxRows = 32;
// Columns beside the heads: layer, budget and share; what was observed, as a number and as a bar.
constexpr size_t kTextColumns = 26, kObservedColumns = 9, kBarColumns = 11;
constexpr size_t kFewestHeads = 8;  // as many columns of heads come before the observed value
constexpr int kShareBarWidth = 10;

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

// What fits into the width: the heads first, each two columns, three where there is room.
struct Layout {
  bool observed = false, bar = false, roomy = false;
  size_t n_heads = 0;  // columns of heads

  Layout(size_t columns, size_t all_heads, bool has_observed) {
    const size_t wanted = kTextColumns + 2 * std::min(all_heads, kFewestHeads);
    observed = has_observed && wanted + kObservedColumns <= columns;
    bar = observed && wanted + kObservedColumns + kBarColumns <= columns;
    const size_t text = kTextColumns + (observed ? kObservedColumns : 0) + (bar ? kBarColumns : 0);
    n_heads = columns > text + 2 ? (columns - text) / 2 : 1;
    roomy = all_heads * 3 + text <= columns;
  }
  size_t width(size_t heads) const { return heads * (roomy ? 3 : 2); }
};

void print_head(std::ostream& out,
                const Ink& ink,
                const RunReport& report,
                const Bins& heads,
                const Layout& layout) {
  out << "\n  kept of " << report.n_prompt_tokens << " entries, by layer and KV head";
  if (heads.size > 1) out << " (" << heads.size << " a column)";
  out << ", in percent\n"
      << ink.dim("  " + pad_left("layer", 5) + "  " +
                 std::string(layout.width(heads.count()), ' ') + pad_left("budget", 8) +
                 pad_left("share", 8) + (layout.observed ? "  " + report.observed_name : ""))
      << '\n';
}

}  // namespace

void print_picture(std::ostream& out, const Ink& ink, const RunReport& report) {
  if (report.layers.empty() || report.budget.mode == "none") return;
  const size_t n_heads = report.layers.front().n_kept.size();
  const Bins layers(report.layers.size(), kMaxRows);
  const Layout layout(
      static_cast<size_t>(std::max(1, ink.columns)), n_heads, !report.observed_name.empty());
  const Bins heads(n_heads, layout.n_heads);
  std::vector<Row> rows;
  double brightest = 0, widest = 0;
  for (size_t bin = 0; bin < layers.count(); ++bin) {
    rows.push_back(make_row(report, layers, heads, bin));
    for (const double share : rows.back().shares) brightest = std::max(brightest, share);
    if (std::isfinite(rows.back().observed)) widest = std::max(widest, rows.back().observed);
  }
  print_head(out, ink, report, heads, layout);
  for (const Row& row : rows) {
    out << "  " << pad_left(row.label, 5) << "  "
        << cells(ink, row.shares, brightest, layout.roomy ? " " : "")
        << pad_left(format_number(row.budget, 0), 8) << pad_left(format_percent(row.share), 8);
    if (layout.observed && std::isfinite(row.observed)) {
      out << "  ";
      if (layout.bar) out << ink.bar(widest > 0 ? row.observed / widest : 0, kShareBarWidth) << " ";
      out << format_number(row.observed, row.observed < 10 ? 3 : 1);
    }
    out << '\n';
  }
}

}  // namespace kvhost
