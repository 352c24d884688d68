// SPDX-License-Identifier: Apache-2.0
// One layer of the cache: where each head's entries lie and how they move inside two mappings,
// [keys] and [values | positions]. Positions share the second mapping because a third one would
// waste half a page per layer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cache/arena.hpp"
#include "cache/kv_cache.hpp"

namespace kvhost {

class LayerCache {
 public:
  LayerCache(const CacheLayout& layout, int64_t layer, Arena* arena);

  HeadSpan head(int64_t h) const;
  int64_t n_kept(int64_t h) const { return slots_[static_cast<size_t>(h)].length; }
  int64_t n_entries() const;  // over all heads

  // The operations of KvCache, for this layer.
  std::vector<int64_t> append(int64_t n, int64_t first_position);
  void compact(const KeepPlan& keep);
  void drop_before(int64_t first_position);
  void set_positions(int64_t h, std::span<const int32_t> positions);
  void clear();

 private:
  // Entries [offset, offset + length) are held, up to offset + capacity may be.
  struct Slot {
    int64_t offset = 0, length = 0, capacity = 0;
  };

  std::byte* keys_at(int64_t entry) const { return keys_.data() + entry * row_bytes_; }
  std::byte* values_at(int64_t entry) const { return values_.data() + entry * row_bytes_; }
  int32_t* positions_at(int64_t entry) const;

  void check(const KeepPlan& keep) const;
  int64_t block_size(int64_t n) const;  // spare entries per head when making room
  void make_room(int64_t n);
  void pack();
  void relayout(const std::vector<Slot>& target);
  void move_entries(const Slot& from, int64_t to);
  void move_kept(const KeepPlan& keep, const std::vector<Slot>& target);
  void grow(int64_t entries);
  void shrink(int64_t entries);

  int64_t layer_;
  int64_t row_bytes_;
  int64_t entries_ = 0;  // the mappings are laid out for
  std::vector<Slot> slots_;
  Region keys_;    // [entries, head_dim]
  Region values_;  // [entries, head_dim], then int32 positions [entries]
};

}  // namespace kvhost
