// SPDX-License-Identifier: Apache-2.0
#include "format/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file_kind.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "format/shape_text.hpp"

namespace kvhost {

namespace {

using Json = nlohmann::json;

constexpr uint64_t kLongestHeader = 100'000'000;  // the format's own limit
constexpr size_t kLengthBytes = 8;

const std::map<std::string, int64_t>& type_sizes() {
  static const std::map<std::string, int64_t> sizes = {{"F64", 8},
                                                       {"F32", 4},
                                                       {"F16", 2},
                                                       {"BF16", 2},
                                                       {"I64", 8},
                                                       {"I32", 4},
                                                       {"I16", 2},
                                                       {"I8", 1},
                                                       {"F8_E4M3", 1},
                                                       {"F8_E5M2", 1},
                                                       {"U64", 8},
                                                       {"U32", 4},
                                                       {"U16", 2},
                                                       {"U8", 1},
                                                       {"BOOL", 1}};
  return sizes;
}

std::string type_names() {
  std::vector<std::string> names;
  for (const auto& [name, size] : type_sizes()) names.push_back(name);
  return join(names, ", ");
}

// The JSON between the length and the data; no tensor is listed twice in it.
Json parse_header(const MappedFile& file, uint64_t length) {
  const std::string where = file.path().string() + ": the header";
  const auto* text = reinterpret_cast<const char*>(file.data()) + kLengthBytes;
  Json header = parse_json({text, length}, where, ExitCode::CannotLoad, RepeatedKeys::Refused);
  if (!header.is_object())
    cannot_load(where, "is not a JSON object; expected that of a safetensors file");
  return header;
}

uint64_t read_length(const MappedFile& file) {
  const std::string where = file.path().string();
  const auto* bytes = reinterpret_cast<const char*>(file.data());
  const std::string mistaken = mistaken_file({bytes, file.size()}, "a safetensors file");
  if (!mistaken.empty()) cannot_load(where, mistaken);
  if (file.size() < kLengthBytes)
    cannot_load(
        where,
        "has " + std::to_string(file.size()) + " bytes; expected a safetensors file (truncated?)");
  uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length > kLongestHeader)
    cannot_load(where,
                "announces a header of " + std::to_string(length) + " bytes; expected at most " +
                    std::to_string(kLongestHeader) + " (not a safetensors file?)");
  if (length > file.size() - kLengthBytes)
    cannot_load(where,
                "announces a header of " + std::to_string(length) + " bytes but has only " +
                    std::to_string(file.size() - kLengthBytes) +
                    " after its length; the file is truncated");
  return length;
}

std::vector<int64_t> read_list(const Json& entry,
                               const char* key,
                               const std::string& where,
                               const std::string& name) {
  const auto found = entry.is_object() ? entry.find(key) : entry.end();
  bool good = entry.is_object() && found != entry.end() && found->is_array();
  std::vector<int64_t> out;
  for (size_t i = 0; good && i < found->size(); ++i) {
    good = (*found)[i].is_number_unsigned() &&
           (*found)[i].get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX);
    if (good) out.push_back((*found)[i].get<int64_t>());
  }
  if (!good)
    cannot_load(where,
                "tensor '" + name + "' has no valid '" + key +
                    "'; expected a list of non-negative integers");
  return out;
}

// Bytes of a tensor of this shape, -1 when they exceed 63 bits.
int64_t byte_count(const std::vector<int64_t>& shape, int64_t element) {
  int64_t bytes = element;
  for (const int64_t size : shape)
    if (__builtin_mul_overflow(bytes, size, &bytes)) return -1;
  return bytes;
}

StoredTensor read_entry(const std::shared_ptr<const MappedFile>& file,
                        uint64_t data_start,
                        const std::string& name,
                        const Json& entry) {
  const std::string where = file->path().string();
  const std::string tensor = "tensor '" + name + "' ";
  StoredTensor out;
  out.name = name;
  out.file = file;
  out.shape = read_list(entry, "shape", where, name);
  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string())
    cannot_load(where, tensor + "has no 'dtype'; expected a string");
  out.dtype = dtype->get<std::string>();
  const auto size = type_sizes().find(out.dtype);
  if (size == type_sizes().end())
    cannot_load(where, tensor + "has dtype '" + out.dtype + "'; expected one of " + type_names());

  const auto offsets = read_list(entry, "data_offsets", where, name);
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    cannot_load(where,
                tensor + "has data_offsets " + shape_text(offsets) +
                    "; expected [begin, end], begin <= end");
  const auto available = static_cast<int64_t>(file->size() - data_start);
  if (offsets[1] > available)
    cannot_load(where,
                tensor + "ends at byte " + std::to_string(offsets[1]) +
                    " of the data, of which there are " + std::to_string(available) +
                    "; the file is truncated or damaged");
  out.data = file->data() + data_start + offsets[0];
  out.bytes = offsets[1] - offsets[0];
  if (byte_count(out.shape, size->second) != out.bytes)
    cannot_load(where,
                tensor + "holds " + std::to_string(out.bytes) + " bytes; expected shape " +
                    shape_text(out.shape) + " x " + out.dtype + " (" +
                    std::to_string(size->second) + " bytes each)");
  return out;
}

std::map<std::string, std::string> read_metadata(const std::string& where, const Json& entry) {
  std::map<std::string, std::string> out;
  if (!entry.is_object()) cannot_load(where, "'__metadata__' is no JSON object; expected one");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string())
      cannot_load(where, "'__metadata__' has no text for '" + key + "'; expected a string");
    out[key] = value.get<std::string>();
  }
  return out;
}

// The data must be covered exactly: no gap, no overlap, nothing behind.
void check_cover(const std::vector<StoredTensor>& sorted,
                 const MappedFile& file,
                 uint64_t data_start) {
  const std::byte* end = file.data() + data_start;
  for (const auto& tensor : sorted) {
    if (tensor.data < end)
      cannot_load(
          file.path().string(),
          "tensor '" + tensor.name + "' overlaps the one before it; the file is damaged");
    if (tensor.data > end)
      cannot_load(file.path().string(),
                  std::to_string(tensor.data - end) + " bytes before tensor '" + tensor.name +
                      "' belong to no tensor; the file is damaged");
    end = tensor.data + tensor.bytes;
  }
  if (const auto left = file.data() + file.size() - end; left > 0)
    cannot_load(
        file.path().string(),
        std::to_string(left) + " bytes at the end belong to no tensor; the file is damaged");
}

}  // namespace

SafetensorsFile read_safetensors_file(const std::filesystem::path& path, Held held) {
  const auto file = MappedFile::open(path, held);
  const uint64_t length = read_length(*file);
  const Json header = parse_header(*file, length);
  SafetensorsFile out;
  for (const auto& [name, entry] : header.items())
    if (name == "__metadata__")
      out.metadata = read_metadata(path.string(), entry);
    else
      out.tensors.push_back(read_entry(file, kLengthBytes + length, name, entry));
  const auto before = [](const StoredTensor& a, const StoredTensor& b) {
    return a.data != b.data ? a.data < b.data : a.bytes < b.bytes;
  };
  std::stable_sort(out.tensors.begin(), out.tensors.end(), before);
  check_cover(out.tensors, *file, kLengthBytes + length);
  return out;
}

std::vector<StoredTensor> read_safetensors(const std::filesystem::path& path, Held held) {
  return read_safetensors_file(path, held).tensors;
}

}  // namespace kvhost
