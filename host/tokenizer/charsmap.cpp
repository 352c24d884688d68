// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/charsmap.hpp"

#include <cstring>

namespace kvhost::tok {

namespace {

// A unit of the double array: the byte that leads to it, whether an entry ends there, and where its
// children begin (relative, by exclusive or). The unit behind an end holds the entry's value.
constexpr uint32_t kValueBit = 1u << 31;

uint32_t label_of(uint32_t unit) { return unit & (kValueBit | 0xFF); }
bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) == 1; }
uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

uint32_t little_endian(const char* bytes) {
  unsigned char b[4];
  std::memcpy(b, bytes, 4);
  return static_cast<uint32_t>(b[0]) | static_cast<uint32_t>(b[1]) << 8 |
         static_cast<uint32_t>(b[2]) << 16 | static_cast<uint32_t>(b[3]) << 24;
}

}  // namespace

std::optional<Charsmap> Charsmap::read(std::string_view blob, std::string* fault) {
  Charsmap map;
  if (blob.empty()) return map;
  const size_t size = blob.size() < 4 ? 0 : little_endian(blob.data());
  if (blob.size() < 4 || size % 4 != 0 || size == 0 || size > blob.size() - 4) {
    *fault = "found " + std::to_string(blob.size()) + " bytes that say their trie has " +
             std::to_string(size) + "; expected a trie of whole units and texts behind it";
    return std::nullopt;
  }
  map.units_.resize(size / 4);
  for (size_t i = 0; i < map.units_.size(); ++i)
    map.units_[i] = little_endian(blob.data() + 4 + 4 * i);
  map.replacements_.assign(blob.substr(4 + size));
  map.replacements_ += '\0';  // the last text ends, whatever the file says
  return map;
}

std::optional<Charsmap::Found> Charsmap::find(std::string_view text, bool longest) const {
  std::optional<Found> found;
  if (units_.empty()) return found;
  size_t node = offset_of(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    node ^= byte;
    if (node >= units_.size() || label_of(units_[node]) != byte) break;
    const uint32_t unit = units_[node];
    node ^= offset_of(unit);
    if (!has_leaf(unit) || node >= units_.size()) continue;
    const size_t at = units_[node] & ~kValueBit;
    if (at >= replacements_.size()) continue;
    found = {i + 1, std::string_view(replacements_.c_str() + at)};
    if (!longest) break;
  }
  return found;
}

std::optional<Charsmap::Found> Charsmap::longest(std::string_view text) const {
  return find(text, /*longest=*/true);
}

std::optional<Charsmap::Found> Charsmap::shortest(std::string_view text) const {
  return find(text, /*longest=*/false);
}

}  // namespace kvhost::tok
