// SPDX-License-Identifier: Apache-2.0
// What --kept-html, --show-kept and /kept show, taken from sequences.
#pragma once

#include <string>
#include <vector>

#include "engine/sequence.hpp"
#include "report/kept_view.hpp"

namespace kvhost {

// Bytes of each token as the text has them; empty without a tokenizer.
std::vector<std::string> pieces_of(const Model& model, std::span<const int32_t> tokens);

// A sequence as it is right after its compression.
KeptPress kept_press(const Sequence& sequence);

KeptView kept_view(const Model& model, const std::string& title, const Sequence& sequence);

}  // namespace kvhost
