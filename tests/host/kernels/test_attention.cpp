// SPDX-License-Identifier: Apache-2.0
// The attention kernels of the level in use against plain double precision. CTest runs this once
// per level.
#include <algorithm>
#include <catch2/catch.hpp>

#include "attention_cases.hpp"
#include "base/parallel.hpp"

namespace {

using kvhost::AttentionShape;
using kvhost::DType;
using kvhost::test::Bytes;
using kvhost::test::Case;

// A step of the output type, and float32 sums; relative to values of size 1. Half a step more where weights are
// rounded as well (weigh_pairs.hpp).
double tolerance(const Case& c) {
  const bool many =
      c.group() * c.shape.q_len > 16 &&
      std::any_of(c.heads.begin(), c.heads.end(), [](const auto& head) { return head.n >= 256; });
  const bool rounded = many && std::string(kvhost::cpu_level()) == "avx512_bf16";
  switch (c.shape.dtype) {
    case DType::Float32:
      return 1e-5;
    case DType::BFloat16:
      return rounded ? 6e-3 : 4e-3;
    default:
      return 6e-4;
  }
}

Bytes attend(const Case& c) {
  Bytes out(c.queries.size());
  kvhost::ragged_attention(c.shape, c.heads.data(), c.queries.data(), c.first_position, out.data());
  return out;
}

double worst_attention(const Case& c, const Bytes& out) {
  double worst = 0;
  for (int64_t h = 0; h < c.shape.n_heads; ++h) {
    for (int64_t i = 0; i < c.shape.q_len; ++i) {
      const std::vector<double> expected = c.out(h, i);
      for (int64_t d = 0; d < c.shape.head_dim; ++d) {
        const double value = kvhost::test::widen(
            out.data(), (h * c.shape.q_len + i) * c.shape.head_dim + d, c.shape.dtype);
        const double want = expected[static_cast<size_t>(d)];
        worst = std::max(worst, std::abs(value - want) / std::max(1.0, std::abs(want)));
      }
    }
  }
  return worst;
}

double worst_window(const Case& c) {
  std::vector<std::vector<float>> rows;
  std::vector<float*> out;
  for (const kvhost::HeadSpan& head : c.heads) {
    rows.emplace_back(static_cast<size_t>(c.group() * c.shape.q_len * head.n), 77.0f);
  }
  for (auto& row : rows) out.push_back(row.data());
  kvhost::window_attention(c.shape, c.heads.data(), c.queries.data(), c.first_position, out.data());
  double worst = 0;
  for (int64_t h = 0; h < c.shape.n_heads; ++h) {
    const auto kv = static_cast<size_t>(h / c.group());
    const int64_t n = c.heads[kv].n;
    for (int64_t i = 0; i < c.shape.q_len; ++i) {
      const std::vector<double> expected = c.row(h, i);
      const float* row = out[kv] + ((h % c.group()) * c.shape.q_len + i) * n;
      for (int64_t j = 0; j < n; ++j) {
        worst = std::max(worst,
                         std::abs(static_cast<double>(row[j]) - expected[static_cast<size_t>(j)]));
      }
    }
  }
  return worst;
}

AttentionShape shape(int64_t group, int64_t n_kv_heads, int64_t head_dim, int64_t q_len, DType t) {
  AttentionShape s;
  s.n_heads = group * n_kv_heads;
  s.n_kv_heads = n_kv_heads;
  s.head_dim = head_dim;
  s.q_len = q_len;
  s.dtype = t;
  return s;
}

constexpr DType kTypes[] = {DType::Float32, DType::BFloat16, DType::Float16};

void check(const Case& c) {
  INFO(kvhost::cpu_level() << " " << kvhost::dtype_name(c.shape.dtype) << " head_dim "
                           << c.shape.head_dim << " group " << c.group() << " q_len "
                           << c.shape.q_len << " window " << c.shape.sliding_window);
  CHECK(worst_attention(c, attend(c)) < tolerance(c));
  // Scores near a cap are as coarse as float32 is there.
  CHECK(worst_window(c) < 2e-6 * std::max(1.0, static_cast<double>(c.shape.softcap) / 16));
}

}  // namespace

