// SPDX-License-Identifier: Apache-2.0
// A text as its tokens' shares of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.hpp"

namespace kvhost {

// Bytes of each token as the text has them. A character that several tokens make stands with the
// one that completes it.
std::vector<std::string> pieces_of(const Tokenizer& tokenizer, std::span<const int32_t> tokens);

}  // namespace kvhost
