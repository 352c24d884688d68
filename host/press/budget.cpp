// SPDX-License-Identifier: Apache-2.0
#include "press/budget.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvhost {

namespace {

// 1e-9: a product such as 100 * 0.29 that falls a rounding error short of an integer still counts
// as that integer.
int64_t of_ratio(double ratio, int64_t kv_len) {
  const double entries = std::floor(static_cast<double>(kv_len) * ratio + 1e-9);
  return std::clamp<int64_t>(static_cast<int64_t>(entries), 1, kv_len);
}

int64_t raised_to(int64_t entries, const BudgetRule& rule, int64_t kv_len) {
  return std::max(entries, std::min(kv_len, rule.min_entries));
}

}  // namespace

BudgetReport resolve_budget(
    const BudgetRule& rule, bool none, int64_t kv_len, int64_t n_layers, int64_t n_kv_heads) {
  BudgetReport report;
  report.value = rule.value;
  report.defaulted = rule.defaulted;
  int64_t entries = kv_len;
  if (none) {
    report = {.mode = "none", .value = 1.0, .defaulted = false};
  } else if (rule.mode == BudgetRule::Mode::Entries) {
    report.mode = "budget";
    entries = std::min(kv_len, static_cast<int64_t>(rule.value));
  } else {
    const bool removed = rule.mode == BudgetRule::Mode::CompressionRatio;
    report.mode = removed ? "compression_ratio" : "keep_ratio";
    const int64_t asked = of_ratio(removed ? 1 - rule.value : rule.value, kv_len);
    entries = raised_to(asked, rule, kv_len);
    report.raised = entries > asked;
  }
  report.entries_per_head = entries;
  report.entries_total = entries * n_layers * n_kv_heads;
  return report;
}

std::vector<int64_t> stage_totals(int64_t full, int64_t total, size_t n) {
  std::vector<int64_t> totals;
  const double share = static_cast<double>(total) / static_cast<double>(full);
  for (size_t i = 1; i < n; ++i) {
    const double kept = std::pow(share, static_cast<double>(i) / static_cast<double>(n));
    totals.push_back(static_cast<int64_t>(std::floor(static_cast<double>(full) * kept + 1e-9)));
  }
  if (n > 0) totals.push_back(total);
  return totals;
}

namespace {

// Continuous water-filling: the level at which clamp(level * share, floor, cap) sums to total.
double water_level(double total,
                   const std::vector<double>& shares,
                   const std::vector<int64_t>& floors,
                   const std::vector<int64_t>& caps) {
  const auto filled = [&](double level) {
    double sum = 0;
    for (size_t i = 0; i < shares.size(); ++i)
      sum += std::clamp(
          level * shares[i], static_cast<double>(floors[i]), static_cast<double>(caps[i]));
    return sum;
  };
  double low = 0, high = 1;
  while (filled(high) < total && high < 1e300) high *= 2;
  for (int step = 0; step < 200; ++step) {
    const double middle = 0.5 * (low + high);
    (filled(middle) < total ? low : high) = middle;
  }
  return high;
}

}  // namespace

std::vector<int64_t> apportion(int64_t total,
                               const std::vector<double>& shares,
                               const std::vector<int64_t>& floors,
                               const std::vector<int64_t>& caps) {
  std::vector<double> weights = shares;
  // A share of exactly 0 still takes entries once all others are at their caps.
  const double largest = *std::max_element(weights.begin(), weights.end());
  for (auto& weight : weights) weight = largest > 0 ? std::max(weight, largest * 1e-12) : 1.0;
  const double level = water_level(static_cast<double>(total), weights, floors, caps);
  std::vector<int64_t> result(weights.size());
  std::vector<double> remainder(weights.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    const double exact = std::clamp(
        level * weights[i], static_cast<double>(floors[i]), static_cast<double>(caps[i]));
    result[i] = std::clamp(static_cast<int64_t>(std::floor(exact + 1e-9)), floors[i], caps[i]);
    remainder[i] = exact - static_cast<double>(result[i]);
  }
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(
      order.begin(), order.end(), [&](size_t a, size_t b) { return remainder[a] > remainder[b]; });
  int64_t missing = total - std::accumulate(result.begin(), result.end(), int64_t{0});
  while (missing != 0) {
    bool moved = false;
    for (size_t k = 0; k < order.size() && missing != 0; ++k) {
      const size_t i = missing > 0 ? order[k] : order[order.size() - 1 - k];
      const int64_t step = missing > 0 ? 1 : -1;
      if (result[i] + step < floors[i] || result[i] + step > caps[i]) continue;
      result[i] += step;
      missing -= step;
      moved = true;
    }
    if (!moved) break;  // the caller's bounds do not admit the total
  }
  return result;
}

}  // namespace kvhost
