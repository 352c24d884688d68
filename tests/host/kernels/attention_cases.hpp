// SPDX-License-Identifier: Apache-2.0
// Random ragged heads, and attention written out plainly in double precision.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

#include "kernels/attention.hpp"
#include "kernels/narrow.hpp"

namespace kvhost::test {

inline double widen(const void* data, int64_t i, DType dtype) {
  if (dtype == DType::Float32) {
    return static_cast<const float*>(data)[i];
  }
  const uint16_t bits = static_cast<const uint16_t*>(data)[i];
  if (dtype == DType::BFloat16) {
    return std::bit_cast<float>(uint32_t{bits} << 16);
  }
  const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  const double value =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -value : value;
}

using Bytes = std::vector<std::byte>;

inline Bytes random_rows(int64_t n, DType dtype, float size, std::mt19937& rng) {
  std::normal_distribution<float> normal(0, size);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& value : values) value = normal(rng);
  Bytes rows(static_cast<size_t>(n * element_size(dtype)));
  narrow(values.data(), n, dtype, rows.data());
  return rows;
}

struct Case {
  // The queries are the last q_len positions; every head holds them and random ones of the earlier.
  Case(AttentionShape s, const std::vector<int64_t>& lengths, uint32_t seed) : shape(s) {
    std::mt19937 rng(seed);
    shape.scale = 1 / std::sqrt(static_cast<float>(shape.head_dim));
    for (const int64_t n : lengths) first_position = std::max(first_position, n + 7);
    for (const int64_t n : lengths) {
      keys.push_back(random_rows(n * shape.head_dim, shape.dtype, 2, rng));
      values.push_back(random_rows(n * shape.head_dim, shape.dtype, 1, rng));
      positions.emplace_back();
      for (int64_t i = 0; i < n; ++i) {
        const int64_t own = n - i;  // as many still to come
        positions.back().push_back(static_cast<int32_t>(
            own <= shape.q_len ? first_position + shape.q_len - own : i + (i > n / 3 ? 5 : 0)));
      }
    }
    for (size_t h = 0; h < lengths.size(); ++h) {
      heads.push_back({keys[h].data(), values[h].data(), positions[h].data(), lengths[h]});
    }
    queries = random_rows(shape.n_heads * shape.q_len * shape.head_dim, shape.dtype, 1, rng);
  }

  // The first two thirds of every head's entries get one.
  void add_biases(uint32_t seed) {
    std::mt19937 rng(seed);
    std::uniform_real_distribution<float> draw(-4, 4);
    for (HeadSpan& head : heads) {
      std::vector<float>& rows = biases.emplace_back(static_cast<size_t>(head.n * 2 / 3));
      for (float& bias : rows) bias = draw(rng);
      head.bias = {rows.data(), std::ssize(rows)};
    }
  }

  // Softmax row of query i of head h over the entries of its KV head.
  std::vector<double> row(int64_t h, int64_t i) const {
    const HeadSpan& head = heads[static_cast<size_t>(h / group())];
    std::vector<double> p(static_cast<size_t>(head.n));
    const double sink = shape.sinks ? static_cast<double>(shape.sinks[h]) : -1e300;
    double sum = 0, max = sink;
    for (int64_t j = 0; j < head.n; ++j) {
      double dot = 0;
      for (int64_t c = 0; c < shape.head_dim; ++c) {
        dot += widen(queries.data(), (h * shape.q_len + i) * shape.head_dim + c, shape.dtype) *
               widen(head.keys, j * shape.head_dim + c, shape.dtype);
      }
      p[static_cast<size_t>(j)] = capped(dot * static_cast<double>(shape.scale));
      if (j < head.bias.n) p[static_cast<size_t>(j)] += static_cast<double>(head.bias.rows[j]);
      if (sees(head, i, j)) max = std::max(max, p[static_cast<size_t>(j)]);
    }
    for (int64_t j = 0; j < head.n; ++j) {
      double& value = p[static_cast<size_t>(j)];
      value = sees(head, i, j) ? std::exp(value - max) : 0;
      sum += value;
    }
    if (shape.sinks) sum += std::exp(sink - max);
    for (double& value : p) value = sum > 0 ? value / sum : 0;
    return p;
  }

  double capped(double score) const {
    const auto cap = static_cast<double>(shape.softcap);
    return cap > 0 ? cap * std::tanh(score / cap) : score;
  }

  std::vector<double> out(int64_t h, int64_t i) const {
    const HeadSpan& head = heads[static_cast<size_t>(h / group())];
    const std::vector<double> p = row(h, i);
    std::vector<double> sums(static_cast<size_t>(shape.head_dim));
    for (int64_t j = 0; j < head.n; ++j) {
      for (int64_t c = 0; c < shape.head_dim; ++c) {
        sums[static_cast<size_t>(c)] +=
            p[static_cast<size_t>(j)] * widen(head.values, j * shape.head_dim + c, shape.dtype);
      }
    }
    return sums;
  }

  bool sees(const HeadSpan& head, int64_t i, int64_t j) const {
    const int64_t key = head.positions[j], query = first_position + i;
    return key <= query && (shape.sliding_window == 0 || key > query - shape.sliding_window);
  }
  int64_t group() const { return shape.n_heads / shape.n_kv_heads; }

  AttentionShape shape;
  int64_t first_position = 0;
  std::vector<Bytes> keys, values;
  std::vector<std::vector<int32_t>> positions;
  std::vector<HeadSpan> heads;
  std::deque<std::vector<float>> biases;
  Bytes queries;
};

}  // namespace kvhost::test
