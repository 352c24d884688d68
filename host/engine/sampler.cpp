// SPDX-License-Identifier: Apache-2.0
#include "engine/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/error.hpp"
#include "base/likeliest.hpp"

namespace kvhost {

// -infinity is how some models rule a token out.
void require_usable_logits(std::span<const float> logits) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  bool below = true;
  float largest = -kInfinity;
  for (const float x : logits) {
    below &= x < kInfinity;  // false for NaN
    largest = std::max(largest, x);
  }
  if (!below || largest == -kInfinity)
    run_failed("logits",
               "hold NaN or infinity; expected finite numbers; look for it in the weights, or try "
               "--dtype float32, which has the widest range");
}

int32_t Sampler::next(std::span<const float> logits) {
  require_usable_logits(logits);
  const auto best = static_cast<int32_t>(likeliest(logits));
  if (options_.temperature <= 0) return best;
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(
      order.begin(), order.end(), [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  if (options_.top_k > 0 && options_.top_k < static_cast<int64_t>(order.size()))
    order.resize(static_cast<size_t>(options_.top_k));
  std::vector<double> weights;
  for (const int32_t id : order)
    weights.push_back(
        std::exp((static_cast<double>(logits[id]) - logits[best]) / options_.temperature));
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double cumulative = 0;
  size_t kept = 0;
  while (kept < weights.size() && (kept == 0 || cumulative < options_.top_p * total))
    cumulative += weights[kept++];
  double draw = std::uniform_real_distribution<double>(0, cumulative)(generator_);
  for (size_t i = 0; i < kept; ++i) {
    draw -= weights[i];
    if (draw < 0) return order[i];
  }
  return order[kept - 1];
}

}  // namespace kvhost