TEST_CASE("every head_dim and dtype, one query") {
  uint32_t seed = 0;
  for (const DType dtype : kTypes) {
    for (const int64_t head_dim : {2, 20, 24, 32, 64, 80, 96, 128, 256}) {
      check(Case(shape(2, 3, head_dim, 1, dtype), {37, 1, 70}, ++seed));
    }
  }
}

TEST_CASE("every group size") {
  uint32_t seed = 100;
  for (const DType dtype : kTypes) {
    for (const int64_t group : {1, 2, 3, 4, 5, 7, 8, 16, 17, 71}) {
      check(Case(shape(group, 2, 40, 1, dtype), {65, 130}, ++seed));
    }
  }
}

TEST_CASE("ragged lengths around the size of a stretch, empty heads come out as zeros") {
  for (const DType dtype : kTypes) {
    check(Case(shape(2, 8, 32, 1, dtype), {0, 1, 511, 512, 513, 1023, 1025, 2}, 200));
  }
}

TEST_CASE("several queries see no later position") {
  uint32_t seed = 300;
  for (const DType dtype : kTypes) {
    for (const int64_t q_len : {3, 40}) {
      check(Case(shape(1, 2, 20, q_len, dtype), {300, 41}, ++seed));
      check(Case(shape(3, 3, 64, q_len, dtype), {513, 40, 100}, ++seed));
    }
    check(Case(shape(4, 1, 48, 64, dtype), {1200}, ++seed));
  }
}

TEST_CASE("a sliding window hides what is too old, by stored position") {
  uint32_t seed = 400;
  for (const DType dtype : kTypes) {
    for (const int64_t q_len : {1, 3, 40}) {
      AttentionShape s = shape(2, 2, 32, q_len, dtype);
      for (const int64_t window : {1, 16, 600}) {
        s.sliding_window = window;
        check(Case(s, {700, 90}, ++seed));
      }
    }
  }
}

TEST_CASE("a soft cap bends the scores before the softmax") {
  uint32_t seed = 450;
  for (const DType dtype : kTypes) {
    for (const int64_t q_len : {1, 3, 40}) {
      for (const float cap : {0.5f, 3.0f, 50.0f}) {
        Case c(shape(3, 2, 40, q_len, dtype), {600, 41}, ++seed);
        c.shape.softcap = cap;
        check(c);
        c.shape.scale *= 20;  // far into the cap
        c.shape.sliding_window = 30;
        check(c);
      }
    }
  }
}

TEST_CASE("a sink takes weight from every entry, and all where nothing is seen") {
  uint32_t seed = 480;
  const std::vector<float> sinks = {-200, -3, 0.5f, 4, 30, 200};
  for (const DType dtype : kTypes) {
    for (const int64_t q_len : {1, 3, 40}) {
      Case c(shape(3, 2, 64, q_len, dtype), {700, 41}, ++seed);
      c.shape.sinks = sinks.data();
      check(c);
      c.shape.sliding_window = 16;
      c.shape.softcap = 5;
      check(c);
    }
  }
  Case empty(shape(3, 2, 64, 1, DType::Float32), {0, 5}, ++seed);
  empty.shape.sinks = sinks.data();
  check(empty);
}

TEST_CASE("a bias is added to the scaled, capped score of a head's first entries") {
  uint32_t seed = 490;
  const std::vector<float> sinks = {-3, 0.5f, 4, -1, 2, 30};
  for (const DType dtype : kTypes) {
    for (const int64_t q_len : {1, 3, 40}) {
      for (const int64_t head_dim : {20, 64}) {
        Case c(shape(3, 2, head_dim, q_len, dtype), {1600, 47}, ++seed);
        c.add_biases(seed);
        check(c);
        c.shape.sinks = sinks.data();
        c.shape.softcap = 5;
        check(c);
        c.shape.sliding_window = 700;  // begins among the biased ones
        check(c);
      }
    }
  }
}

