// SPDX-License-Identifier: Apache-2.0
// Reduced columns of attention against rows written out in double precision. CTest runs this once
// per level.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

#include "attention_cases.hpp"
#include "base/parallel.hpp"
#include "kernels/column_reduction.hpp"

using namespace kvhost;
using kvhost::test::Case;

namespace {

bool seen_at(const ColumnReduction& what, int32_t position) {
  return what.seen.empty() ||
         std::any_of(what.seen.begin(), what.seen.end(), [&](const PositionRange& range) {
           return position >= range.begin && position < range.end;
         });
}

// A case and its softmax rows over all entries: most of the time of these tests, so made once.
struct Dense {
  explicit Dense(const Case& of) : c(of) {
    for (int64_t h = 0; h < c.shape.n_heads; ++h)
      for (int64_t i = 0; i < c.shape.q_len; ++i) rows.push_back(c.row(h, i));
  }
  const Case& c;
  std::vector<std::vector<double>> rows;  // [n_heads * q_len][entries of the head]
};

// Softmax row of a query over the entries seen, from the one over all: what the others took is
// given back.
std::vector<double> row_over(const Dense& dense, const ColumnReduction& what, int64_t h, int64_t i) {
  const Case& c = dense.c;
  std::vector<double> row = dense.rows[static_cast<size_t>(h * c.shape.q_len + i)];
  const HeadSpan& head = c.heads[static_cast<size_t>(h / c.group())];
  double all = 0, seen = 0;
  for (int64_t j = 0; j < head.n; ++j) {
    all += row[static_cast<size_t>(j)];
    if (!seen_at(what, head.positions[j])) row[static_cast<size_t>(j)] = 0;
    seen += row[static_cast<size_t>(j)];
  }
  const double sum = seen + (c.shape.sinks ? 1 - all : 0);
  for (double& value : row) value = sum > 0 ? value / sum : 0;
  return row;
}

// [n_heads or n_kv_heads][columns]
std::vector<std::vector<double>> expected_columns(const Dense& dense,
                                                  const ColumnReduction& what) {
  const Case& c = dense.c;
  const PositionRange range = entries_at(c.heads[0], what.columns);
  const int64_t joined = what.per_head ? 1 : c.group();
  std::vector<std::vector<double>> out(
      static_cast<size_t>(c.shape.n_heads / joined),
      std::vector<double>(static_cast<size_t>(range.end - range.begin), 0.0));
  for (int64_t h = 0; h < c.shape.n_heads; ++h)
    for (int64_t i = 0; i < c.shape.q_len; ++i) {
      const std::vector<double> row = row_over(dense, what, h, i);
      const double weight = what.row_weight ? static_cast<double>(what.row_weight[i]) : 1;
      auto& columns = out[static_cast<size_t>(h / joined)];
      for (size_t j = 0; j < columns.size(); ++j) {
        const double value = weight * row[static_cast<size_t>(range.begin) + j];
        columns[j] = what.sum ? columns[j] + value : std::max(columns[j], value);
      }
    }
  return out;
}

void check(const Dense& dense, ColumnReduction what) {
  const Case& c = dense.c;
  what.shape = c.shape;
  what.heads = c.heads.data();
  what.queries = c.queries.data();
  what.first_position = c.first_position;
  const auto expected = expected_columns(dense, what);
  const size_t n = expected[0].size();
  std::vector<float> out(expected.size() * n, std::numeric_limits<float>::quiet_NaN());
  reduce_columns(what, out.data());
  double worst = 0;
  for (size_t r = 0; r < expected.size(); ++r)
    for (size_t j = 0; j < n; ++j) {
      const double error = std::abs(static_cast<double>(out[r * n + j]) - expected[r][j]);
      // NaN counts as worst
      worst = error <= worst ? worst : error / std::max(1.0, expected[r][j]);
    }
  INFO("dtype " << static_cast<int>(c.shape.dtype) << ", q_len " << c.shape.q_len << ", sum "
                << what.sum << ", per head " << what.per_head << ", ranges " << what.seen.size());
  CHECK(worst < 2e-5);
}

void check(const Case& c, const ColumnReduction& what) { check(Dense(c), what); }

AttentionShape shape_of(int64_t group, int64_t n_kv_heads, int64_t head_dim, int64_t q_len) {
  AttentionShape shape;
  shape.n_heads = group * n_kv_heads;
  shape.n_kv_heads = n_kv_heads;
  shape.head_dim = head_dim;
  shape.q_len = q_len;
  return shape;
}

// The prompt's positions end where the queries begin.
std::vector<PositionRange> sink_chunk_and_own(const Case& c) {
  return {{0, 4}, {40, 90}, {c.first_position, c.first_position + c.shape.q_len}};
}

}  // namespace

