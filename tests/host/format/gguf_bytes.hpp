// SPDX-License-Identifier: Apache-2.0
// GGUF files made byte by byte, right ones and wrong ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace kvhost::test {

template <class T>
std::string raw(T value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

inline std::string gguf_text(const std::string& text) {
  return raw<uint64_t>(text.size()) + text;
}

enum : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };

// A key and its value; `value` as it lies in the file.
inline std::string pair(const std::string& key, uint32_t type, const std::string& value) {
  return gguf_text(key) + raw(type) + value;
}

// The value of an array of `count` elements.
inline std::string array(uint32_t type, uint64_t count, const std::string& elements) {
  return raw(type) + raw(count) + elements;
}

// Sizes innermost first, as in the file; `type` is GGML's number.
inline std::string tensor(const std::string& name,
                          const std::vector<uint64_t>& sizes,
                          uint32_t type,
                          uint64_t offset) {
  std::string out = gguf_text(name) + raw(static_cast<uint32_t>(sizes.size()));
  for (const uint64_t size : sizes) out += raw(size);
  return out + raw(type) + raw(offset);
}

struct GgufBytes {
  uint32_t version = 3;
  std::vector<std::string> pairs, tensors;
  std::string data;
  size_t alignment = 32;

  std::string head() const {
    std::string out = "GGUF" + raw(version) + raw<uint64_t>(tensors.size()) +
                      raw<uint64_t>(pairs.size());
    for (const auto& pair : pairs) out += pair;
    for (const auto& tensor : tensors) out += tensor;
    return out;
  }
  std::string bytes() const {
    std::string out = head();
    out.resize((out.size() + alignment - 1) / alignment * alignment, '\0');
    return out + data;
  }
};

// Something of everything: each type of value, a few tensors.
inline GgufBytes sample_gguf() {
  GgufBytes file;
  file.pairs = {
      pair("general.architecture", kString, gguf_text("llama")),
      pair("general.alignment", kU32, raw<uint32_t>(32)),
      pair("a.u8", kU8, raw<uint8_t>(200)),
      pair("a.i8", kI8, raw<int8_t>(-100)),
      pair("a.u16", kU16, raw<uint16_t>(60000)),
      pair("a.i16", kI16, raw<int16_t>(-30000)),
      pair("a.i32", kI32, raw<int32_t>(-7)),
      pair("a.f32", kF32, raw(1e-5F)),
      pair("a.bool", kBool, raw<uint8_t>(1)),
      pair("a.u64", kU64, raw<uint64_t>(UINT64_MAX)),
      pair("a.i64", kI64, raw<int64_t>(-5)),
      pair("a.f64", kF64, raw(0.5)),
      pair("a.texts", kArray, array(kString, 2, gguf_text("one") + gguf_text(""))),
      pair("a.ints", kArray, array(kI32, 3, raw(1) + raw(-2) + raw(3))),
      pair("a.floats", kArray, array(kF32, 2, raw(0.25F) + raw(-1.0F))),
      pair("a.bytes", kArray, array(kU8, 3, "abc")),
      pair("a.nested", kArray, array(kArray, 1, array(kBool, 2, std::string("\1\0", 2)))),
  };
  file.tensors = {tensor("m.weight", {32, 2}, 8, 0),    // Q8_0: 68 bytes
                  tensor("v.weight", {3}, 0, 96),       // F32: 12 bytes
                  tensor("e.weight", {2, 3, 2}, 30, 128)};  // BF16: 24 bytes
  file.data = std::string(128 + 24, '\7');
  return file;
}

}  // namespace kvhost::test
