// SPDX-License-Identifier: Apache-2.0
// The cache and, beside it, what it should hold in plain vectors: every operation is done to both.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "cache/kv_cache.hpp"

namespace kvhost::test {

// An entry is told by its id: every byte of its rows follows from it.
struct Entry {
  int32_t position = 0, id = 0;
  bool pruned = false;
  bool biased = false;  // its bias is its id
  bool operator==(const Entry&) const = default;
};

class CacheModel {
 public:
  explicit CacheModel(const CacheLayout& layout);
  CacheModel(CacheModel&&) = default;

  KvCache& cache() { return cache_; }
  const CacheLayout& layout() const { return cache_.layout(); }
  const std::vector<Entry>& held(int64_t layer, int64_t head) const;
  int64_t n_seen() const { return n_seen_; }
  int64_t n_renumbered() const { return n_renumbered_; }

  void append(int64_t layer, int64_t n, int64_t first);
  void advance(int64_t n);
  void compact(int64_t layer, const KeepPlan& plan);
  void drop_before(int64_t layer, int64_t first);
  void prune(int64_t layer, std::mt19937& rng);  // refused when keys are pruned already
  void bias(int64_t layer, bool zeros);  // of every entry its id; or all 0, which is none
  void renumber();                               // all heads anew, from 0 on
  void truncate(int64_t n_seen);
  CacheModel clone() const;

  // Nothing but what was said above may be in the cache, to the byte; also what it counts.
  bool same() const;
  bool same(int64_t layer, int64_t head) const;
  int64_t bytes_kept() const;
  int64_t n_entries() const;
  bool same_bias(const HeadSpan& span, const std::vector<Entry>& expected) const;

  KeepPlan random_plan(int64_t layer, std::mt19937& rng) const;
  // One operation on all layers, chosen by `rng`.
  void step(std::mt19937& rng);

 private:
  CacheModel(const CacheLayout& layout, KvCache cache);
  std::vector<Entry>& at(int64_t layer, int64_t head);
  int64_t row_bytes() const;
  int64_t n_pruned(int64_t layer, int64_t head) const;
  bool same_key(int64_t layer, int64_t head, const HeadSpan& span, int64_t i) const;

  KvCache cache_;
  std::vector<std::vector<Entry>> held_;                     // [n_layers * n_kv_heads]
  std::vector<std::vector<std::vector<int32_t>>> channels_;  // [n_layers][n_kv_heads]
  int64_t n_seen_ = 0, n_renumbered_ = 0;
  int32_t next_id_ = 0;
};

}  // namespace kvhost::test
