// SPDX-License-Identifier: Apache-2.0
#include "kernels/select.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>

namespace kvhost {
namespace {

// Entries that share one pin, of which some stay.
struct Tier {
  int pin = 0;
  int64_t stay = 0;
};

// Larger for what stays longer. Both zeros are equal, as scores are.
uint32_t ordered(float score) {
  const auto bits = std::bit_cast<uint32_t>(score + 0.0f);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

// The tier in which the cut falls; all higher pins stay, all lower ones go.
Tier find_tier(const int8_t* pins, int64_t n, int64_t k) {
  if (pins == nullptr) {
    return {0, k};
  }
  std::array<int64_t, 256> count{};
  for (int64_t i = 0; i < n; ++i) {
    ++count[static_cast<size_t>(pins[i] + 128)];
  }
  int pin = 127;
  for (; pin > -128 && count[static_cast<size_t>(pin + 128)] <= k; --pin) {
    k -= count[static_cast<size_t>(pin + 128)];
  }
  return {pin, k};
}

// Drops every key of a byte other than the one that the stay-th largest key has there, and counts
// off the larger ones.
void refine(std::vector<uint32_t>& keys, int shift, int64_t& stay, uint32_t& threshold) {
  std::array<int64_t, 256> count{};
  for (const uint32_t key : keys) {
    ++count[(key >> shift) & 255u];
  }
  uint32_t digit = 255;
  for (; count[digit] < stay; --digit) {
    stay -= count[digit];
  }
  threshold |= digit << shift;
  size_t kept = 0;
  for (const uint32_t key : keys) {
    keys[kept] = key;
    kept += ((key >> shift) & 255u) == digit ? 1 : 0;
  }
  keys.resize(kept);
}

// The stay-th largest key of the tier and how many equal to it stay.
struct Cut {
  uint32_t threshold = 0;
  int64_t ties = 0;
};

Cut find_cut(const float* scores, const int8_t* pins, int64_t n, const Tier& tier) {
  std::vector<uint32_t> keys;
  keys.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    if (pins == nullptr || pins[i] == tier.pin) {
      keys.push_back(ordered(scores[i]));
    }
  }
  Cut cut{0, tier.stay};
  for (int shift = 24; shift >= 0; shift -= 8) {
    refine(keys, shift, cut.ties, cut.threshold);
  }
  return cut;
}

// The entries for which `stays` holds; without a branch, since it is as good as random.
template <class Stays>
std::vector<int32_t> collect(int64_t n, int64_t k, Stays stays) {
  std::vector<int32_t> kept(static_cast<size_t>(k) + 1);
  size_t out = 0;
  for (int64_t i = 0; i < n; ++i) {
    kept[out] = static_cast<int32_t>(i);
    out += stays(i) ? 1 : 0;
  }
  assert(out == static_cast<size_t>(k));
  kept.resize(static_cast<size_t>(k));
  return kept;
}

std::vector<int32_t> collect_latest(const int8_t* pins, int64_t n, int64_t k, const Tier& tier) {
  int64_t early = -tier.stay;  // entries of the tier that do not fit
  for (int64_t i = 0; i < n; ++i) {
    early += pins[i] == tier.pin ? 1 : 0;
  }
  return collect(
      n, k, [&](int64_t i) { return pins[i] > tier.pin || (pins[i] == tier.pin && early-- <= 0); });
}

}  // namespace

std::vector<int32_t> select_top(const float* scores, const int8_t* pins, int64_t n, int64_t k) {
  assert(0 <= k && k <= n);
  const Tier tier = find_tier(pins, n, k);
  if (tier.stay == 0) {
    return collect(n, k, [&](int64_t i) { return pins != nullptr && pins[i] > tier.pin; });
  }
  if (tier.pin > 0) {
    return collect_latest(pins, n, k, tier);
  }
  const Cut cut = find_cut(scores, pins, n, tier);
  int64_t ties = cut.ties;
  const auto by_score = [&](int64_t i) {
    const uint32_t key = ordered(scores[i]);
    return key > cut.threshold || (key == cut.threshold && ties-- > 0);
  };
  if (pins == nullptr) {
    return collect(n, k, by_score);
  }
  return collect(
      n, k, [&](int64_t i) { return pins[i] > tier.pin || (pins[i] == tier.pin && by_score(i)); });
}

namespace {

// An element is NaN or infinite when all bits of its exponent are set. In blocks without a way out,
// so that the compiler vectorises them.
template <class Bits>
int64_t first_with_exponent(const Bits* elements, Bits exponent, int64_t n) {
  constexpr int64_t kBlock = 1024;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, n);
    bool any = false;
    for (int64_t i = begin; i < end; ++i) any |= (elements[i] & exponent) == exponent;
    for (int64_t i = begin; any && i < end; ++i)
      if ((elements[i] & exponent) == exponent) return i;
  }
  return -1;
}

}  // namespace

int64_t first_not_finite(const void* elements, DType dtype, int64_t n) {
  if (dtype == DType::Float32)
    return first_with_exponent<uint32_t>(static_cast<const uint32_t*>(elements), 0x7f800000u, n);
  const uint16_t exponent = dtype == DType::BFloat16 ? 0x7f80u : 0x7c00u;
  return first_with_exponent<uint16_t>(static_cast<const uint16_t*>(elements), exponent, n);
}

int64_t first_not_finite(const float* scores, int64_t n) {
  return first_not_finite(scores, DType::Float32, n);
}

}  // namespace kvhost
