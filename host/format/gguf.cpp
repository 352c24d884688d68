// SPDX-License-Identifier: Apache-2.0
#include "format/gguf.hpp"

#include <algorithm>
#include <fstream>

#include "base/error.hpp"
#include "base/file_kind.hpp"
#include "format/gguf_cursor.hpp"
#include "format/gguf_split.hpp"
#include "format/gguf_tensors.hpp"
#include "format/gguf_values.hpp"

namespace kvhost {

namespace {

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"

void check_start(gguf::Cursor& cursor) {
  const MappedFile& file = cursor.file();
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  if (bytes.substr(0, 4) != "GGUF") {
    const std::string mistaken = mistaken_file(bytes, "a GGUF file");
    cursor.refuse(mistaken.empty() ? "does not begin with GGUF; expected a GGUF file" : mistaken);
  }
  if (cursor.number<uint32_t>("its header") != kMagic)
    cursor.refuse("cannot be read on this machine, whose numbers are big endian");
  const auto version = cursor.number<uint32_t>("its header");
  if (version != 0 && (version & 0xffff) == 0)
    cursor.refuse("is a big-endian GGUF file; expected a little-endian one");
  if (version != 2 && version != 3)
    cursor.refuse("is GGUF version " + std::to_string(version) +
                  "; expected version 2 or 3; convert the model again with a current llama.cpp");
}

}  // namespace

int64_t GgufTensor::n_rows() const {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
  return rows;
}

const GgufTensor* GgufFile::find(std::string_view tensor) const {
  const auto at = std::find_if(
      tensors.begin(), tensors.end(), [&](const GgufTensor& t) { return t.name == tensor; });
  return at == tensors.end() ? nullptr : &*at;
}

bool is_gguf(const std::filesystem::path& path) {
  char magic[4] = {};
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  std::ifstream in(path, std::ios::binary);
  return in.read(magic, sizeof magic) && std::string_view(magic, sizeof magic) == "GGUF";
}

namespace gguf {

GgufFile read_part(const std::filesystem::path& path, Held held) {
  const auto file = MappedFile::open(path, held);
  Cursor cursor(*file);
  check_start(cursor);
  const auto n_tensors = cursor.number<uint64_t>("its header");
  const auto n_values = cursor.number<uint64_t>("its header");
  GgufFile out;
  out.path = path;
  out.parts = {path};
  out.metadata = GgufMetadata(file, read_values(cursor, n_values));
  out.tensors = read_tensors(cursor, file, out.metadata, n_tensors);
  return out;
}

}  // namespace gguf

GgufFile read_gguf(const std::filesystem::path& path, Held held) {
  GgufFile first = gguf::read_part(path, held);
  gguf::add_parts(first, held);
  return first;
}

}  // namespace kvhost
