// SPDX-License-Identifier: Apache-2.0
// What a saved cache consists of: the one list that the writer follows and the reader compares
// with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "cache/kv_cache.hpp"
#include "cache/named_tensor.hpp"

namespace kvhost {

inline constexpr const char* kCacheSchema = "kvhost-saved-cache-1";

enum class CachePart {
  Lengths,        // int64 [n_kv_heads] entries of each head
  PrunedLengths,  // int64 [n_kv_heads] of these, the first ones have pruned keys
  BiasedLengths,  // int64 [n_kv_heads] likewise, have a bias
  Logits,         // float32 [vocab]
  Tokens,         // int32 [n]
  Positions,      // int32 [sum of lengths]
  Channels,       // int32 [n_kv_heads, width] of the pruned keys; -1: padding
  Biases,         // float32 [sum of biased]
  Keys,           // [sum of lengths - pruned, head_dim]
  PrunedKeys,     // [sum of pruned, width]
  Values,         // [sum of lengths, head_dim]
  Decode          // of a compression while generating; `layer` is its number in CacheContent::decode
};

struct CacheTensor {
  CachePart part;
  int64_t layer = -1;       // -1: of the whole cache
  std::string name, dtype;  // "layer.3.keys", "BF16"
  std::vector<int64_t> shape;
  int64_t bytes = 0;
  std::string xxh64{};  // of its bytes, when they have been seen
};

// In the order of the file: large elements first, so that every tensor is aligned.
// rows: [n_layers], without fault().
std::vector<CacheTensor> cache_tensors(const CacheLayout& layout,
                                       const std::vector<LayerRows>& rows,
                                       int64_t n_logits,
                                       int64_t n_tokens,
                                       std::span<const NamedTensor> decode = {});

std::string layer_tensor_name(int64_t layer, const char* part);

// What the tensors are of: a cache in memory and what goes with it, borrowed.
struct CacheContent {
  const KvCache& cache;
  const std::vector<LayerRows>& rows;  // [n_layers]
  std::span<const float> logits;
  std::span<const int32_t> tokens;
  std::span<const NamedTensor> decode{};
};

// A tensor's bytes where they lie, piece by piece in order.
std::vector<std::span<const std::byte>> pieces(const CacheContent& content,
                                               const CacheTensor& tensor);
void hash_tensors(const CacheContent& content, std::vector<CacheTensor>& tensors);

// SHA-256 over metadata (all but "digest" itself), names, types, shapes and XXH64 of all tensors.
// SHA-256 of the rows themselves would take longer than reading them, and prove no more: who
// changes them can change the digest too.
std::string cache_digest(const std::map<std::string, std::string>& metadata,
                         std::vector<CacheTensor> tensors);

// What is wrong with the positions of a head, "" when they ascend in [0, n_seen).
std::string position_fault(const HeadSpan& span, int64_t n_seen);

}  // namespace kvhost
