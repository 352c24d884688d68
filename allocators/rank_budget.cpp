// SPDX-License-Identifier: Apache-2.0
#include "rank_budget.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mersenne_twister.hpp"

namespace kvhost::allocators {
namespace {

constexpr double kTiny = 1e-10;

std::vector<size_t> sorted_order(const std::vector<double>& values, bool descending) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return descending ? values[a] > values[b] : values[a] < values[b];
  });
  return order;
}

// NumPy's default: linear interpolation between the two neighbours.
double percentile(std::vector<double> values, double percent) {
  std::sort(values.begin(), values.end());
  const double at = percent / 100.0 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

std::vector<double> softmax_weights(const std::vector<double>& ranks, double temperature) {
  const double highest = *std::max_element(ranks.begin(), ranks.end());
  std::vector<double> weights;
  for (const double rank : ranks) weights.push_back(std::exp((rank - highest) / temperature));
  return weights;
}

std::vector<double> adaptive_weights(const std::vector<double>& ranks, const RankStrategy& s) {
  const double low = percentile(ranks, s.percentile_low);
  const double high = percentile(ranks, s.percentile_high);
  std::vector<double> weights;
  for (const double rank : ranks) {
    weights.push_back(rank < low ? s.low_rank_ratio : rank > high ? s.high_rank_ratio : 1.0);
  }
  return weights;
}

std::vector<double> power_weights(const std::vector<double>& ranks, double power) {
  std::vector<double> weights;
  for (const double rank : ranks) weights.push_back(std::pow(std::max(rank, kTiny), power));
  return weights;
}

bool is_ablation(const RankStrategy& s) {
  return s.name == "uniform" || s.name == "inverse" || s.name == "random";
}

template <typename T>
std::vector<T> permuted(const std::vector<T>& values, const std::vector<size_t>& from) {
  std::vector<T> out;
  for (const size_t i : from) out.push_back(values[i]);
  return out;
}

// The original multiplies in float32 for two strategies and in float64 for the others; truncation
// makes it visible.
std::vector<double> seed_shares(const std::vector<double>& ranks,
                                int64_t total,
                                const RankStrategy& strategy) {
  const std::vector<double> weights = rank_shares(ranks, strategy);
  std::vector<double> out;
  if (strategy.name == "proportional" || strategy.name == "softmax") {
    float sum = 0;
    for (const double w : weights) sum += static_cast<float>(w);
    for (const double w : weights) {
      out.push_back(static_cast<float>(w) / sum * static_cast<float>(total));
    }
    return out;
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (const double w : weights) out.push_back(w / sum * static_cast<double>(total));
  return out;
}

std::vector<int64_t> even_split(size_t n, int64_t total, bool with_remainder) {
  const auto count = static_cast<int64_t>(n);
  std::vector<int64_t> out(n, total / count);
  for (int64_t i = 0; with_remainder && i < total % count; ++i) ++out[static_cast<size_t>(i)];
  return out;
}

// Hands the missing entries out one by one in the order of ranks, or takes the surplus back.
void repair(std::vector<int64_t>& budgets,
            const std::vector<double>& ranks,
            int64_t total,
            const RankStrategy& strategy,
            int64_t min_budget,
            std::optional<int64_t> max_budget) {
  const int64_t difference = total - std::accumulate(budgets.begin(), budgets.end(), int64_t{0});
  std::vector<size_t> order = sorted_order(ranks, /*descending=*/true);
  if (difference < 0) {
    if (strategy.name == "proportional") {
      order = sorted_order(ranks, /*descending=*/false);  // equal ranks: the lower index first
    } else {
      std::reverse(order.begin(), order.end());  // equal ranks: the higher index first
    }
  }
  for (int64_t i = 0; i < std::abs(difference); ++i) {
    int64_t& budget = budgets[order[static_cast<size_t>(i) % order.size()]];
    if (difference > 0) {
      if (!max_budget || budget < *max_budget) ++budget;
    } else if (budget > min_budget) {
      --budget;
    }
  }
}

}  // namespace

bool is_monotone(const RankStrategy& strategy) {
  return strategy.name == "proportional" || strategy.name == "softmax" || strategy.name == "power";
}

std::vector<double> rank_shares(const std::vector<double>& ranks, const RankStrategy& strategy) {
  if (ranks.empty() || strategy.name == "proportional") return ranks;
  if (strategy.name == "softmax") return softmax_weights(ranks, strategy.temperature);
  if (strategy.name == "adaptive") return adaptive_weights(ranks, strategy);
  if (strategy.name == "power") return power_weights(ranks, strategy.power);
  if (strategy.name == "inverse") return permuted(ranks, inverse_order(ranks));
  if (strategy.name == "random") {
    return permuted(ranks, cpython_shuffle(ranks.size(), strategy.seed));
  }
  return std::vector<double>(ranks.size(), 1.0);  // uniform
}

std::vector<int64_t> seed_budgets(const std::vector<double>& ranks,
                                  int64_t total,
                                  const RankStrategy& strategy,
                                  int64_t min_budget,
                                  std::optional<int64_t> max_budget) {
  if (strategy.name == "uniform") return even_split(ranks.size(), total, /*with_remainder=*/true);
  if (is_ablation(strategy)) {
    const std::vector<int64_t> base = seed_budgets(ranks, total, {}, min_budget, max_budget);
    if (strategy.name == "random") {
      return permuted(base, cpython_shuffle(base.size(), strategy.seed));
    }
    return permuted(base, inverse_order(std::vector<double>(base.begin(), base.end())));
  }
  const double rank_sum = std::accumulate(ranks.begin(), ranks.end(), 0.0);
  if (strategy.name == "proportional" && rank_sum < kTiny) {
    return even_split(ranks.size(), total, /*with_remainder=*/false);
  }
  std::vector<int64_t> budgets;
  for (const double share : seed_shares(ranks, total, strategy)) {
    const auto budget = std::max(static_cast<int64_t>(share), min_budget);
    budgets.push_back(max_budget ? std::min(budget, *max_budget) : budget);
  }
  repair(budgets, ranks, total, strategy, min_budget, max_budget);
  return budgets;
}

std::vector<size_t> cpython_shuffle(size_t n, uint64_t seed) {
  MersenneTwister twister(seed);
  std::vector<size_t> out(n);
  std::iota(out.begin(), out.end(), size_t{0});
  for (size_t i = n; i-- > 1;) {
    std::swap(out[i], out[twister.below(static_cast<uint32_t>(i + 1))]);
  }
  return out;
}

std::vector<size_t> inverse_order(const std::vector<double>& values) {
  const std::vector<size_t> descending = sorted_order(values, /*descending=*/true);
  const std::vector<size_t> order = sorted_order(values, /*descending=*/false);
  std::vector<size_t> from(values.size());
  for (size_t i = 0; i < values.size(); ++i) from[descending[i]] = order[i];
  return from;
}

}  // namespace kvhost::allocators
