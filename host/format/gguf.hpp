// SPDX-License-Identifier: Apache-2.0
// GGUF, the files of llama.cpp: metadata and tensors in one mapped file or several, checked
// completely before anything in them is used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/weight_type.hpp"
#include "format/gguf_metadata.hpp"
#include "format/mapped_file.hpp"

namespace kvhost {

struct GgufTensor {
  std::string name;
  WeightType type = WeightType::F32;
  std::vector<int64_t> shape;       // outermost first, rows last: [n_out, n_in]
  const std::byte* data = nullptr;  // inside file
  int64_t bytes = 0;
  std::shared_ptr<const MappedFile> file;

  int64_t n_rows() const;  // the product of all but the last
};

struct GgufFile {
  std::filesystem::path path;  // the first part's
  GgufMetadata metadata;       // of the first part
  std::vector<GgufTensor> tensors;
  std::vector<std::filesystem::path> parts;  // all files, `path` among them

  const GgufTensor* find(std::string_view tensor) const;  // null: there is none
};

// By how it begins.
bool is_gguf(const std::filesystem::path& path);

// Versions 2 and 3, little endian; the other parts of a split model are read with the first. Throws
// Error(CannotLoad) with one line for everything that is not as the format has it.
GgufFile read_gguf(const std::filesystem::path& path, Held held = Held::Mapped);

}  // namespace kvhost
