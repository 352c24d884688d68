// SPDX-License-Identifier: Apache-2.0
// Safetensors: one file, checked completely before anything in it is used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "format/mapped_file.hpp"

namespace kvhost {

// A tensor inside a mapped file, or what was made of one.
struct StoredTensor {
  std::string name;
  std::string dtype;  // as in the file: "F32", "BF16", ...
  std::vector<int64_t> shape;
  const std::byte* data = nullptr;  // inside file, or kept by owner; null where it must be made
  int64_t bytes = 0;
  std::shared_ptr<const MappedFile> file;
  std::shared_ptr<const void> owner;  // of data that is not in the file
  std::function<std::shared_ptr<const std::byte[]>()> make;  // `bytes` long, from what the file has
};

struct SafetensorsFile {
  std::vector<StoredTensor> tensors;            // by offset
  std::map<std::string, std::string> metadata;  // "__metadata__", empty where there is none
};

// All tensors of `path`, by offset. Throws Error(CannotLoad) naming the file, the tensor, what was
// found and what was expected: a header that is no JSON or too long, unknown types, sizes that do
// not match, overlaps, gaps, truncation, duplicate names.
std::vector<StoredTensor> read_safetensors(const std::filesystem::path& path,
                                           Held held = Held::Mapped);
// With its metadata.
SafetensorsFile read_safetensors_file(const std::filesystem::path& path, Held held = Held::Mapped);

}  // namespace kvhost
