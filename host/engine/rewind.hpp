// SPDX-License-Identifier: Apache-2.0
// A sequence back to an earlier token, for another text that begins alike.
#pragma once

#include <cstdint>

#include "engine/sequence.hpp"

namespace kvhost {

// Whether a sequence can forget everything behind its first `n_tokens` and be as if it had never
// read it: nothing of theirs may have been dropped since.
bool can_rewind(const Sequence& sequence, int64_t n_tokens);

// What comes next must be read before there are logits again. Error(RunFailed) where can_rewind()
// says no.
void rewind(Sequence& sequence, int64_t n_tokens);

}  // namespace kvhost
