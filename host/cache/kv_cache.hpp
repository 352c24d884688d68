// SPDX-License-Identifier: Apache-2.0
// The ragged KV cache of one sequence: a length per layer and KV head, memory that really goes back
// to the system.
//
// One layer holds keys, values and positions. In each of these the heads lie one after the other,
// each with its own offset, length and capacity, so one head's entries are always contiguous: [n,
// head_dim], row stride head_dim. After compact() there is no slack at all. The first append()
// afterwards spreads the heads apart by a block of spare entries each (moved from the last head to
// the first, in place), so that decoding moves memory once per block and not per token.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.hpp"

namespace kvhost {

struct CacheLayout {
  int64_t n_layers = 0, n_kv_heads = 0, head_dim = 0;
  DType dtype = DType::Float32;
  // K and V of one entry; a bias, where it has one, is a float more
  int64_t bytes_per_entry() const { return 2 * head_dim * element_size(dtype); }
};

// Keys of a head's first entries of which only some channels are held; the others count as 0.
struct PrunedKeys {
  const void* rows = nullptr;         // [n, width]
  const int32_t* channels = nullptr;  // [width] ascending; -1: padding, rows hold 0 there
  int64_t n = 0, width = 0;           // width is even
};

// What a head's first entries add to their scores, behind scale and soft cap; the others add 0.
struct EntryBias {
  const float* rows = nullptr;  // [n]
  int64_t n = 0;
};

// One head of one layer, borrowed until the layer changes.
struct HeadSpan {
  // [n - pruned.n, head_dim] RoPE applied, of the entries pruned.n ..
  void* keys = nullptr;
  void* values = nullptr;              // [n, head_dim]
  const int32_t* positions = nullptr;  // [n] ascending, absolute
  int64_t n = 0;
  PrunedKeys pruned{};  // of the entries 0 .. pruned.n; none until prune_channels()
  EntryBias bias{};     // of the entries 0 .. bias.n; none until set_biases()
};

// Which entries each head keeps: ascending indices into the head's entries.
struct KeepPlan {
  std::vector<std::vector<int32_t>> heads;
};

// Which channels each head's keys keep: ascending, as many in every head.
struct ChannelPlan {
  std::vector<std::vector<int32_t>> heads;
};

// How much each head of a layer holds, and of which channels: what must be known to make the same
// layer again.
struct LayerRows {
  std::vector<int64_t> lengths;  // [n_kv_heads] entries
  // [n_kv_heads] of these, the first ones have pruned keys; empty: none
  std::vector<int64_t> pruned;
  std::vector<std::vector<int32_t>> channels;  // [n_kv_heads][width] as in PrunedKeys; empty: none
  // [n_kv_heads] of these, the first ones have a bias; empty: none
  std::vector<int64_t> biased = {};
};

// What is wrong with `rows` for a cache of this layout, as "found; expected"; "" when nothing is.
std::string fault(const CacheLayout& layout, const LayerRows& rows);

// A layer just made by restore(), to be written by the caller: heads one after the other, without
// gaps.
struct LayerMemory {
  void* keys = nullptr;          // [sum of lengths - pruned, head_dim]
  void* pruned_keys = nullptr;   // [sum of pruned, width]
  void* values = nullptr;        // [sum of lengths, head_dim]
  int32_t* positions = nullptr;  // [sum of lengths]
  float* biases = nullptr;       // [sum of biased]
};

// Used by one thread at a time; the const functions may be called by any number of them while
// nobody changes the cache.
class KvCache {
 public:
  explicit KvCache(const CacheLayout& layout);
  ~KvCache();
  KvCache(KvCache&&) noexcept;
  KvCache& operator=(KvCache&&) noexcept;

  const CacheLayout& layout() const;
  // the next token's position: tokens processed, unless entries were renumbered
  int64_t n_seen() const;
  void advance(int64_t n_tokens);  // after a forward over all layers
  // tokens of the forward that began the sequence, known from its append(); 0 before it
  int64_t n_first() const;
  HeadSpan head(int64_t layer, int64_t head) const;
  int64_t n_kept(int64_t layer, int64_t head) const;

  // Makes room for n more entries in every head of `layer`, at positions first_position..
  // (ascending), counts them as held and returns their index in each head. The caller then writes K
  // and V through head(). In prefill (empty layer) this is one exact region [n_kv_heads, n,
  // head_dim].
  std::vector<int64_t> append(int64_t layer, int64_t n, int64_t first_position);

  // Keeps the listed entries of each head, in place; the rest of the memory is returned to the
  // system.
  void compact(int64_t layer, const KeepPlan& keep);

  // Sliding-window layers: drops entries at positions < first_position.
  void drop_before(int64_t layer, int64_t first_position);

  // The keys held now keep these channels alone and the rest of their memory is returned; keys
  // appended later are whole. Once per layer, until clear().
  void prune_channels(int64_t layer, const ChannelPlan& channels);

  // What the entries held now add to their scores from here on, [n_kv_heads][n] finite; entries
  // appended later add 0. All zeros: none is kept.
  void set_biases(int64_t layer, const std::vector<std::vector<float>>& biases);

  // Gives the entries of one head new positions, [n] ascending: their keys were rotated anew.
  void set_positions(int64_t layer, int64_t head, std::span<const int32_t> positions);
  // After set_positions() on all layers: the sequence goes on right behind the last entry held.
  void continue_behind_last();

  // Forgets the entries at positions >= n_seen, those of a forward that did not reach advance()
  // included; the next token is number n_seen again. For a question that was answered, a pass of a
  // method's own tokens, a forward that failed. It takes nothing else back: what compact() or a
  // sliding window dropped stays dropped, pruned channels stay pruned (clone() before, where all of
  // it is wanted again). The memory is room for the next entries, or is returned at once when it is
  // more than appending leaves anyway. An n_seen beyond the cache's own, or among renumbered
  // entries, whose positions do not tell what came later, is an Error(RunFailed) and changes
  // nothing.
  void truncate(int64_t n_seen);

  void clear();

  // The same to the bit, without slack. When the system refuses the memory, Error(RunFailed); this
  // cache never changes.
  KvCache clone() const;

  // What clone() is made of, for saved caches: the shape of a layer; an empty layer gets such a
  // shape, all zeros until the caller has written it; an empty cache gets its counters,
  // n_renumbered <= n_seen. Error(RunFailed) when the shape is at fault, the layer holds entries or
  // the system refuses the memory; the layer is then empty, or as before.
  LayerRows rows(int64_t layer) const;
  LayerMemory restore(int64_t layer, const LayerRows& rows);
  void restore_seen(int64_t n_seen, int64_t n_renumbered, int64_t n_first);

  int64_t n_renumbered() const;  // positions below were given anew by set_positions(); 0: none
  int64_t bytes_kept() const;    // K, V and biases of the entries held
  // all the cache holds from the system: slack, positions, page rounding
  int64_t bytes_allocated() const;
  int64_t bytes_peak() const;  // the highest bytes_allocated() since reset_peak()
  void reset_peak();

 private:
  struct State;
  State* state_;
};

}  // namespace kvhost
