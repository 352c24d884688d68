// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/piece_trie.hpp"

#include <algorithm>

namespace kvhost::tok {

namespace {

// Entries that share their first `depth` bytes, and the node that stands for these.
struct Stretch {
  size_t begin, end, depth;
  int32_t node;
};

}  // namespace

PieceTrie::PieceTrie(std::vector<std::pair<std::string, int32_t>> entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.first < b.first;
  });
  std::vector<Stretch> queue = {{0, entries.size(), 0, 0}};
  for (size_t next = 0; next < queue.size(); ++next) {
    auto [i, end, depth, node] = queue[next];
    for (; i < end && entries[i].first.size() == depth; ++i)
      if (depth > 0) nodes_[static_cast<size_t>(node)].value = entries[i].second;
    nodes_[static_cast<size_t>(node)].first_child = static_cast<int32_t>(nodes_.size());
    while (i < end) {
      const char byte = entries[i].first[depth];
      size_t stop = i;
      while (stop < end && entries[stop].first[depth] == byte) ++stop;
      queue.push_back({i, stop, depth + 1, static_cast<int32_t>(nodes_.size())});
      nodes_.push_back({0, -1, 0, static_cast<uint8_t>(byte)});
      ++nodes_[static_cast<size_t>(node)].n_children;
      i = stop;
    }
  }
}

int32_t PieceTrie::child(int32_t node, uint8_t byte) const {
  const Node& parent = nodes_[static_cast<size_t>(node)];
  const auto first = nodes_.begin() + parent.first_child, last = first + parent.n_children;
  const auto found =
      std::lower_bound(first, last, byte, [](const Node& n, uint8_t b) { return n.byte < b; });
  return found != last && found->byte == byte ? static_cast<int32_t>(found - nodes_.begin()) : -1;
}

}  // namespace kvhost::tok
