// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pieces.hpp"

namespace kvhost {

std::vector<std::string> pieces_of(const Tokenizer& tokenizer, std::span<const int32_t> tokens) {
  std::vector<std::string> pieces;
  StreamDecoder decoder(tokenizer, /*skip_special=*/false);
  for (const int32_t token : tokens) pieces.push_back(decoder.push(token));
  if (!pieces.empty()) pieces.back() += decoder.flush();
  return pieces;
}

}  // namespace kvhost
