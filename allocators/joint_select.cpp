// SPDX-License-Identifier: Apache-2.0
#include "joint_select.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <kvhost/error.hpp>
#include <string>

namespace kvhost::allocators {
namespace {

// Instead of sorting all entries, the key of the last one kept is found by bisection: counting keys
// above a bound is one pass that compilers vectorise, and 32 passes pin a 32-bit key down.

constexpr int kPinValues = 256;
int pin_slot(int8_t pin) { return 127 - pin; }  // slot 0 is kept first

// Orders as the float does; -0 and 0 are one value.
int32_t ordered_key(float score) {
  score += 0.0f;
  int32_t bits;
  std::memcpy(&bits, &score, sizeof bits);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

// The entries of one head inside the pin class where the budget ends.
struct Contender {
  int64_t ahead = 0;  // entries in classes kept before this one
  int64_t safe = 0;
  std::vector<int32_t> keys;       // larger = kept first
  std::vector<int32_t> positions;  // ascending

  int64_t count_at_least(int64_t bound) const {
    const auto limit = static_cast<int32_t>(bound);
    int32_t count = 0;
    for (const int32_t key : keys) count += key >= limit ? 1 : 0;
    return count;
  }
};

int64_t kept_with(const Contender& c, int64_t bound) {
  return std::max(c.safe, c.ahead + c.count_at_least(bound));
}

int64_t total_kept(const std::vector<Contender>& heads, int64_t bound) {
  int64_t total = 0;
  for (const Contender& c : heads) total += kept_with(c, bound);
  return total;
}

using PinCounts = std::array<int64_t, kPinValues>;

PinCounts count_pins(const Candidates& head) {
  PinCounts counts{};
  for (int64_t i = 0; i < head.n; ++i) ++counts[static_cast<size_t>(pin_slot(head.pins[i]))];
  return counts;
}

// The first pin class with which the budget is reached; every class before it is kept whole.
int last_class(const std::vector<Candidates>& heads,
               const std::vector<PinCounts>& counts,
               int64_t budget,
               std::vector<Contender>& contenders) {
  for (int slot = 0;; ++slot) {
    int64_t total = 0;
    for (size_t h = 0; h < heads.size(); ++h) {
      total += std::max(heads[h].safe, contenders[h].ahead + counts[h][static_cast<size_t>(slot)]);
    }
    if (total >= budget || slot == kPinValues - 1) return slot;
    for (size_t h = 0; h < heads.size(); ++h) {
      contenders[h].ahead += counts[h][static_cast<size_t>(slot)];
    }
  }
}

void collect(const Candidates& head, int slot, size_t count, Contender& out) {
  out.safe = head.safe;
  out.keys.reserve(count);
  out.positions.reserve(count);
  const bool pinned_to_stay = slot < pin_slot(0);
  for (int64_t i = 0; i < head.n; ++i) {
    if (pin_slot(head.pins[i]) != slot) continue;
    out.keys.push_back(pinned_to_stay ? head.positions[i] : ordered_key(head.scores[i]));
    out.positions.push_back(head.positions[i]);
  }
}

// The largest key bound at which the budget is still reached.
int64_t find_bound(const std::vector<Contender>& heads, int64_t budget) {
  int64_t low = INT32_MIN, high = INT32_MAX;
  for (const Contender& c : heads) {
    if (c.keys.empty()) continue;
    const auto [least, most] = std::minmax_element(c.keys.begin(), c.keys.end());
    low = low == INT32_MIN ? *least : std::min<int64_t>(low, *least);
    high = high == INT32_MAX ? *most : std::max<int64_t>(high, *most);
  }
  while (low < high) {
    const int64_t middle = low + (high - low + 1) / 2;
    if (total_kept(heads, middle) >= budget) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

// Entries equal to the bound share what the others left, lower positions first, then lower heads.
void share_ties(const std::vector<Contender>& heads,
                int64_t bound,
                int64_t left,
                std::vector<int64_t>& counts) {
  struct Tie {
    int32_t position;
    size_t head;
  };
  std::vector<Tie> ties;
  for (size_t h = 0; h < heads.size(); ++h) {
    const Contender& c = heads[h];
    // A head below its safe share has taken its first ties already.
    int64_t taken = counts[h] - (c.ahead + c.count_at_least(bound + 1));
    for (size_t i = 0; i < c.keys.size(); ++i) {
      if (c.keys[i] == bound && taken-- <= 0) ties.push_back({c.positions[i], h});
    }
  }
  std::stable_sort(ties.begin(), ties.end(), [](const Tie& a, const Tie& b) {
    return a.position < b.position;  // heads were visited in ascending order
  });
  for (int64_t i = 0; i < left; ++i) ++counts[ties[static_cast<size_t>(i)].head];
}

void check(const std::vector<Candidates>& heads, int64_t budget) {
  int64_t entries = 0, safe = 0;
  for (const Candidates& head : heads) {
    entries += head.n;
    safe += head.safe;
  }
  if (budget > entries || budget < safe) {
    throw sdk::Error(KVH_E_CONFIG,
                     "",
                     "a layer budget of " + std::to_string(budget) + " entries; expected between " +
                         std::to_string(safe) + " (safe) and " + std::to_string(entries));
  }
}

}  // namespace

std::vector<int64_t> joint_counts(const std::vector<Candidates>& heads, int64_t budget) {
  check(heads, budget);
  std::vector<PinCounts> pins;
  for (const Candidates& head : heads) pins.push_back(count_pins(head));
  std::vector<Contender> contenders(heads.size());
  const int slot = last_class(heads, pins, budget, contenders);
  for (size_t h = 0; h < heads.size(); ++h) {
    collect(heads[h], slot, static_cast<size_t>(pins[h][static_cast<size_t>(slot)]), contenders[h]);
  }

  const int64_t bound = find_bound(contenders, budget);
  std::vector<int64_t> counts;
  int64_t left = budget;
  for (const Contender& c : contenders) {
    counts.push_back(bound == INT32_MAX ? std::max(c.safe, c.ahead) : kept_with(c, bound + 1));
    left -= counts.back();
  }
  if (left > 0) share_ties(contenders, bound, left, counts);
  return counts;
}

}  // namespace kvhost::allocators
