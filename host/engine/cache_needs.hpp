// SPDX-License-Identifier: Apache-2.0
// Bytes of K and V that a prompt will take, known before it is read; entries of one that was.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/model.hpp"
#include "engine/policy.hpp"
#include "engine/sequence.hpp"

namespace kvhost {

struct CacheNeeds {
  int64_t full = 0;       // of all its tokens
  int64_t kept = 0;       // after the compression
  int64_t peak = 0;       // the most held while it is read
  int64_t entries = 0;    // kept, over all layers and heads
  // Of every layer, where no prompt is needed to tell; else empty.
  std::vector<int64_t> layer_entries;
};

// Reads no weights. Throws Error where a method cannot tell what it needs.
CacheNeeds cache_needs(const Model& model,
                       const Policy& policy,
                       std::span<const int32_t> tokens);

// Entries that a sequence holds, over all layers and heads.
int64_t entries_held(const Sequence& sequence);

// Of one token over all layers and heads, before anything of it is dropped.
int64_t cache_bytes_per_token(const Model& model);

}  // namespace kvhost
