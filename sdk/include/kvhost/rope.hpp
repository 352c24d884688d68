// SPDX-License-Identifier: Apache-2.0
// Rotary position embedding (arXiv:2104.09864, half-split form) on rows of queries and keys: undone
// for methods that work before it, and averaged over positions to come.
#pragma once

#include <cmath>

#include "layer.hpp"
#include "parallel.hpp"

namespace kvhost::sdk {

// Cosines and sines of the positions [first, first + n). The angle is a float32 product, as in the
// model's own tables: at position 4000 a more exact one would differ from theirs by 1e-4.
class RopeTable {
 public:
  RopeTable(const Layer& layer, int64_t first, int64_t n) : first_(first) {
    const kvh_rope* rope = layer.rope();  // NULL: no rotation
    if (!rope) return;
    half_ = rope->rotary_dim / 2;
    scaling_ = static_cast<float>(rope->attention_scaling);
    cos_.resize(static_cast<size_t>(n * half_));
    sin_.resize(cos_.size());
    parallel_for(layer, n, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t j = 0; j < half_; ++j) {
          const float angle = static_cast<float>(first + i) * rope->inv_freq[j];
          cos_[static_cast<size_t>(i * half_ + j)] = std::cos(angle);
          sin_[static_cast<size_t>(i * half_ + j)] = std::sin(angle);
        }
      }
    });
  }

  // [d] -> [d] as the model rotates a row at `position`. `to` may be `from`.
  void rotate(const float* from, int64_t d, int64_t position, float* to) const {
    turn(from, d, position, /*sign=*/1, scaling_, to);
  }
  // Its inverse.
  void unrotate(const float* from, int64_t d, int64_t position, float* to) const {
    turn(from, d, position, /*sign=*/-1, 1 / scaling_, to);
  }

 private:
  void turn(
      const float* from, int64_t d, int64_t position, float sign, float scale, float* to) const {
    const float* cos = cos_.data() + (position - first_) * half_;
    const float* sin = sin_.data() + (position - first_) * half_;
    for (int64_t j = 0; j < half_; ++j) {
      const float a = from[j], b = from[j + half_], s = sign * sin[j];
      to[j] = scale * (a * cos[j] - b * s);
      to[j + half_] = scale * (b * cos[j] + a * s);
    }
    if (to != from) std::copy(from + 2 * half_, from + d, to + 2 * half_);
  }

  int64_t first_ = 0, half_ = 0;
  float scaling_ = 1;
  std::vector<float> cos_, sin_;  // [n, half], without the attention scaling
};

// The mean of the rotations at the positions [first, first + n): where a query from before the
// rotation will point on average.
class MeanRotation {
 public:
  MeanRotation(const Layer& layer, int64_t first, int64_t n) {
    const kvh_rope* found = layer.rope();
    if (!found) return;
    const kvh_rope& rope = *found;
    for (int32_t j = 0; j < rope.rotary_dim / 2; ++j) {
      double cos = 0, sin = 0;
      for (int64_t p = first; p < first + n; ++p) {
        const float angle = static_cast<float>(p) * rope.inv_freq[j];
        cos += std::cos(angle);
        sin += std::sin(angle);
      }
      cos_.push_back(static_cast<float>(rope.attention_scaling * cos / static_cast<double>(n)));
      sin_.push_back(static_cast<float>(rope.attention_scaling * sin / static_cast<double>(n)));
    }
  }

  // Of the elements row[0], row[stride], ..., in place.
  void apply(float* row, int64_t stride = 1) const {
    const auto half = static_cast<int64_t>(cos_.size());
    for (int64_t j = 0; j < half; ++j) {
      const auto i = static_cast<size_t>(j);
      float &x = row[j * stride], &y = row[(j + half) * stride];
      const float a = x, b = y;
      x = a * cos_[i] - b * sin_[i];
      y = b * cos_[i] + a * sin_[i];
    }
  }
  // R M R^T for a [d, d] matrix in one piece, in place.
  void apply_both_sides(float* matrix, int64_t d) const {
    for (int64_t i = 0; i < d; ++i) apply(matrix + i * d);
    for (int64_t j = 0; j < d; ++j) apply(matrix + j, d);
  }

 private:
  std::vector<float> cos_, sin_;  // [rotary_dim / 2], with the attention scaling
};

}  // namespace kvhost::sdk
