// SPDX-License-Identifier: Apache-2.0
// The entries of a layer with whole keys, as methods see them: channels that were pruned are zeros.
#pragma once

#include <cstddef>
#include <vector>

#include "cache/kv_cache.hpp"

namespace kvhost {

// Heads as the cache holds them; those with pruned keys get whole ones in `rows`, which must live
// as long as the result is used.
std::vector<HeadSpan> whole_spans(const KvCache& cache,
                                  int64_t layer,
                                  std::vector<std::byte>& rows);

}  // namespace kvhost
