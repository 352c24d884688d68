// SPDX-License-Identifier: Apache-2.0
// What some queries make of each of some entries: softmax rows over chosen stretches of positions,
// reduced over the rows to one number per entry. A tile of rows at a time: the rows are never
// stored together.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/attention.hpp"

namespace kvhost {

struct PositionRange {
  int64_t begin = 0, end = 0;
};

struct ColumnReduction {
  AttentionShape shape;             // q_len rows per query head; its window, softcap, sinks count
  const HeadSpan* heads = nullptr;  // [n_kv_heads] with the same entries in each; whole keys
  const void* queries = nullptr;    // [n_heads, q_len, head_dim] in shape.dtype
  int64_t first_position = 0;       // of the queries
  // Ascending: what stands in the softmax, the queries' own entries not forgotten; empty: everything.
  std::vector<PositionRange> seen;
  PositionRange columns;              // inside `seen`: what is handed out
  bool sum = false;                   // instead of the maximum
  bool per_head = false;              // a row for every query head instead of every KV head
  const float* row_weight = nullptr;  // [q_len] >= 0 that a query's row is multiplied by; null: 1
};

// Where the entries at `columns` lie in a head.
PositionRange entries_at(const HeadSpan& head, PositionRange columns);

// out: [n_heads or n_kv_heads, n], n the entries at `columns`. The same for any number of threads.
void reduce_columns(const ColumnReduction& what, float* out);

}  // namespace kvhost
