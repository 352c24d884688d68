// SPDX-License-Identifier: Apache-2.0
// Learned tensors of a method in a safetensors file, checked before anything is read from it.
#pragma once

#include <kvhost/resources.hpp>
#include <nlohmann/json.hpp>

namespace kvhost::scorers {

// The file stays mapped, and its tensors borrowed, for the life of the object.
class TensorFile {
 public:
  using Shape = std::vector<int64_t>;

  // `wanted` says in messages what the file should hold and where one can be had.
  // [create] Throws KVH_E_RESOURCE, one line.
  TensorFile(const std::string& path, const std::string& wanted)
      : path_(path), wanted_(wanted), file_(open(path, wanted)) {
    uint64_t length = 0;
    if (file_->size() < sizeof length) refuse("has " + std::to_string(file_->size()) + " bytes");
    std::memcpy(&length, file_->data(), sizeof length);
    if (length > kLongestHeader || length > file_->size() - sizeof length) {
      refuse("claims a header of " + std::to_string(length) + " bytes");
    }
    data_begin_ = sizeof length + static_cast<size_t>(length);
    header_ = parse(file_->data() + sizeof length, file_->data() + data_begin_);
  }

  bool has(const std::string& name) const { return header_.contains(name); }

  // Of exactly this shape, in any floating-point dtype.
  kvh_tensor get(const std::string& name, const Shape& shape) {
    if (!has(name)) refuse("has no tensor '" + name + "'");
    const nlohmann::json& entry = header_[name];
    const kvh_dtype dtype = dtype_of(name, entry);
    if (shape_of(name, entry) != shape) {
      refuse("tensor '" + name + "' has shape " + entry["shape"].dump() + "; expected " +
             nlohmann::json(shape).dump());
    }
    int64_t n = 1;
    for (const int64_t size : shape) n *= size;
    const size_t begin = check_bytes(name, entry, static_cast<uint64_t>(n), dtype.bits / 8u);
    check_finite(name, file_->data() + begin, n, dtype);
    auto& held = dims_.emplace_back(shape, Shape(shape.size(), 1));
    for (size_t i = shape.size(); i-- > 1;) held.second[i - 1] = held.second[i] * shape[i];
    return {file_->data() + begin,
            {KVH_DEVICE_CPU, 0},
            static_cast<int32_t>(shape.size()),
            dtype,
            held.first.data(),
            held.second.data(),
            0};
  }

  // The length of the tensor's first axis.
  int64_t rows(const std::string& name) const {
    if (!has(name)) refuse("has no tensor '" + name + "'");
    const Shape shape = shape_of(name, header_[name]);
    if (shape.empty() || shape[0] < 1 || shape[0] > kLongestAxis) {
      refuse("tensor '" + name + "' has shape " + nlohmann::json(shape).dump());
    }
    return shape[0];
  }

  // Of a tensor with `n` axes.
  Shape dims(const std::string& name, size_t n) const {
    if (!has(name)) refuse("has no tensor '" + name + "'");
    const Shape shape = shape_of(name, header_[name]);
    if (shape.size() != n) {
      refuse("tensor '" + name + "' has shape " + nlohmann::json(shape).dump());
    }
    return shape;
  }

  [[noreturn]] void refuse(const std::string& what) const {
    sdk::bad_resource("", "'" + path_ + "' " + what + "; expected " + wanted_);
  }

 private:
  static constexpr uint64_t kLongestHeader = 8u << 20;
  static constexpr int64_t kLongestAxis = 1 << 24;
  static constexpr int kDeepest = 4;

  static std::unique_ptr<sdk::MappedFile> open(const std::string& path, const std::string& wanted) {
    try {
      return std::make_unique<sdk::MappedFile>(path);
    } catch (const sdk::Error& e) {
      sdk::bad_resource("", std::string(e.what()) + "; expected " + wanted);
    }
  }

  // Not with a callback of the parser: that one looks at all siblings at the end of each object.
  nlohmann::json parse(const char* begin, const char* end) const {
    int depth = 0;
    bool in_string = false;
    for (const char* at = begin; at != end; ++at) {
      if (in_string && *at == '\\' && at + 1 != end) {
        ++at;
      } else if (*at == '"') {
        in_string = !in_string;
      } else if (!in_string) {
        depth += *at == '{' || *at == '[' ? 1 : *at == '}' || *at == ']' ? -1 : 0;
        if (depth > kDeepest) refuse("has a header nested too deep");
      }
    }
    nlohmann::json header = nlohmann::json::parse(begin, end, nullptr, /*exceptions=*/false);
    if (!header.is_object()) refuse("has no JSON header");
    return header;
  }

  void check_finite(const std::string& name, const char* data, int64_t n, kvh_dtype dtype) const {
    for (int64_t i = 0; i < n; ++i) {
      uint32_t bits = 0;
      std::memcpy(&bits, data + i * (dtype.bits / 8), dtype.bits / 8u);
      const uint32_t exponent = dtype.bits == 32             ? 0x7f800000u
                                : dtype.code == KVH_DTYPE_FLOAT ? 0x7c00u
                                                                : 0x7f80u;
      if ((bits & exponent) == exponent)
        refuse("tensor '" + name + "' holds NaN or infinity at its element " + std::to_string(i));
    }
  }

  kvh_dtype dtype_of(const std::string& name, const nlohmann::json& entry) const {
    const auto found = entry.is_object() ? entry.find("dtype") : entry.end();
    if (entry.is_object() && found != entry.end()) {
      if (*found == "F32") return {KVH_DTYPE_FLOAT, 32, 1};
      if (*found == "F16") return {KVH_DTYPE_FLOAT, 16, 1};
      if (*found == "BF16") return {KVH_DTYPE_BFLOAT, 16, 1};
    }
    refuse("tensor '" + name + "' has no dtype of F32, F16, BF16");
  }

  Shape shape_of(const std::string& name, const nlohmann::json& entry) const {
    Shape shape;
    if (entry.is_object() && entry.contains("shape") && entry["shape"].is_array()) {
      for (const auto& size : entry["shape"]) {
        if (!size.is_number_integer()) refuse("tensor '" + name + "' has a shape of no integers");
        shape.push_back(size.get<int64_t>());
      }
      return shape;
    }
    refuse("tensor '" + name + "' has no shape");
  }

  // -> where the tensor's bytes begin in the file.
  size_t check_bytes(const std::string& name,
                     const nlohmann::json& entry,
                     uint64_t n,
                     uint64_t element_size) const {
    const auto offsets = entry.find("data_offsets");
    const uint64_t room = file_->size() - data_begin_;
    if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2 ||
        !(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned()) {
      refuse("tensor '" + name + "' has no data_offsets");
    }
    const auto begin = (*offsets)[0].get<uint64_t>(), end = (*offsets)[1].get<uint64_t>();
    if (begin > end || end > room || end - begin != n * element_size) {
      refuse("tensor '" + name + "' has data_offsets " + offsets->dump() + " of " +
             std::to_string(room) + " bytes for " + std::to_string(n) + " elements");
    }
    if ((data_begin_ + begin) % element_size != 0) refuse("tensor '" + name + "' is not aligned");
    return data_begin_ + static_cast<size_t>(begin);
  }

  std::string path_, wanted_;
  std::unique_ptr<sdk::MappedFile> file_;
  size_t data_begin_ = 0;
  nlohmann::json header_;
  std::deque<std::pair<Shape, Shape>> dims_;  // shapes and strides that views point to
};

}  // namespace kvhost::scorers
