// SPDX-License-Identifier: Apache-2.0
#include "engine/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/error.hpp"

namespace kvhost {

namespace {

// Token ids by falling logit, ties to the lower id, sorted only as far as they are asked for: of a vocabulary of a
// hundred thousand a draw reads a few.
class Ranking {
 public:
  Ranking(std::span<const float> logits, size_t n) : logits_(logits), order_(logits.size()), n_(n) {
    std::iota(order_.begin(), order_.end(), 0);
  }
  size_t size() const { return n_; }
  int32_t operator[](size_t rank) {
    constexpr size_t kFirst = 64, kGrowth = 16;
    if (rank >= sorted_) sort_to(std::min(n_, std::max({rank + 1, kFirst, kGrowth * sorted_})));
    return order_[rank];
  }

 private:
  void sort_to(size_t end) {
    const auto before = [&](int32_t a, int32_t b) {
      return logits_[a] != logits_[b] ? logits_[a] > logits_[b] : a < b;
    };
    const auto at = [&](size_t rank) { return order_.begin() + static_cast<ptrdiff_t>(rank); };
    std::partial_sort(at(sorted_), at(end), order_.end(), before);
    sorted_ = end;
  }

  std::span<const float> logits_;
  std::vector<int32_t> order_;
  size_t n_;
  size_t sorted_ = 0;
};

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
  const auto weight = [&](int32_t id) {
    return std::exp((static_cast<double>(logits[id]) - peak.largest) / options_.temperature);
  };
  const auto size = static_cast<int32_t>(logits.size());
  const auto weight_of_all = [&] {
    double sum = 0;
    for (int32_t id = 0; id < size; ++id) sum += weight(id);
    return sum;
  };
  // nth(n): what is drawn from, for n below `count`, which weighs `mass` together. Where rounding leaves something over at
  // the end it is the last that has a weight: what is ruled out is never drawn.
  const auto draw = [&](double mass, size_t count, const auto& nth) {
    double left = std::uniform_real_distribution<double>(0, mass)(generator_);
    int32_t last = nth(0);
    for (size_t n = 0; n < count && left >= 0; ++n) {
      const int32_t id = nth(n);
      const double share = weight(id);
      if (share > 0) last = id;
      left -= share;
    }
    return last;
  };
  const auto asked = static_cast<size_t>(options_.top_k);
  const bool some = options_.top_k > 0 && asked < logits.size();
  if (!some && options_.top_p >= 1)  // no order is needed
    return draw(weight_of_all(), logits.size(), [](size_t n) { return static_cast<int32_t>(n); });
  Ranking ranked(logits, some ? asked : logits.size());
  const auto weight_of_first = [&](size_t count) {
    double sum = 0;
    for (size_t rank = 0; rank < count; ++rank) sum += weight(ranked[rank]);
    return sum;
  };
  double mass = some ? weight_of_first(ranked.size()) : weight_of_all();
  size_t kept = ranked.size();
  if (options_.top_p < 1) {
    const double least = options_.top_p * mass;
    mass = 0;
    for (kept = 0; kept < ranked.size() && (kept == 0 || mass < least); ++kept)
      mass += weight(ranked[kept]);
  }
  return draw(mass, kept, [&](size_t n) { return ranked[n]; });
}

}  // namespace kvhost
