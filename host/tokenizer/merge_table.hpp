// SPDX-License-Identifier: Apache-2.0
// Pair of ids -> rank and merged id. Open addressing: this lookup is most of what encoding does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kvhost::tok {

struct Merge {
  int32_t rank;  // smaller is merged sooner
  int32_t id;    // what the pair becomes
};

class MergeTable {
 public:
  // Room for `n` pairs; more must not be added.
  void reserve(size_t n);
  // A pair that is already there gets the new rank.
  void add(int32_t left, int32_t right, Merge merge);
  // Null when the pair does not merge.
  const Merge* find(int32_t left, int32_t right) const;

  // Merges `ids` in place until no pair merges.
  void apply(std::vector<int32_t>* ids) const;

 private:
  struct Slot {
    uint64_t key;
    Merge merge;
  };
  size_t slot_of(uint64_t key) const;

  std::vector<Slot> slots_;  // a power of two of them, at most half full
};

}  // namespace kvhost::tok
