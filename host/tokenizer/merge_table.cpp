// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/merge_table.hpp"

#include <limits>
#include <queue>
#include <tuple>

#include "base/interrupt.hpp"

namespace kvhost::tok {

namespace {

// ids are not negative: no pair has this key
constexpr uint64_t kFree = std::numeric_limits<uint64_t>::max();

uint64_t key_of(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// The word as a linked list, so that a merge costs nothing behind it.
struct Symbol {
  int32_t id;  // -1 once it is part of the symbol before it
  int32_t previous, next;
};

struct Candidate {
  int32_t rank, position, id;
  // For a queue that gives the smallest rank first, the leftmost among equals.
  bool operator<(const Candidate& o) const {
    return std::tie(rank, position) > std::tie(o.rank, o.position);
  }
};

class Merger {
 public:
  Merger(const MergeTable& table, const std::vector<int32_t>& ids) : table_(table) {
    const auto n = static_cast<int32_t>(ids.size());
    symbols_.reserve(ids.size());
    for (int32_t i = 0; i < n; ++i)
      symbols_.push_back({ids[static_cast<size_t>(i)], i - 1, i + 1 == n ? -1 : i + 1});
    for (int32_t i = 0; i + 1 < n; ++i) propose(i);
  }

  void run() {
    constexpr size_t kMergesPerLook = 1 << 14;  // of a single word, a text without spaces
    for (size_t n = 1; !queue_.empty(); ++n) {
      if (n % kMergesPerLook == 0) throw_if_interrupted();
      const Candidate best = queue_.top();
      queue_.pop();
      if (still_valid(best)) merge(best);
    }
  }

  void write(std::vector<int32_t>* ids) const {
    ids->clear();
    for (const Symbol& s : symbols_)
      if (s.id >= 0) ids->push_back(s.id);
  }

 private:
  Symbol& at(int32_t i) { return symbols_[static_cast<size_t>(i)]; }

  void propose(int32_t i) {
    const Symbol& left = at(i);
    if (const Merge* m = table_.find(left.id, at(left.next).id)) queue_.push({m->rank, i, m->id});
  }

  // Whether the pair is still the one that was proposed.
  bool still_valid(const Candidate& c) {
    const Symbol& left = at(c.position);
    if (left.id < 0 || left.next < 0) return false;
    const Merge* m = table_.find(left.id, at(left.next).id);
    return m != nullptr && m->id == c.id;
  }

  void merge(const Candidate& c) {
    Symbol& left = at(c.position);
    Symbol& right = at(left.next);
    left.id = c.id;
    right.id = -1;
    left.next = right.next;
    if (left.next >= 0) {
      at(left.next).previous = c.position;
      propose(c.position);
    }
    if (left.previous >= 0) propose(left.previous);
  }

  const MergeTable& table_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Candidate> queue_;
};

// Short words are most of a text: looking at every pair again beats keeping a queue.
void apply_to_short(const MergeTable& table, std::vector<int32_t>* ids) {
  while (ids->size() > 1) {
    const Merge* best = nullptr;
    size_t where = 0;
    for (size_t i = 0; i + 1 < ids->size(); ++i) {
      const Merge* m = table.find((*ids)[i], (*ids)[i + 1]);
      if (m == nullptr || (best != nullptr && m->rank >= best->rank)) continue;
      best = m;
      where = i;
    }
    if (best == nullptr) return;
    (*ids)[where] = best->id;
    ids->erase(ids->begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
}

constexpr size_t kShort = 16;

}  // namespace

void MergeTable::reserve(size_t n) {
  size_t slots = 16;
  while (slots < 2 * n) slots *= 2;
  slots_.assign(slots, {kFree, {0, 0}});
}

size_t MergeTable::slot_of(uint64_t key) const {
  const size_t mask = slots_.size() - 1;
  size_t i = (key * 0x9E3779B97F4A7C15u) >> 20 & mask;
  while (slots_[i].key != kFree && slots_[i].key != key) i = (i + 1) & mask;
  return i;
}

void MergeTable::add(int32_t left, int32_t right, Merge merge) {
  const uint64_t key = key_of(left, right);
  slots_[slot_of(key)] = {key, merge};
}

const Merge* MergeTable::find(int32_t left, int32_t right) const {
  const Slot& slot = slots_[slot_of(key_of(left, right))];
  return slot.key == kFree ? nullptr : &slot.merge;
}

void MergeTable::apply(std::vector<int32_t>* ids) const {
  if (ids->size() <= kShort) return apply_to_short(*this, ids);
  Merger merger(*this, *ids);
  merger.run();
  merger.write(ids);
}

}  // namespace kvhost::tok
