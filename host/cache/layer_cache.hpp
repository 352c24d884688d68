// SPDX-License-Identifier: Apache-2.0
// One layer of the cache: keys, values with their positions, and, after prune_channels(), keys of
// fewer channels, after set_biases(), biases. What was pruned or has a bias are always a head's
// first entries, since entries that come later are appended whole and without.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cache/kv_cache.hpp"
#include "cache/ragged_rows.hpp"

namespace kvhost {

class LayerCache {
 public:
  LayerCache(const CacheLayout& layout, int64_t layer, Arena* arena);

  HeadSpan head(int64_t h) const;
  int64_t n_kept(int64_t h) const { return values_.length(h); }
  int64_t n_entries() const { return values_.total(); }  // over all heads
  int64_t bytes_kept() const {
    return keys_.bytes() + values_.bytes() + pruned_.bytes() + biases_.bytes();
  }

  // The operations of KvCache, for this layer.
  std::vector<int64_t> append(int64_t n, int64_t first_position);
  void compact(const KeepPlan& keep);
  void drop_before(int64_t first_position);
  void set_positions(int64_t h, std::span<const int32_t> positions);
  void prune_channels(const ChannelPlan& channels);
  void set_biases(const std::vector<std::vector<float>>& biases);
  void truncate(int64_t n_seen);
  LayerRows rows() const;
  LayerMemory restore(const LayerRows& rows);
  void clear();

 private:
  RaggedRows empty_keys() const;
  RaggedRows empty_biases() const;
  void check(const KeepPlan& keep) const;
  void check(const ChannelPlan& channels) const;
  int32_t* positions(int64_t h) const { return reinterpret_cast<int32_t*>(values_.side(h)); }

  CacheLayout layout_;
  int64_t layer_;
  Arena* arena_;
  RaggedRows keys_;    // of the entries behind pruned_: [n - n_pruned, head_dim] per head
  RaggedRows values_;  // [n, head_dim] per head, and int32 positions
  RaggedRows pruned_;  // keys of the first entries: [n_pruned, width] per head
  std::vector<std::vector<int32_t>> channels_;  // [n_kv_heads][width] those of pruned_; -1: padding
  RaggedRows biases_;  // float32 of the first entries: [n_biased] per head
};

}  // namespace kvhost
