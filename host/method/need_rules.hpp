// SPDX-License-Identifier: Apache-2.0
// What a need of a method asks for: whether this version can meet it, and where.
#pragma once

#include <string>

#include "kvhost/layer.h"
#include "kvhost/spread.h"

namespace kvhost {

// Tensor and flags are those of this version.
inline bool is_known(const kvh_need& need) {
  uint32_t known = KVH_NEED_OPTIONAL;
  if (need.tensor == KVH_T_QUERY_WINDOW) known |= KVH_NEED_SPREAD;
  const uint32_t unknown = need.flags & KVH_MUST_UNDERSTAND & ~known;
  return need.tensor < KVH_T_COUNT && !unknown && !need.reserved;
}

// Words of a need that no kvhost of this version meets.
inline std::string unknown_of(const kvh_need& need) {
  if (need.tensor >= KVH_T_COUNT) return "tensor " + std::to_string(need.tensor);
  return "tensor " + std::to_string(need.tensor) + " with flags " + std::to_string(need.flags) +
         " and reserved " + std::to_string(need.reserved);
}

// Queries from all over the prompt, not its last ones.
inline bool is_spread(const kvh_need& need) { return need.flags & KVH_NEED_SPREAD; }

// Queries of passes alone, all of which a pass has anyway: nothing is captured of the prompt.
inline bool is_of_passes(const kvh_need& need) {
  return need.tensor == KVH_T_QUERY_WINDOW && need.phases == 1u << KVH_PHASE_PASS;
}

}  // namespace kvhost
