// SPDX-License-Identifier: Apache-2.0
#include "analysis/effective_rank.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "tasks/statistics.hpp"

namespace kvhost::analysis {

namespace {

constexpr double kEpsilon = 1e-10;  // RankKV's: absolute, and inside the logarithm

}  // namespace

double rank_of_spectrum(std::span<const double> singular_values) {
  double sum = 0;
  for (const double s : singular_values) sum += s > kEpsilon ? s : 0;
  if (sum < kEpsilon) return 0;
  double entropy = 0;
  for (const double s : singular_values)
    if (s > kEpsilon) entropy -= s / sum * std::log(s / sum + kEpsilon);
  return std::exp(entropy);
}

double effective_rank(const at::Tensor& map) {
  // Not by the eigenvalues of the Gram matrix: squaring leaves noise of 1e-8 where a map has
  // nothing, and a thousand such values are more than the 1e-6 that this promises.
  const at::Tensor values = at::linalg_svdvals(map.to(at::kDouble)).contiguous();
  const std::span spectrum(values.const_data_ptr<double>(), static_cast<size_t>(values.numel()));
  return rank_of_spectrum(spectrum) / static_cast<double>(std::min(map.size(0), map.size(1)));
}

double mean_row_entropy(const at::Tensor& map) {
  const double sum = at::xlogy(map, map).sum(at::kDouble).item<double>();
  return -sum / static_cast<double>(map.size(0));
}

const std::vector<std::string>& aggregations() {
  static const std::vector<std::string> names = {"mean", "per_head", "median", "max", "min"};
  return names;
}

double aggregate(const std::string& aggregation, std::span<const double> head_ranks) {
  if (aggregation == "median") return tasks::median(head_ranks);
  if (aggregation == "max") return *std::max_element(head_ranks.begin(), head_ranks.end());
  if (aggregation == "min") return *std::min_element(head_ranks.begin(), head_ranks.end());
  return tasks::mean(head_ranks);
}

}  // namespace kvhost::analysis
