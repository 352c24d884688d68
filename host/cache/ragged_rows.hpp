// SPDX-License-Identifier: Apache-2.0
// Rows of one kind, keys or values, of all KV heads of a layer in one mapping: head after head,
// each with its own offset, length and capacity. A thin second column may lie behind all rows
// (positions), because a mapping of its own would waste half a page per layer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cache/arena.hpp"

namespace kvhost {

class RaggedRows {
 public:
  RaggedRows(int64_t n_heads, int64_t row_bytes, int64_t side_bytes, Arena* arena);

  std::byte* row(int64_t h) const { return row_at(slot(h).offset); }  // the head's first
  std::byte* side(int64_t h) const {
    return side_at(slot(h).offset);
  }  // likewise of the second column
  int64_t length(int64_t h) const { return slot(h).length; }
  int64_t total() const;  // rows over all heads
  int64_t bytes() const { return total() * row_bytes_; }
  int64_t row_bytes() const { return row_bytes_; }

  // n more rows for every head, to be written by the caller.
  void append(int64_t n);
  // The head's first n rows go; their place is given back by close_holes() or when room is made.
  void drop_first(int64_t h, int64_t n);
  // Its last n rows go; their place is room for the next, or given back by close_holes().
  void drop_last(int64_t h, int64_t n) { slots_[static_cast<size_t>(h)].length -= n; }
  // Empty rows become so many per head, all zeros, without gaps.
  void lay_out(std::span<const int64_t> lengths);
  // Packs the rows when the holes have become more than what appending leaves anyway.
  void close_holes();
  // Every row keeps these columns alone, in this order; column -1 becomes zeros. In place.
  // columns[h]: indices of elements of element_bytes each, the same number in every head.
  void keep_columns(std::span<const std::vector<int32_t>> columns, int64_t element_bytes);
  void clear();
  void swap(RaggedRows& other) noexcept;

 private:
  friend class RowCompaction;

  // Rows [offset, offset + length) are held, up to offset + capacity may be.
  struct Slot {
    int64_t offset = 0, length = 0, capacity = 0;
  };

  const Slot& slot(int64_t h) const { return slots_[static_cast<size_t>(h)]; }
  std::byte* row_at(int64_t index) const { return region_.data() + index * row_bytes_; }
  std::byte* side_at(int64_t index) const { return row_at(rows_) + index * side_bytes_; }
  int64_t block_size(int64_t n) const;  // spare rows per head when making room
  void make_room(int64_t n);
  void relayout(const std::vector<Slot>& target);
  void move(const Slot& from, int64_t to);
  void grow(int64_t rows);
  void shrink(int64_t rows);

  int64_t row_bytes_, side_bytes_;
  int64_t rows_ = 0;  // the mapping is laid out for
  std::vector<Slot> slots_;
  Region region_;  // [rows, row_bytes], then [rows, side_bytes]
};

// One region's part in a compaction: kept rows move down in ascending order, in place. Heads move
// in waves; the heads of one wave may move at the same time, and so may waves of different regions.
class RowCompaction {
 public:
  // kept[h]: ascending indices into the head's rows; borrowed.
  RowCompaction(RaggedRows& rows, std::vector<std::span<const int32_t>> kept);

  size_t n_waves() const { return wave_ends_.size(); }
  size_t wave_begin(size_t wave) const { return wave == 0 ? 0 : wave_ends_[wave - 1]; }
  size_t wave_end(size_t wave) const { return wave_ends_[wave]; }
  void move_head(size_t h) const;
  void finish();  // after all waves: gives the rest back

 private:
  void cut_waves();

  RaggedRows& rows_;
  std::vector<std::span<const int32_t>> kept_;
  std::vector<RaggedRows::Slot> target_;
  std::vector<size_t> wave_ends_;  // none: everything is in its place
};

}  // namespace kvhost
