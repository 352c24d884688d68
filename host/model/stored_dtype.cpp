// SPDX-License-Identifier: Apache-2.0
#include "model/stored_dtype.hpp"

#include <algorithm>
#include <map>

#include "model/checkpoint.hpp"

namespace kvhost {

namespace {

std::optional<DType> run_as(const std::string& stored) {
  if (stored == "BF16") return DType::BFloat16;
  if (stored == "F16") return DType::Float16;
  if (stored == "F32" || stored == "F64") return DType::Float32;
  return std::nullopt;
}

}  // namespace

std::optional<DType> stored_dtype(const std::filesystem::path& dir) {
  if (!std::filesystem::exists(dir / "model.safetensors") &&
      !std::filesystem::exists(dir / "model.safetensors.index.json"))
    return std::nullopt;
  std::map<DType, int64_t> bytes;
  for (const auto& [name, tensor] : read_checkpoint(dir).tensors)
    if (const auto dtype = run_as(tensor.dtype)) bytes[*dtype] += tensor.bytes;
  if (bytes.empty()) return std::nullopt;
  return std::max_element(bytes.begin(),
                          bytes.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace kvhost
