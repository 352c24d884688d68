// SPDX-License-Identifier: Apache-2.0
#include "format/gguf_tensors.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"

namespace kvhost::gguf {

namespace {

constexpr uint32_t kMostDimensions = 4;
constexpr uint64_t kLongestName = 65535;
constexpr const char* kWhat = "its list of tensors";

// By GGML's number; "": there is none, or no longer. Those that WeightType has are supported.
constexpr const char* kTypeNames[] = {
    "F32",      "F16",        "Q4_0",       "Q4_1",       "",        "",        "Q5_0",
    "Q5_1",     "Q8_0",       "Q8_1",       "Q2_K",       "Q3_K",    "Q4_K",    "Q5_K",
    "Q6_K",     "Q8_K",       "IQ2_XXS",    "IQ2_XS",     "IQ3_XXS", "IQ1_S",   "IQ4_NL",
    "IQ3_S",    "IQ2_S",      "IQ4_XS",     "I8",         "I16",     "I32",     "I64",
    "F64",      "IQ1_M",      "BF16",       "Q4_0_4_4",   "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",
    "TQ2_0",    "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4",   "NVFP4"};

std::string supported_types() {
  std::vector<std::string> names;
  for (const auto& info : weight_types()) names.emplace_back(info.name);
  return join(names, ", ");
}

WeightType weight_type(const Cursor& cursor, uint32_t number, const std::string& tensor) {
  const char* name = number < std::size(kTypeNames) ? kTypeNames[number] : "";
  if (const auto type = find_weight_type(name)) return *type;
  cursor.refuse(tensor + " has type " + (*name ? name : std::to_string(number)) +
                "; expected one of " + supported_types());
}

// Where the data of a tensor lies, before it is known where all data begins.
struct Placed {
  GgufTensor tensor;
  uint64_t offset = 0;
};

// GGUF lists sizes innermost first.
std::vector<int64_t> read_shape(Cursor& cursor, const std::string& tensor) {
  const auto n = cursor.number<uint32_t>(kWhat);
  if (n < 1 || n > kMostDimensions)
    cursor.refuse(tensor + " has " + std::to_string(n) + " dimensions; expected 1 to " +
                  std::to_string(kMostDimensions));
  std::vector<int64_t> shape(n);
  for (uint32_t i = n; i-- > 0;) {
    const auto size = cursor.number<uint64_t>(kWhat);
    if (size < 1 || size > static_cast<uint64_t>(INT64_MAX))
      cursor.refuse(tensor + " has a dimension of " + std::to_string(size) +
                    "; expected a positive number");
    shape[i] = static_cast<int64_t>(size);
  }
  return shape;
}

// Bytes of all rows, -1 when they exceed 63 bits.
int64_t byte_count(const GgufTensor& tensor) {
  const auto& info = weight_type_info(tensor.type);
  int64_t bytes = tensor.shape.back() / info.block;
  if (__builtin_mul_overflow(bytes, info.block_bytes, &bytes)) return -1;
  for (size_t i = 0; i + 1 < tensor.shape.size(); ++i)
    if (__builtin_mul_overflow(bytes, tensor.shape[i], &bytes)) return -1;
  return bytes;
}

Placed read_info(Cursor& cursor, uint64_t alignment) {
  Placed out;
  out.tensor.name = cursor.text("a tensor's name", kLongestName);
  const std::string tensor = "tensor '" + shown(out.tensor.name) + "'";
  out.tensor.shape = read_shape(cursor, tensor);
  out.tensor.type = weight_type(cursor, cursor.number<uint32_t>(kWhat), tensor);
  const auto& info = weight_type_info(out.tensor.type);
  if (out.tensor.shape.back() % info.block != 0)
    cursor.refuse(tensor + " has rows of " + std::to_string(out.tensor.shape.back()) +
                  " weights; expected a multiple of " + std::to_string(info.block) + " for " +
                  info.name);
  out.tensor.bytes = byte_count(out.tensor);
  if (out.tensor.bytes < 0)
    cursor.refuse(tensor + " has more bytes than any file; the file is damaged");
  out.offset = cursor.number<uint64_t>(kWhat);
  if (out.offset % alignment != 0)
    cursor.refuse(tensor + " begins at byte " + std::to_string(out.offset) +
                  " of the data; expected a multiple of the alignment, " +
                  std::to_string(alignment));
  return out;
}

uint64_t read_alignment(const GgufMetadata& metadata) {
  constexpr const char* kKey = "general.alignment";
  constexpr int64_t kLargest = int64_t{1} << 30;
  const int64_t alignment = metadata.integer_or(kKey, 1, kLargest, 32);
  if (alignment % 8 != 0 || (alignment & (alignment - 1)) != 0)
    metadata.refuse(kKey, "a power of two from 8 on");
  return static_cast<uint64_t>(alignment);
}

// Gives every tensor its place in the file.
void place(const Cursor& cursor, uint64_t data_start, std::vector<Placed>& tensors) {
  const uint64_t available = cursor.file().size() - data_start;
  uint64_t end = 0;
  const Placed* before = nullptr;
  for (auto& placed : tensors) {
    const std::string tensor = "tensor '" + shown(placed.tensor.name) + "'";
    const auto bytes = static_cast<uint64_t>(placed.tensor.bytes);
    if (placed.offset > available || bytes > available - placed.offset)
      cursor.refuse(tensor + " needs " + std::to_string(bytes) + " bytes at byte " +
                    std::to_string(placed.offset) + " of the data, of which there are " +
                    std::to_string(available) + "; the file is truncated or damaged");
    if (placed.offset < end)
      cursor.refuse(tensor + " overlaps '" + shown(before->tensor.name) +
                    "'; the file is damaged");
    end = placed.offset + bytes;
    before = &placed;
    placed.tensor.data = cursor.file().data() + data_start + placed.offset;
  }
}

}  // namespace

std::vector<GgufTensor> read_tensors(Cursor& cursor,
                                     const std::shared_ptr<const MappedFile>& file,
                                     const GgufMetadata& metadata,
                                     uint64_t count) {
  const uint64_t alignment = read_alignment(metadata);
  cursor.expect_room(count, 32, "tensors");  // an empty name, one dimension
  std::vector<Placed> placed;
  std::set<std::string> names;
  for (uint64_t i = 0; i < count; ++i) {
    placed.push_back(read_info(cursor, alignment));
    placed.back().tensor.file = file;
    if (!names.insert(placed.back().tensor.name).second)
      cursor.refuse("tensor '" + shown(placed.back().tensor.name) +
                    "' is listed twice; expected unique names");
  }
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return a.offset < b.offset;
  });
  const uint64_t data_start = (cursor.at() + alignment - 1) / alignment * alignment;
  if (count > 0 && data_start > file->size())
    cursor.refuse("ends before its tensors' data; the file is truncated");
  if (count > 0) place(cursor, data_start, placed);
  std::vector<GgufTensor> out;
  for (auto& one : placed) out.push_back(std::move(one.tensor));
  return out;
}

}  // namespace kvhost::gguf
