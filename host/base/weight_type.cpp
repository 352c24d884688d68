// SPDX-License-Identifier: Apache-2.0
#include "base/weight_type.hpp"

#include <algorithm>
#include <cctype>

namespace kvhost {

namespace {

// Ordered as the enumeration.
constexpr WeightTypeInfo kTypes[] = {
    {WeightType::F32, "F32", 1, 4},       {WeightType::F16, "F16", 1, 2},
    {WeightType::BF16, "BF16", 1, 2},     {WeightType::Q8_0, "Q8_0", 32, 34},
    {WeightType::Q4_0, "Q4_0", 32, 18},   {WeightType::Q4_1, "Q4_1", 32, 20},
    {WeightType::Q5_0, "Q5_0", 32, 22},   {WeightType::Q5_1, "Q5_1", 32, 24},
    {WeightType::Q2_K, "Q2_K", 256, 84},  {WeightType::Q3_K, "Q3_K", 256, 110},
    {WeightType::Q4_K, "Q4_K", 256, 144}, {WeightType::Q5_K, "Q5_K", 256, 176},
    {WeightType::Q6_K, "Q6_K", 256, 210}, {WeightType::MXFP4, "MXFP4", 32, 17},
};

constexpr bool in_order() {
  for (size_t i = 0; i < std::size(kTypes); ++i)
    if (static_cast<size_t>(kTypes[i].type) != i) return false;
  return true;
}
static_assert(in_order());

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::toupper(x) == std::toupper(y);
  });
}

}  // namespace

std::span<const WeightTypeInfo> weight_types() { return kTypes; }

const WeightTypeInfo& weight_type_info(WeightType type) {
  return kTypes[static_cast<size_t>(type)];
}

std::optional<WeightType> find_weight_type(std::string_view name) {
  for (const auto& info : kTypes)
    if (same_letters(name, info.name)) return info.type;
  return std::nullopt;
}

int64_t row_bytes(WeightType type, int64_t n) {
  const WeightTypeInfo& info = weight_type_info(type);
  return n / info.block * info.block_bytes;
}

}  // namespace kvhost
