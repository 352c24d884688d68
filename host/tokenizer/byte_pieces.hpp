// SPDX-License-Identifier: Apache-2.0
// Pieces that stand for one byte, "<0x00>" to "<0xFF>": what is not in the vocabulary is spelled
// with them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace kvhost::tok {

class BytePieces {
 public:
  using Lookup = std::function<std::optional<int32_t>(std::string_view piece)>;

  BytePieces() { ids_.fill(-1); }  // none
  explicit BytePieces(const Lookup& id);

  // Appends the bytes of `text`; false, and nothing appended, when one has no piece.
  bool append(std::string_view text, std::vector<int32_t>* ids) const;
  // Whether every byte that UTF-8 can hold has a piece.
  bool complete() const;

 private:
  std::array<int32_t, 256> ids_;  // -1 where there is none
};

// C0, C1 and F5 to FF never occur in UTF-8.
inline bool occurs_in_utf8(int byte) { return byte < 0xC0 || (byte > 0xC1 && byte < 0xF5); }

}  // namespace kvhost::tok