TEST_CASE("reduced columns equal dense rows, for every type, reduction and width of a head") {
  for (const DType dtype : {DType::Float32, DType::BFloat16, DType::Float16})
    for (const int64_t q_len : {1, 17, 66, 530}) {
      AttentionShape shape = shape_of(3, 2, q_len == 66 ? 20 : 32, q_len);
      shape.dtype = dtype;
      const Case c(shape, {q_len + 130, q_len + 130}, static_cast<uint32_t>(q_len));
      const Dense dense(c);
      for (const bool sum : {false, true})
        for (const bool per_head : {false, true}) {
          ColumnReduction what;
          what.sum = sum;
          what.per_head = per_head;
          what.columns = {40, 90};
          check(dense, what);
          what.seen = sink_chunk_and_own(c);
          check(dense, what);
        }
    }
}

TEST_CASE("columns of entries with a bias are reduced as their rows have them") {
  for (const int64_t q_len : {17, 66}) {
    Case c(shape_of(3, 2, 32, q_len), {q_len + 130, q_len + 130}, static_cast<uint32_t>(q_len));
    c.add_biases(3);
    ColumnReduction what;
    what.columns = {40, 90};
    check(c, what);
    what.sum = true;
    what.seen = sink_chunk_and_own(c);
    check(c, what);
  }
}

TEST_CASE("rows of a column reduction can be weighted") {
  const Case c(shape_of(2, 2, 32, 70), {200, 200}, 7);
  std::vector<float> weights;
  for (int i = 0; i < 70; ++i) weights.push_back(0.25f + 0.03f * static_cast<float>(i * 37 % 70));
  for (const bool sum : {false, true}) {
    ColumnReduction what;
    what.sum = sum;
    what.row_weight = weights.data();
    what.columns = {40, 90};
    what.seen = sink_chunk_and_own(c);
    check(c, what);
  }
}

TEST_CASE("a layer's window, softcap and sinks count in reduced columns") {
  AttentionShape shape = shape_of(2, 2, 32, 40);
  const float sinks[] = {0.5f, -1.0f, 2.0f, 0.0f};
  shape.sliding_window = 60;
  shape.softcap = 3;
  shape.sinks = sinks;
  const Case c(shape, {150, 150}, 9);
  ColumnReduction what;
  what.columns = {60, 100};
  check(c, what);
  what.seen = {{50, 110}, {c.first_position, c.first_position + 40}};
  check(c, what);
}

TEST_CASE("columns where no entry lies are none, and the same for any number of threads") {
  const Case c(shape_of(2, 3, 32, 600), {700, 700, 700}, 11);
  ColumnReduction what;
  what.shape = c.shape;
  what.heads = c.heads.data();
  what.queries = c.queries.data();
  what.first_position = c.first_position;
  what.sum = true;
  what.columns = {5, 5};
  reduce_columns(what, nullptr);
  what.columns = {0, 90};
  const PositionRange entries = entries_at(c.heads[0], what.columns);
  const auto n = static_cast<size_t>(3 * (entries.end - entries.begin));
  std::vector<float> one(n), two(n);
  const int threads = num_threads();
  set_num_threads(1);
  reduce_columns(what, one.data());
  set_num_threads(2);
  reduce_columns(what, two.data());
  set_num_threads(threads);
  CHECK(one == two);
}
