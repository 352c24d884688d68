// SPDX-License-Identifier: Apache-2.0
// TriAttention's scores (arXiv:2604.04921): the attention that average queries at several later
// positions would pay to a key, by the trigonometric series that RoPE makes of it, plus what queries
// that point anywhere would pay by its length.
#pragma once

#include <cmath>
#include <complex>
#include <kvhost/sdk.hpp>

namespace kvhost::scorers {

// Of one query head, before rotation: pair f is the complex number q[f] + i q[f + n_pairs].
struct QueryCentre {
  const float* real;     // [n_pairs] mean over a text
  const float* imag;     // [n_pairs]
  const float* abs_mean; // [n_pairs] mean of its absolute value
};

// The series of one query head as of one moment, for keys as the cache holds them.
class TrigonometricSeries {
 public:
  // `now`: the next token's position; `offsets`: how much later than that queries are taken. Keys
  // carry the rotation's attention scaling already, queries get it here.
  TrigonometricSeries(const QueryCentre& centre,
                      const kvh_rope& rope,
                      int64_t now,
                      const std::vector<int64_t>& offsets,
                      bool largest)
      : n_pairs_(static_cast<size_t>(rope.rotary_dim) / 2) {
    const size_t n_sums = largest ? offsets.size() : 1;
    weights_.assign(n_sums, std::vector<std::complex<float>>(n_pairs_));
    for (size_t f = 0; f < n_pairs_; ++f) {
      const std::complex<double> mean(centre.real[f], centre.imag[f]);
      const double scaling = rope.attention_scaling;
      rest_.push_back(static_cast<float>(scaling * (centre.abs_mean[f] - std::abs(mean))));
      std::complex<double> sum = 0;
      for (size_t o = 0; o < offsets.size(); ++o) {
        const double angle = static_cast<double>(now + offsets[o]) * rope.inv_freq[f];
        const std::complex<double> turned = scaling * mean * std::polar(1.0, angle);
        sum += turned;
        if (largest) weights_[o][f] = std::complex<float>(turned);
      }
      if (!largest) weights_[0][f] = std::complex<float>(sum / static_cast<double>(offsets.size()));
    }
  }

  // key: [2 n_pairs, ...] as the model rotated it. The mean, or the largest, over the offsets.
  float score(const float* key) const {
    double best = -std::numeric_limits<double>::infinity();
    for (const auto& weight : weights_) {
      double sum = 0;
      for (size_t f = 0; f < n_pairs_; ++f)
        sum += weight[f].real() * key[f] + weight[f].imag() * key[f + n_pairs_];
      best = std::max(best, sum);
    }
    for (size_t f = 0; f < n_pairs_; ++f)
      best += rest_[f] * std::sqrt(key[f] * key[f] + key[f + n_pairs_] * key[f + n_pairs_]);
    return static_cast<float>(best);
  }

 private:
  size_t n_pairs_;
  std::vector<std::vector<std::complex<float>>> weights_;  // one for the mean, or one per offset
  std::vector<float> rest_;
};

// In place: less the mean, by the standard deviation of the whole, 1e-6 at least.
inline void standardise(std::vector<float>& values) {
  if (values.empty()) return;
  const auto n = static_cast<double>(values.size());
  double mean = 0, square = 0;
  for (const float x : values) mean += x / n;
  for (const float x : values) square += (x - mean) * (x - mean) / n;
  const double deviation = std::max(std::sqrt(square), 1e-6);
  for (float& x : values) x = static_cast<float>((x - mean) / deviation);
}

}  // namespace kvhost::scorers
