// SPDX-License-Identifier: Apache-2.0
// What was kept, as a page: one file that needs no network and, for reading, no JavaScript.
#pragma once

#include <ostream>

#include "report/kept_view.hpp"

namespace kvhost {

// The prompt as running text, each token shaded by the share of layers and KV heads that kept it,
// with views by layer and head, budgets, questions and answers; a second press stands beside the
// first. Throws Error where the view does not hold together.
void write_kept_html(std::ostream& out, const KeptView& view);

}  // namespace kvhost
