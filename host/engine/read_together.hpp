// SPDX-License-Identifier: Apache-2.0
// One prompt for several sequences: read once, compressed by each one's own policy.
#pragma once

#include <cstdint>
#include <span>

#include "base/api.hpp"
#include "engine/sequence.hpp"

namespace kvhost {

// What prefill() would do for each of `sequences`, to the bit, at the price of one reading: the
// attention of a prompt is exact, whatever is dropped behind it. All are of one model and have read
// nothing yet. Each has a cache of its own, so that memory is the sum of theirs and one layer; a
// method that decides behind the last layer holds all of its prompt until then. prefill_ms of each
// is what it would have taken alone: the reading, and what its own policy did. When it throws, all
// can read again, as after a prefill() that failed.
KVHOST_API void prefill_together(std::span<Sequence* const> sequences,
                                 std::span<const int32_t> tokens,
                                 const Sequence::Progress& progress = {});

}  // namespace kvhost
