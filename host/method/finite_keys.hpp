// SPDX-License-Identifier: Apache-2.0
// A broken model is caught before a method looks at it: one that never reads the keys would let it
// pass.
#pragma once

#include <string>

#include "cache/kv_cache.hpp"

namespace kvhost {

// Throws Error(RunFailed) that names `method`, layer, head and entry when a key is NaN or infinite.
void check_keys(const std::string& method, const KvCache& cache, int64_t layer);

}  // namespace kvhost