TEST_CASE("a bias of nothing changes no bit") {
  for (const DType dtype : kTypes) {
    Case c(shape(3, 2, 64, 1, dtype), {0, 1300}, 499);
    const Bytes without = attend(c);
    const std::vector<float> none = {1};
    for (auto& head : c.heads) head.bias = {none.data(), 0};
    CHECK(attend(c) == without);
  }
}

// Some channels of the first keys of every head set to zero; those keys once more with the other
// channels alone.
struct PrunedCase : Case {
  PrunedCase(const AttentionShape& s,
             const std::vector<int64_t>& lengths,
             int64_t n_kept,
             uint32_t seed)
      : Case(s, lengths, seed) {
    const int64_t size = kvhost::element_size(shape.dtype), width = n_kept + n_kept % 2;
    for (size_t h = 0; h < heads.size(); ++h) {
      const int64_t n = lengths[h] * 2 / 3;
      channels.emplace_back();
      for (int64_t c = 0; c < n_kept; ++c)
        channels.back().push_back(
            static_cast<int32_t>((c * shape.head_dim + static_cast<int64_t>(h)) / n_kept));
      if (width > n_kept) channels.back().push_back(-1);
      rows.emplace_back(static_cast<size_t>(n * width * size), std::byte{0});
      for (int64_t i = 0; i < n; ++i) {
        const std::byte* key = keys[h].data() + i * shape.head_dim * size;
        for (int64_t c = 0; c < n_kept; ++c)
          std::memcpy(rows.back().data() + (i * width + c) * size,
                      key + channels.back()[static_cast<size_t>(c)] * size,
                      static_cast<size_t>(size));
        zero_others(h, i, size);
      }
      pruned.push_back(heads[h]);
      pruned.back().keys = keys[h].data() + n * shape.head_dim * size;
      pruned.back().pruned = {rows.back().data(), channels.back().data(), n, width};
    }
  }

  void zero_others(size_t h, int64_t i, int64_t size) {
    for (int64_t c = 0; c < shape.head_dim; ++c)
      if (std::find(channels[h].begin(), channels[h].end(), c) == channels[h].end())
        std::memset(keys[h].data() + (i * shape.head_dim + c) * size, 0, static_cast<size_t>(size));
  }

  std::vector<Bytes> rows;
  std::vector<std::vector<int32_t>> channels;
  std::vector<kvhost::HeadSpan> pruned;
};

TEST_CASE("pruned keys count as zeros in their missing channels, later keys are whole") {
  uint32_t seed = 700;
  for (const DType dtype : kTypes)
    for (const int64_t head_dim : {20, 64, 128})
      for (const int64_t q_len : {1, 40})
        for (const int64_t n_kept : {1, 7, 10}) {
          PrunedCase c(shape(3, 2, head_dim, q_len, dtype), {1100, 61}, n_kept, ++seed);
          INFO(kvhost::dtype_name(dtype)
               << " head_dim " << head_dim << " q_len " << q_len << " kept " << n_kept);
          c.heads.swap(c.pruned);  // what is attended to; `out()` reads the whole ones
          const Bytes out = attend(c);
          c.heads.swap(c.pruned);
          CHECK(worst_attention(c, out) < tolerance(c));
        }
}

TEST_CASE("large scores neither overflow nor turn into NaN") {
  Case c(shape(2, 1, 64, 1, DType::Float32), {600}, 500);
  c.shape.scale = 40;
  check(c);
}

TEST_CASE("results are bitwise the same for one and two threads") {
  const int before = kvhost::num_threads();
  for (const int64_t q_len : {1, 40}) {
    const Case c(shape(4, 4, 64, q_len, DType::BFloat16), {3000, 473, 900, 1500}, 600);
    kvhost::set_num_threads(1);
    const Bytes one = attend(c);
    kvhost::set_num_threads(2);
    CHECK(attend(c) == one);
  }
  kvhost::set_num_threads(before);
}
