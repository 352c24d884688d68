// SPDX-License-Identifier: Apache-2.0
// A set of texts with a number each; finds all that a text begins with.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvhost::tok {

class PieceTrie {
 public:
  PieceTrie() = default;
  // Of equal texts the last one counts; empty ones are left out.
  explicit PieceTrie(std::vector<std::pair<std::string, int32_t>> entries);

  // Calls `each(length, value)` for every entry that `text` begins with, the shortest first.
  template <typename Each>
  void prefixes(std::string_view text, const Each& each) const {
    int32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      node = child(node, static_cast<unsigned char>(text[i]));
      if (node < 0) return;
      if (nodes_[static_cast<size_t>(node)].value >= 0)
        each(i + 1, nodes_[static_cast<size_t>(node)].value);
    }
  }

 private:
  // The children of a node follow each other, in the order of their bytes.
  struct Node {
    int32_t first_child = 0, value = -1;
    uint16_t n_children = 0;
    uint8_t byte = 0;
  };
  int32_t child(int32_t node, uint8_t byte) const;

  std::vector<Node> nodes_ = std::vector<Node>(1);
};

}  // namespace kvhost::tok
