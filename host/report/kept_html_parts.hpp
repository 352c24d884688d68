// SPDX-License-Identifier: Apache-2.0
// The parts of the page of what was kept, in the order in which they stand there.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "report/kept_view.hpp"

namespace kvhost::kept_html {

// Any bytes as text of an element or a quoted attribute.
std::string escape(std::string_view text);
std::string grouped(int64_t n);                // 12,345
double share_of(int64_t part, int64_t whole);  // 0 of nothing

// A card for each press: spec, budget, bytes, the matrix of layers and heads.
void write_presses(std::ostream& out, const KeptView& view);

// Layers by KV heads, coloured by the share kept on a ramp that ends at `most`; budgets and what
// was observed beside. Also where one picks a layer or head.
void write_matrix(std::ostream& out, const KeptPress& press, double most);
double largest_head_share(const KeptView& view);

// The text once for each press, a <span> a token.
void write_panes(std::ostream& out, const KeptView& view);

// Questions and answers, a row each; nothing when there are none.
void write_exchanges(std::ostream& out, const KeptView& view);

// What the script reads: kept sets and names, as JSON that is safe inside <script>.
void write_data(std::ostream& out, const KeptView& view);

}  // namespace kvhost::kept_html
