// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "report/kept_html_parts.hpp"
#include "report/table.hpp"

namespace kvhost::kept_html {

namespace {

int64_t layer_entries(const KeptPress& press, size_t layer) {
  size_t n = 0;
  for (const auto& head : press.kept[layer]) n += head.size();
  return static_cast<int64_t>(n);
}

size_t widest_layer(const KeptPress& press) {
  size_t n = 0;
  for (const auto& layer : press.kept) n = std::max(n, layer.size());
  return n;
}

void write_head_row(std::ostream& out, const KeptPress& press) {
  const size_t n_heads = widest_layer(press);
  out << "<thead><tr><th scope=col>layer</th>";
  for (size_t h = 0; h < n_heads; ++h) {
    // A label on every head where there is room for it, else on every eighth.
    const bool labelled = n_heads <= 12 || h % 8 == 0;
    out << "<th scope=col class=h>" << (labelled ? std::to_string(h) : "") << "</th>";
  }
  if (!press.layer_budgets.empty()) out << "<th scope=col class=n>budget</th>";
  out << "<th scope=col class=n>kept</th>";
  if (!press.observed.empty())
    out << "<th scope=col class=o>" << escape(press.observed_name) << "</th>";
  out << "</tr></thead>\n";
}

void write_cell(std::ostream& out, const KeptPress& press, size_t l, size_t h, double most) {
  const auto n = static_cast<int64_t>(press.kept[l][h].size());
  const double share = share_of(n, press.n_seen);
  const int step = most > 0 ? static_cast<int>(std::ceil(10 * share / most - 1e-9)) : 0;
  out << "<td role=gridcell class=s" << std::min(10, step) << " data-h=" << h << " title=\"layer "
      << l << ", KV head " << h << ": kept " << grouped(n) << " of " << grouped(press.n_seen)
      << ", " << format_percent(share) << "\"></td>";
}

void write_observed(std::ostream& out, double value, double largest) {
  out << "<td class=o>";
  if (std::isfinite(value)) {
    const double share = largest > 0 ? std::clamp(value / largest, 0.0, 1.0) : 0;
    out << "<b style=\"width:" << format_number(share * 100, 1) << "%\"></b><span>"
        << format_number(value, std::abs(value) < 10 ? 3 : 1) << "</span>";
  } else {
    out << "<span>-</span>";
  }
  out << "</td>";
}

void write_row(std::ostream& out, const KeptPress& press, size_t l, double most, double largest) {
  const auto n_heads = static_cast<int64_t>(press.kept[l].size());
  const int64_t entries = layer_entries(press, l);
  out << "<tr data-l=" << l << "><th scope=row>" << l << "</th>";
  for (size_t h = 0; h < press.kept[l].size(); ++h) write_cell(out, press, l, h, most);
  for (size_t h = press.kept[l].size(); h < widest_layer(press); ++h) out << "<td></td>";
  if (!press.layer_budgets.empty())
    out << "<td class=n>" << grouped(press.layer_budgets[l]) << "</td>";
  out << "<td class=n>" << format_percent(share_of(entries, n_heads * press.n_seen)) << "</td>";
  if (!press.observed.empty()) write_observed(out, press.observed[l], largest);
  out << "</tr>\n";
}

double largest_of(const std::vector<double>& values) {
  double found = 0;
  for (const double value : values)
    if (std::isfinite(value)) found = std::max(found, value);
  return found;
}

}  // namespace

double largest_head_share(const KeptView& view) {
  double most = 0;
  for (const KeptPress& press : view.presses)
    for (const auto& layer : press.kept)
      for (const auto& head : layer)
        most = std::max(most, share_of(static_cast<int64_t>(head.size()), press.n_seen));
  return most;
}

void write_matrix(std::ostream& out, const KeptPress& press, double most) {
  const double largest = largest_of(press.observed);
  out << "<table class=matrix role=grid style=\"--heads:"
      << std::max<size_t>(1, widest_layer(press))
      << "\" aria-label=\"Share kept by layer and KV head under " << escape(press.spec) << "\">\n";
  write_head_row(out, press);
  out << "<tbody>\n";
  for (size_t l = 0; l < press.kept.size(); ++l) write_row(out, press, l, most, largest);
  out << "</tbody></table>\n<p class=scale aria-hidden=true>0%";
  for (int step = 0; step <= 10; ++step) out << "<i class=s" << step << "></i>";
  out << format_percent(most) << " of a head</p>\n";
}

}  // namespace kvhost::kept_html
