// SPDX-License-Identifier: Apache-2.0
#include "engine/sampler.hpp"

#include <ATen/Functions.h>

#include <algorithm>
#include <limits>

#include "base/error.hpp"
#include "base/ranking.hpp"

namespace kvhost {

namespace {

// exp((logit - largest) / temperature) of each. By libtorch, which has vectors for it: one after the other they take a tenth
// of a token (1.3 ms of 152 thousand, 0.3 so).
at::Tensor weights_of(std::span<const float> logits, float largest, double temperature) {
  auto* data = const_cast<float*>(logits.data());  // only read
  const at::Tensor all = at::from_blob(data, {std::ssize(logits)}, at::kFloat);
  return all.to(at::kDouble).sub_(largest).div_(temperature).exp_();
}

}  // namespace

// -infinity is how some models rule a token out.
RowPeak require_usable_logits(std::span<const float> logits) {
  const RowPeak peak = row_peak(logits);
  if (!peak.usable || peak.largest == -std::numeric_limits<float>::infinity())
    run_failed("logits",
               "hold NaN or infinity; expected finite numbers; look for it in the weights, or try "
               "--dtype float32, which has the widest range");
  return peak;
}

int32_t Sampler::next(std::span<const float> logits) {
  const RowPeak peak = require_usable_logits(logits);
  if (options_.temperature <= 0) return static_cast<int32_t>(first_of(logits, peak.largest));
  const at::Tensor weights = weights_of(logits, peak.largest, options_.temperature);
  const double* weight = weights.const_data_ptr<double>();
  // nth(n): what is drawn from, for n below `count`, which weighs `mass` together. Where rounding leaves something over at
  // the end it is the last that has a weight: what is ruled out is never drawn.
  const auto draw = [&](double mass, size_t count, const auto& nth) {
    double left = std::uniform_real_distribution<double>(0, mass)(generator_);
    int32_t last = nth(0);
    for (size_t n = 0; n < count && left >= 0; ++n) {
      const int32_t id = nth(n);
      const double share = weight[id];
      if (share > 0) last = id;
      left -= share;
    }
    return last;
  };
  const auto asked = static_cast<size_t>(options_.top_k);
  const bool some = options_.top_k > 0 && asked < logits.size();
  double mass = some ? 0 : weights.sum().item<double>();
  if (!some && options_.top_p >= 1)  // no order is needed
    return draw(mass, logits.size(), [](size_t n) { return static_cast<int32_t>(n); });
  Ranking ranked(logits);
  size_t kept = some ? asked : ranked.size();
  for (size_t rank = 0; some && rank < kept; ++rank) mass += weight[ranked[rank]];
  if (options_.top_p < 1) {
    const double least = options_.top_p * mass;
    const size_t most = kept;
    mass = 0;
    for (kept = 0; kept < most && (kept == 0 || mass < least); ++kept) mass += weight[ranked[kept]];
  }
  return draw(mass, kept, [&](size_t n) { return ranked[n]; });
}

}  // namespace kvhost
