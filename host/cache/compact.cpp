// SPDX-License-Identifier: Apache-2.0
// Compaction of rows, in place: kept rows move down in ascending order, so no move overtakes its
// source.
#include <cstring>
#include <utility>

#include "cache/ragged_rows.hpp"

namespace kvhost {
namespace {

// Moves the kept rows to the front of `to`; neighbours go together.
void move_rows(std::byte* to, const std::byte* from, std::span<const int32_t> kept, int64_t bytes) {
  for (size_t i = 0; i < kept.size();) {
    size_t end = i + 1;
    while (end < kept.size() && kept[end] == kept[end - 1] + 1) ++end;
    const std::byte* source = from + kept[i] * bytes;
    if (source != to) std::memmove(to, source, (end - i) * static_cast<size_t>(bytes));
    to += static_cast<int64_t>(end - i) * bytes;
    i = end;
  }
}

}  // namespace

RowCompaction::RowCompaction(RaggedRows& rows, std::vector<std::span<const int32_t>> kept)
    : rows_(rows), kept_(std::move(kept)), target_(kept_.size()) {
  int64_t offset = 0;
  for (size_t h = 0; h < kept_.size(); ++h) {
    const auto n = static_cast<int64_t>(kept_[h].size());
    target_[h] = {offset, n, n};
    offset += n;
  }
  // Ascending and complete: everything is in its place already.
  if (offset != rows_.rows_) cut_waves();
}

// In a wave of several heads every destination lies below the first source of the wave.
void RowCompaction::cut_waves() {
  const size_t n_heads = kept_.size();
  for (size_t begin = 0; begin < n_heads; begin = wave_ends_.back()) {
    size_t end = begin + 1;
    while (end < n_heads && target_[end].offset + target_[end].length <= rows_.slots_[begin].offset)
      ++end;
    wave_ends_.push_back(end);
  }
}

void RowCompaction::move_head(size_t h) const {
  const int64_t from = rows_.slots_[h].offset, to = target_[h].offset;
  move_rows(rows_.row_at(to), rows_.row_at(from), kept_[h], rows_.row_bytes_);
  if (rows_.side_bytes_ > 0)
    move_rows(rows_.side_at(to), rows_.side_at(from), kept_[h], rows_.side_bytes_);
}

void RowCompaction::finish() {
  if (wave_ends_.empty()) return;
  rows_.slots_ = target_;
  rows_.shrink(target_.back().offset + target_.back().length);
}

}  // namespace kvhost
