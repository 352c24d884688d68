// SPDX-License-Identifier: Apache-2.0
// Learned files of methods with random numbers, in a folder of their own.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "fake_layer.hpp"
#include "temp_folder.hpp"

namespace kvhost::testing {

class TemporaryFolder : public test::TempFolder {
 public:
  const char* path() const { return TempFolder::path().c_str(); }
  std::string file(const std::string& name) const { return *this / name; }
};

struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;
};

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// 8 bytes of length, then the header.
inline std::string with_length(const std::string& header) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header;
}

// float32 tensors of small random numbers.
inline void write_safetensors(const std::string& path, const std::vector<NamedTensor>& tensors) {
  std::mt19937 rng(3);
  std::string header = "{", data;
  for (const NamedTensor& tensor : tensors) {
    int64_t n = 1;
    std::string shape;
    for (const int64_t size : tensor.shape) {
      n *= size;
      shape += (shape.empty() ? "" : ",") + std::to_string(size);
    }
    const std::vector<float> values = random_floats(rng, n, -1, 1);
    const size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    header += (header.size() > 1 ? "," : "") + ("\"" + tensor.name + "\":{\"dtype\":\"F32\"") +
              ",\"shape\":[" + shape + "],\"data_offsets\":[" + std::to_string(begin) + "," +
              std::to_string(data.size()) + "]}";
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  write_bytes(path, with_length(header) + data);
}

// What qfilter, kvzap and expected_attention_stats look for in a model's folder.
inline std::unique_ptr<TemporaryFolder> write_resources(const FakeShape& shape) {
  auto folder = std::make_unique<TemporaryFolder>();
  const int64_t layers = shape.n_layers, heads = shape.n_heads, kv = shape.n_kv_heads;
  const int64_t d = shape.head_dim, hidden = shape.hidden_size;
  write_safetensors(folder->file("q_filters.safetensors"), {{"q_filters", {layers, kv, d}}});
  write_safetensors(folder->file("expected_attention_stats.safetensors"),
                    {{"query_mean", {layers, heads, d}}, {"query_cov", {layers, heads, d, d}}});
  std::vector<NamedTensor> linear, mlp;
  for (int64_t i = 0; i < layers; ++i) {
    const std::string name = "layers." + std::to_string(i);
    linear.insert(linear.end(), {{name + ".weight", {kv, hidden}}, {name + ".bias", {kv}}});
    mlp.insert(mlp.end(),
               {{name + ".0.weight", {6, hidden}},
                {name + ".0.bias", {6}},
                {name + ".2.weight", {kv, 6}},
                {name + ".2.bias", {kv}}});
  }
  write_safetensors(folder->file("kvzap_linear.safetensors"), linear);
  write_safetensors(folder->file("kvzap_mlp.safetensors"), mlp);
  return folder;
}

}  // namespace kvhost::testing
