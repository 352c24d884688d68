// SPDX-License-Identifier: Apache-2.0
// The kernels of a level, from its vector type S. Included by level files only: all is in anonymous
// namespaces.
#pragma once

#include "kernels/level/entry_bias.hpp"
#include "kernels/level/scores.hpp"
#include "kernels/level/soft_cap.hpp"
#include "kernels/level/weigh.hpp"

namespace kvhost {
namespace {

// row[begin, end) -> exp(scale * (row - max)), zeros elsewhere up to n. Returns what the row summed
// up to.
struct RowSoftmax {
  float max, sum;  // max: scaled
};

template <class S>
typename S::Vec load_some(const float* from, int64_t n, float fill) {
  float lanes[S::kWidth];
  for (int i = 0; i < S::kWidth; ++i) {
    lanes[i] = i < n ? from[i] : fill;
  }
  return S::load(lanes);
}

template <class S>
float row_max(const float* row, int64_t n) {
  typename S::Vec max = S::set(-__builtin_inff());
  int64_t i = 0;
  for (; i + S::kWidth <= n; i += S::kWidth) {
    max = S::max(max, S::load(row + i));
  }
  return S::max_of(S::max(max, load_some<S>(row + i, n - i, -__builtin_inff())));
}

template <class S>
RowSoftmax exp_row(float* row, int64_t begin, int64_t end, int64_t n, float scale) {
  for (int64_t i = 0; i < begin; ++i) {
    row[i] = 0;
  }
  for (int64_t i = end; i < n; ++i) {
    row[i] = 0;
  }
  if (begin >= end) {
    return {-__builtin_inff(), 0};
  }
  const float max = row_max<S>(row + begin, end - begin) * scale;
  const typename S::Vec factor = S::set(scale), offset = S::set(-max);
  typename S::Vec sum = S::zero();
  int64_t i = begin;
  for (; i + S::kWidth <= end; i += S::kWidth) {
    const typename S::Vec p = S::exp(S::fma(S::load(row + i), factor, offset));
    sum = S::add(sum, p);
    S::store(row + i, p);
  }
  float total = S::sum(sum);
  if (i < end) {
    float lanes[S::kWidth];
    S::store(lanes, S::exp(S::fma(load_some<S>(row + i, end - i, 0), factor, offset)));
    for (int lane = 0; i < end; ++i, ++lane) {
      row[i] = lanes[lane];
      total += lanes[lane];
    }
  }
  return {max, total};
}

// The scores of what row r sees, capped where the model says so, biased where entries are, then
// their softmax's numerators.
template <class S>
RowSoftmax softmax_row(const StretchArgs& args, int64_t r, float* row) {
  const int64_t begin = args.row_begin[r], end = args.row_end[r];
  if (args.softcap <= 0 && args.n_biased == 0) {
    return exp_row<S>(row, begin, end, args.n, args.scale);
  }
  const int64_t n = end > begin ? end - begin : 0;
  if (args.softcap > 0) {
    cap_scores<S>(row + begin, n, args.scale, args.softcap);
  } else {
    scale_scores<S>(row + begin, n, args.scale);
  }
  if (args.n_biased > begin) {
    add_bias<S>(row + begin, args.bias + begin, least(begin + n, args.n_biased) - begin);
  }
  return exp_row<S>(row, begin, end, args.n, /*scale=*/1);
}

// What a row of numerators is multiplied by: 1 / its sum, a sink's share counted.
inline float row_factor(const RowSoftmax& row, const float* sink) {
  if (sink == nullptr) {
    return 1 / row.sum;
  }
  const float max = row.max > *sink ? row.max : *sink;
  const float down = __builtin_expf(row.max - max);
  return down / (row.sum * down + __builtin_expf(*sink - max));
}

constexpr int64_t kManyEntries = 256;

template <class D>
struct Body {
  using S = typename D::Simd;
  using T = typename D::Elem;

  // Fills scores [n_rows, stride] with unscaled products; uses scratch of scratch_floats(n_rows, 0,
  // key_dim).
  static void score(const StretchArgs& args, float* scores, int64_t stride, float* scratch) {
    const int64_t d = args.key_dim;
    auto* queries = reinterpret_cast<typename D::Query*>(scratch);  // [n_rows, pad(d)]
    float* packed = scratch + args.n_rows * pad(d);                 // [pad(d), kPad]
    for (int64_t r = 0; r < args.n_rows; ++r) {
      D::prepare(static_cast<const T*>(args.queries) + r * d, d, queries + r * pad(d));
    }
    const ScoreArgs<D> a{
        static_cast<const T*>(args.keys), queries, args.n, d, args.n_rows, scores, stride};
    if (args.n_rows <= kFewRows) {
      score_few(a);
    } else {
      score_many(a, packed);
    }
  }

  static void stretch(const StretchArgs& args, const StretchResult& result, float* scratch) {
    const int64_t d = args.head_dim, stride = pad(args.n);
    float* p = scratch + (args.n_rows + kPad) * pad(d);  // [n_rows, stride]
    score(args, p, stride, scratch);
    for (int64_t r = 0; r < args.n_rows; ++r) {
      const RowSoftmax row = softmax_row<S>(args, r, p + r * stride);
      result.max[r] = row.max;
      result.sum[r] = row.sum;
    }
    for (int64_t i = 0; i < args.n_rows * pad(d); ++i) {
      result.acc[i] = 0;
    }
    const WeighArgs<T> weighed{
        static_cast<const T*>(args.values), p, result.acc, args.n, d, args.n_rows, stride};
    if constexpr (requires { D::round_weights(p, args.n); }) {
      // Two entries at a time, where it is worth the rounding of weights.
      if (args.n_rows > kFewRows && args.n >= kManyEntries) {
        for (int64_t r = 0; r < args.n_rows; ++r)
          result.sum[r] = D::round_weights(p + r * stride, args.n);
        float* packed = scratch + args.n_rows * pad(d);  // of keys, which are done with
        return D::weigh_pairs(weighed, packed);
      }
    }
    weigh<S, T>(weighed);
  }

  static void softmax(const StretchArgs& args, float* out, float* scratch) {
    score(args, out, /*stride=*/args.n, scratch);
    for (int64_t r = 0; r < args.n_rows; ++r) {
      float* row = out + r * args.n;
      const int64_t begin = args.row_begin[r], end = args.row_end[r];
      const RowSoftmax sums = softmax_row<S>(args, r, row);
      // not used where nothing is seen
      const float factor = row_factor(sums, args.row_sink ? args.row_sink + r : nullptr);
      int64_t i = begin;
      for (; i + S::kWidth <= end; i += S::kWidth) {
        S::store(row + i, S::mul(S::load(row + i), S::set(factor)));
      }
      for (; i < end; ++i) {
        row[i] *= factor;
      }
    }
  }
};

template <class F, class B, class H>
constexpr LevelKernels make_kernels() {
  return {{Body<F>::stretch, Body<B>::stretch, Body<H>::stretch},
          {Body<F>::softmax, Body<B>::softmax, Body<H>::softmax}};
}

}  // namespace
}  // namespace kvhost
