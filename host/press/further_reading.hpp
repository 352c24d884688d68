// SPDX-License-Identifier: Apache-2.0
// What methods have the model read beside a prompt's own pass, in optional parts: a draft of the
// answer (kvhost/draft.h), entries that stand behind the prompt (kvhost/appendix.h). Further passes
// are in passes.hpp.
#pragma once

#include <vector>

#include "kvhost/appendix.h"
#include "kvhost/draft.h"
#include "method/instance.hpp"

namespace kvhost {

class Stage;

// Null when the method has no such part.
const kvh_draft* draft_of(const Instance& method);
const kvh_appendix* appendix_of(const Instance& method);

// Tokens at most. Throws Error.
int64_t draft_tokens(const Instance& method);

// What the method puts behind every prompt, looked at: arrays are there, changes are of matrices.
kvh_appended appended_by(const Instance& method);

// The methods of a stage that draft, or append something, those inside others included.
std::vector<const Instance*> drafting(const Stage& stage);
std::vector<const Instance*> appending(const Stage& stage);

// Entries per KV head that a stage's methods put behind every prompt.
int64_t n_appended(const Stage& stage);

}  // namespace kvhost
