// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/byte_pieces.hpp"

#include <algorithm>
#include <cstdio>

namespace kvhost::tok {

BytePieces::BytePieces(const Lookup& id) {
  for (int b = 0; b < 256; ++b) {
    char piece[8];
    std::snprintf(piece, sizeof piece, "<0x%02X>", b);
    ids_[static_cast<size_t>(b)] = id(piece).value_or(-1);
  }
}

bool BytePieces::append(std::string_view text, std::vector<int32_t>* ids) const {
  const auto piece = [&](char b) { return ids_[static_cast<unsigned char>(b)]; };
  if (std::any_of(text.begin(), text.end(), [&](char b) { return piece(b) < 0; })) return false;
  for (const char b : text) ids->push_back(piece(b));
  return true;
}

bool BytePieces::complete() const {
  for (int b = 0; b < 256; ++b)
    if (occurs_in_utf8(b) && ids_[static_cast<size_t>(b)] < 0) return false;
  return true;
}

}  // namespace kvhost::tok
