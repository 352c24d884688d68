// SPDX-License-Identifier: Apache-2.0
#include "cache/layer_cache.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace kvhost {
namespace {

constexpr int64_t kPositionBytes = static_cast<int64_t>(sizeof(int32_t));

}  // namespace

LayerCache::LayerCache(const CacheLayout& layout, int64_t layer, Arena* arena)
    : layer_(layer),
      row_bytes_(layout.head_dim * element_size(layout.dtype)),
      slots_(static_cast<size_t>(layout.n_kv_heads)),
      keys_(arena),
      values_(arena) {
  assert(row_bytes_ % kPositionBytes == 0 && "head_dim must be even");
}

int32_t* LayerCache::positions_at(int64_t entry) const {
  return reinterpret_cast<int32_t*>(values_at(entries_)) + entry;
}

HeadSpan LayerCache::head(int64_t h) const {
  const Slot& slot = slots_[static_cast<size_t>(h)];
  if (entries_ == 0) {
    return {};
  }
  return {keys_at(slot.offset), values_at(slot.offset), positions_at(slot.offset), slot.length};
}

int64_t LayerCache::n_entries() const {
  int64_t total = 0;
  for (const Slot& slot : slots_) {
    total += slot.length;
  }
  return total;
}

std::vector<int64_t> LayerCache::append(int64_t n, int64_t first_position) {
  make_room(n);
  std::vector<int64_t> begin;
  begin.reserve(slots_.size());
  for (Slot& slot : slots_) {
    begin.push_back(slot.length);
    int32_t* positions = positions_at(slot.offset + slot.length);
    for (int64_t i = 0; i < n; ++i) {
      positions[i] = static_cast<int32_t>(first_position + i);
    }
    slot.length += n;
  }
  return begin;
}

// All heads grow by the same n, so they share one block size and run out of room together.
int64_t LayerCache::block_size(int64_t n) const {
  const int64_t mean = n_entries() / static_cast<int64_t>(slots_.size()) + n;
  return std::clamp<int64_t>(mean / 16, 32, 256);
}

void LayerCache::make_room(int64_t n) {
  const auto fits = [n](const Slot& slot) { return slot.length + n <= slot.capacity; };
  if (std::all_of(slots_.begin(), slots_.end(), fits)) {
    return;
  }
  const int64_t spare = n_entries() == 0 ? 0 : block_size(n);  // a prefill fits exactly
  std::vector<Slot> target = slots_;
  int64_t offset = 0;
  for (Slot& slot : target) {
    slot.offset = offset;
    slot.capacity = slot.length + n + spare;
    offset += slot.capacity;
  }
  relayout(target);
}

void LayerCache::pack() {
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
// last to first: neither touches entries that have yet to move.
void LayerCache::relayout(const std::vector<Slot>& target) {
  const int64_t entries = target.back().offset + target.back().capacity;
  if (entries > entries_) {
    grow(entries);
  }
  for (size_t h = 0; h < slots_.size(); ++h) {
    if (target[h].offset < slots_[h].offset) {
      move_entries(slots_[h], target[h].offset);
    }
  }
  for (size_t h = slots_.size(); h-- > 0;) {
    if (target[h].offset > slots_[h].offset) {
      move_entries(slots_[h], target[h].offset);
    }
  }
  slots_ = target;
  if (entries < entries_) {
    shrink(entries);
  }
}

void LayerCache::move_entries(const Slot& from, int64_t to) {
  const auto bytes = static_cast<size_t>(from.length * row_bytes_);
  if (bytes == 0) {
    return;
  }
  std::memmove(keys_at(to), keys_at(from.offset), bytes);
  std::memmove(values_at(to), values_at(from.offset), bytes);
  std::memmove(positions_at(to),
               positions_at(from.offset),
               static_cast<size_t>(from.length * kPositionBytes));
}

void LayerCache::drop_before(int64_t first_position) {
  int64_t held = 0;
  for (Slot& slot : slots_) {
    const HeadSpan span = head(&slot - slots_.data());
    const int32_t* kept = std::lower_bound(
        span.positions, span.positions + span.n, static_cast<int32_t>(first_position));
    const int64_t dropped = kept - span.positions;
    slot.offset += dropped;
    slot.length -= dropped;
    slot.capacity -= dropped;
    held += slot.length;
  }
  // A decoding step drops one entry per head: the holes are closed when room is made for new
  // entries, or here when they have become more than what appending leaves anyway.
  const int64_t spare = 2 * static_cast<int64_t>(slots_.size()) * block_size(0);
  if (held == 0 || entries_ - held > spare) {
    pack();
  }
}

void LayerCache::set_positions(int64_t h, std::span<const int32_t> positions) {
  const Slot& slot = slots_[static_cast<size_t>(h)];
  assert(static_cast<int64_t>(positions.size()) == slot.length);
  if (slot.length > 0) std::copy(positions.begin(), positions.end(), positions_at(slot.offset));
}

void LayerCache::clear() {
  std::fill(slots_.begin(), slots_.end(), Slot{});
  entries_ = 0;
  keys_.resize(0);
  values_.resize(0);
}

// The positions move with the end of the values: before heads move when growing, after they moved
// when shrinking.
void LayerCache::grow(int64_t entries) {
  keys_.resize(entries * row_bytes_);
  values_.resize(entries * (row_bytes_ + kPositionBytes));
  std::memmove(
      values_at(entries), values_at(entries_), static_cast<size_t>(entries_ * kPositionBytes));
  entries_ = entries;
}

void LayerCache::shrink(int64_t entries) {
  if (entries == 0) {
    return clear();
  }
  std::memmove(
      values_at(entries), values_at(entries_), static_cast<size_t>(entries * kPositionBytes));
  entries_ = entries;
  keys_.resize(entries * row_bytes_);
  values_.resize(entries * (row_bytes_ + kPositionBytes));
}

}  // namespace kvhost
