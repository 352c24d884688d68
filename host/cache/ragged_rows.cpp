// SPDX-License-Identifier: Apache-2.0
#include "cache/ragged_rows.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "base/channels.hpp"

namespace kvhost {
RaggedRows::RaggedRows(int64_t n_heads, int64_t row_bytes, int64_t side_bytes, Arena* arena)
    : row_bytes_(row_bytes),
      side_bytes_(side_bytes),
      slots_(static_cast<size_t>(n_heads)),
      region_(arena) {
  assert((side_bytes == 0 || row_bytes % side_bytes == 0) && "the second column must stay aligned");
}

int64_t RaggedRows::total() const {
  int64_t total = 0;
  for (const Slot& slot : slots_) total += slot.length;
  return total;
}

void RaggedRows::append(int64_t n) {
  make_room(n);
  for (Slot& slot : slots_) slot.length += n;
}

void RaggedRows::lay_out(std::span<const int64_t> lengths) {
  assert(rows_ == 0 && lengths.size() == slots_.size());
  std::vector<Slot> target;
  int64_t offset = 0;
  for (const int64_t length : lengths) {
    target.push_back({offset, length, length});
    offset += length;
  }
  if (offset > 0) grow(offset);
  slots_ = std::move(target);
}

// All heads grow by the same n, so they share one block size and run out of room together.
int64_t RaggedRows::block_size(int64_t n) const {
  const int64_t mean = total() / static_cast<int64_t>(slots_.size()) + n;
  return std::clamp<int64_t>(mean / 16, 32, 256);
}

void RaggedRows::make_room(int64_t n) {
  const auto fits = [n](const Slot& slot) { return slot.length + n <= slot.capacity; };
  if (std::all_of(slots_.begin(), slots_.end(), fits)) return;
  const int64_t spare = total() == 0 ? 0 : block_size(n);  // a prefill fits exactly
  std::vector<Slot> target = slots_;
  int64_t offset = 0;
  for (Slot& slot : target) {
    slot.offset = offset;
    slot.capacity = slot.length + n + spare;
    offset += slot.capacity;
  }
  relayout(target);
}

void RaggedRows::drop_first(int64_t h, int64_t n) {
  Slot& slot = slots_[static_cast<size_t>(h)];
  slot.offset += n;
  slot.length -= n;
  slot.capacity -= n;
}

void RaggedRows::close_holes() {
  const int64_t held = total();
  const int64_t spare = 2 * static_cast<int64_t>(slots_.size()) * block_size(0);
  if (held > 0 && rows_ - held <= spare) return;
  std::vector<Slot> target = slots_;
  int64_t offset = 0;
  for (Slot& slot : target) {
    slot.offset = offset;
    slot.capacity = slot.length;
    offset += slot.length;
  }
  relayout(target);
}

// Heads keep their order, so those that move down can go first to last and then those that move up
// last to first: neither touches rows that have yet to move.
void RaggedRows::relayout(const std::vector<Slot>& target) {
  const int64_t rows = target.back().offset + target.back().capacity;
  if (rows > rows_) grow(rows);
  for (size_t h = 0; h < slots_.size(); ++h)
    if (target[h].offset < slots_[h].offset) move(slots_[h], target[h].offset);
  for (size_t h = slots_.size(); h-- > 0;)
    if (target[h].offset > slots_[h].offset) move(slots_[h], target[h].offset);
  slots_ = target;
  if (rows < rows_) shrink(rows);
}

void RaggedRows::move(const Slot& from, int64_t to) {
  if (from.length == 0) return;
  std::memmove(row_at(to), row_at(from.offset), static_cast<size_t>(from.length * row_bytes_));
  if (side_bytes_ > 0)
    std::memmove(side_at(to), side_at(from.offset), static_cast<size_t>(from.length * side_bytes_));
}

// Narrower rows in ascending order never overtake their source.
void RaggedRows::keep_columns(std::span<const std::vector<int32_t>> columns,
                              int64_t element_bytes) {
  assert(side_bytes_ == 0 && columns.size() == slots_.size());
  const auto column_bytes = static_cast<int64_t>(columns[0].size()) * element_bytes;
  std::vector<std::byte> scratch(static_cast<size_t>(row_bytes_));
  int64_t to = 0;
  for (size_t h = 0; h < slots_.size(); ++h) {
    Slot& slot = slots_[h];
    for (int64_t i = 0; i < slot.length; ++i) {
      pick_channels(row_at(slot.offset + i), columns[h], element_bytes, scratch.data());
      std::memcpy(region_.data() + (to + i) * column_bytes,
                  scratch.data(),
                  static_cast<size_t>(column_bytes));
    }
    slot = {to, slot.length, slot.length};
    to += slot.length;
  }
  row_bytes_ = column_bytes;
  rows_ = to;
  region_.resize(to * column_bytes);
}

void RaggedRows::clear() {
  std::fill(slots_.begin(), slots_.end(), Slot{});
  rows_ = 0;
  region_.resize(0);
}

void RaggedRows::swap(RaggedRows& other) noexcept {
  std::swap(row_bytes_, other.row_bytes_);
  std::swap(side_bytes_, other.side_bytes_);
  std::swap(rows_, other.rows_);
  slots_.swap(other.slots_);
  region_.swap(other.region_);
}

// The second column moves with the end of the rows: before heads move when growing, after they
// moved when shrinking.
void RaggedRows::grow(int64_t rows) {
  region_.resize(rows * (row_bytes_ + side_bytes_));
  if (side_bytes_ > 0)
    std::memmove(row_at(rows), row_at(rows_), static_cast<size_t>(rows_ * side_bytes_));
  rows_ = rows;
}

void RaggedRows::shrink(int64_t rows) {
  if (rows == 0) return clear();
  if (side_bytes_ > 0)
    std::memmove(row_at(rows), row_at(rows_), static_cast<size_t>(rows * side_bytes_));
  rows_ = rows;
  region_.resize(rows * (row_bytes_ + side_bytes_));
}

}  // namespace kvhost
