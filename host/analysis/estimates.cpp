// SPDX-License-Identifier: Apache-2.0
#include "analysis/estimates.hpp"

#include <algorithm>
#include <numeric>

#include "tasks/statistics.hpp"

namespace kvhost::analysis {

void EstimateTally::add(const Divided& estimate, const Divided& exact) {
  const std::vector<int64_t>& ours = estimate.entries;
  const std::vector<int64_t>& theirs = exact.entries;
  Profile errors;
  for (size_t l = 0; l < theirs.size(); ++l)
    errors.push_back(static_cast<double>(ours[l] - theirs[l]));
  errors_.push_back(std::move(errors));
  misplaced_.push_back(misplaced(ours, theirs));
  about_.entries = std::accumulate(theirs.begin(), theirs.end(), int64_t{0});
  if (estimate.ranks.empty()) return;
  ranks_.push_back(estimate.ranks);
  similar_.push_back(similarity(estimate.ranks, exact.ranks));
}

void EstimateTally::add_times(double ms, double model_ms) {
  ms_.push_back(ms);
  model_ms_.push_back(model_ms);
  shares_.push_back(ms / model_ms);
}

BudgetEstimate EstimateTally::result() const {
  BudgetEstimate out = about_;
  out.layer_errors = mean_of(std::span<const Profile>(errors_));
  out.misplaced = tasks::mean(misplaced_);
  out.misplaced_most = *std::max_element(misplaced_.begin(), misplaced_.end());
  if (!ranks_.empty()) out.ranks = mean_of(std::span<const Profile>(ranks_));
  out.to_exact = mean_of(std::span<const Similarity>(similar_));
  if (ms_.empty()) return out;
  out.measured = true;
  out.ms = tasks::median(ms_);
  out.model_ms = tasks::median(model_ms_);
  out.time_share = tasks::median(shares_);
  return out;
}

}  // namespace kvhost::analysis
