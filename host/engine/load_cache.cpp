// SPDX-License-Identifier: Apache-2.0
// Reading a saved cache: the header, then the layers' shapes, then, once all sizes are known to fit
// the file, the rows, on all cores; last the digest and the numbers themselves.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "base/sha256.hpp"
#include "engine/cache_file.hpp"
#include "engine/cache_reader.hpp"
#include "engine/cache_tensors.hpp"
#include "format/shape_text.hpp"

namespace kvhost {
namespace {

constexpr int64_t kMostHeads = 1 << 16, kWidestHead = 1 << 16;

std::string typed_shape(const std::string& dtype, const std::vector<int64_t>& shape) {
  return dtype + " " + shape_text(shape);
}

CacheLayout read_layout(const CacheFile& file) {
  CacheLayout layout;
  // Every layer has at least four tensors: a large number alone asks for nothing.
  layout.n_layers =
      file.number("n_layers", 1, std::max<int64_t>(1, std::ssize(file.tensors()) / 4));
  layout.n_kv_heads = file.number("n_kv_heads", 1, kMostHeads);
  layout.head_dim = file.number("head_dim", 1, kWidestHead);
  for (const DType dtype : {DType::Float32, DType::BFloat16, DType::Float16})
    if (file.text("dtype") == dtype_name(dtype)) {
      layout.dtype = dtype;
      return layout;
    }
  file.refuse("has dtype '" + file.text("dtype") + "'; expected float32, bfloat16 or float16");
}

LayerRows read_rows(const CacheFile& file, const CacheLayout& layout, int64_t layer) {
  LayerRows rows;
  rows.lengths = file.read_vector<int64_t>(layer_tensor_name(layer, "lengths"), "I64");
  const std::string channels = layer_tensor_name(layer, "channels");
  if (file.find(channels) != nullptr) {
    rows.pruned = file.read_vector<int64_t>(layer_tensor_name(layer, "pruned_lengths"), "I64");
    const std::vector<int32_t> all = file.read_vector<int32_t>(channels, "I32");
    const std::vector<int64_t>& shape = file.get(channels).shape;
    if (shape.size() != 2 || shape[0] != layout.n_kv_heads)
      file.refuse("tensor '" + channels + "' has " + std::to_string(shape.size()) +
                  " dimensions or other heads; expected [" + std::to_string(layout.n_kv_heads) +
                  ", width]");
    for (int64_t h = 0; h < shape[0]; ++h)
      rows.channels.emplace_back(all.begin() + h * shape[1], all.begin() + (h + 1) * shape[1]);
  }
  if (file.find(layer_tensor_name(layer, "biases")) != nullptr)
    rows.biased = file.read_vector<int64_t>(layer_tensor_name(layer, "biased_lengths"), "I64");
  const std::string wrong = fault(layout, rows);
  if (!wrong.empty()) file.refuse("layer " + std::to_string(layer) + ": " + wrong);
  // Bytes are counted only once the entries are known to be in the file: no product overflows.
  const int64_t n = std::accumulate(rows.lengths.begin(), rows.lengths.end(), int64_t{0});
  const StoredTensor& values = file.get(layer_tensor_name(layer, "values"));
  if (values.shape != std::vector<int64_t>{n, layout.head_dim})
    file.refuse("tensor '" + values.name + "' is " + typed_shape(values.dtype, values.shape) +
                "; expected [" + std::to_string(n) + ", " + std::to_string(layout.head_dim) +
                "], the layer's lengths together");
  return rows;
}

// The file holds the tensors of the list and no others, each of its type and shape.
std::vector<const StoredTensor*> match(const CacheFile& file,
                                       const std::vector<CacheTensor>& expected) {
  std::vector<const StoredTensor*> out;
  for (const CacheTensor& tensor : expected) {
    const StoredTensor& found = file.get(tensor.name);
    if (found.dtype != tensor.dtype || found.shape != tensor.shape)
      file.refuse("tensor '" + tensor.name + "' is " + typed_shape(found.dtype, found.shape) +
                  "; expected " + typed_shape(tensor.dtype, tensor.shape));
    out.push_back(&found);
  }
  for (const StoredTensor& found : file.tensors())
    if (std::none_of(expected.begin(), expected.end(), [&](const CacheTensor& tensor) {
          return tensor.name == found.name;
        }))
      file.refuse("has a tensor '" + found.name + "', which no such cache has");
  return out;
}

// Those of a compression while generating have names of their own; who goes on with it looks at what
// they hold.
bool is_decode_tensor(const std::string& name) {
  static const std::string layer = "decode.layer.";
  if (name == "decode.cuts" || name == "decode.states") return true;
  if (!name.starts_with(layer)) return false;
  const size_t dot = name.find('.', layer.size());
  if (dot == std::string::npos || dot == layer.size() || dot > layer.size() + 6) return false;
  const std::string_view what = std::string_view(name).substr(dot);
  return std::all_of(name.begin() + static_cast<std::ptrdiff_t>(layer.size()),
                     name.begin() + static_cast<std::ptrdiff_t>(dot),
                     [](char c) { return c >= '0' && c <= '9'; }) &&
         (what == ".queries" || what == ".hidden");
}

std::vector<NamedTensor> decode_tensors(const CacheFile& file) {
  std::vector<NamedTensor> out;
  for (const StoredTensor& tensor : file.tensors())
    if (is_decode_tensor(tensor.name))
      out.push_back({tensor.name,
                     tensor.dtype,
                     tensor.shape,
                     std::vector<uint8_t>(static_cast<size_t>(tensor.bytes))});
  return out;
}

// Where a tensor's bytes go; null: they were read before.
void* target(const CacheTensor& tensor, SavedCache& saved, const std::vector<LayerMemory>& memory) {
  const auto layer = static_cast<size_t>(tensor.layer);
  switch (tensor.part) {
    case CachePart::Logits:
      return saved.logits.data();
    case CachePart::Tokens:
      return saved.tokens.data();
    case CachePart::Decode:
      return saved.decode[layer].bytes.data();
    case CachePart::Positions:
      return memory[layer].positions;
    case CachePart::Keys:
      return memory[layer].keys;
    case CachePart::PrunedKeys:
      return memory[layer].pruned_keys;
    case CachePart::Biases:
      return memory[layer].biases;
    case CachePart::Values:
      return memory[layer].values;
    default:
      return nullptr;
  }
}

void read_all(const CacheFile& file,
              const std::vector<CacheTensor>& tensors,
              const std::vector<const StoredTensor*>& stored,
              const std::vector<LayerRows>& rows,
              SavedCache& saved) {
  std::vector<LayerMemory> memory;
  for (size_t l = 0; l < rows.size(); ++l)
    memory.push_back(saved.cache.restore(static_cast<int64_t>(l), rows[l]));
  parallel_for(std::ssize(tensors), /*grain=*/1, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      if (void* to = target(tensors[i], saved, memory)) file.read(*stored[i], to);
  });
}

// The digest is of what is in memory now, not of what was in the file at some time.
void check_digest(const CacheFile& file,
                  const std::vector<LayerRows>& rows,
                  std::vector<CacheTensor>& tensors,
                  const SavedCache& saved) {
  hash_tensors({saved.cache, rows, saved.logits, saved.tokens, saved.decode}, tensors);
  const std::string digest = cache_digest(saved.metadata, tensors);
  if (file.text("digest") != digest)
    file.refuse("has digest '" + file.text("digest") + "' but its content comes to '" + digest +
                "': it is damaged or was edited");
  const std::string tokens = sha256_hex(saved.tokens.data(), saved.tokens.size() * sizeof(int32_t));
  if (file.text("tokens_sha256") != tokens)
    file.refuse("has tokens_sha256 '" + file.text("tokens_sha256") + "'; expected '" + tokens +
                "'");
}

void check_numbers(const CacheFile& file, const SavedCache& saved) {
  const CacheLayout& layout = saved.cache.layout();
  for (int64_t l = 0; l < layout.n_layers; ++l)
    for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
      const std::string fault = position_fault(saved.cache.head(l, h), saved.cache.n_seen());
      if (!fault.empty())
        file.refuse("layer " + std::to_string(l) + ", head " + std::to_string(h) + " has " + fault);
      const EntryBias bias = saved.cache.head(l, h).bias;
      for (int64_t i = 0; i < bias.n; ++i)
        if (!std::isfinite(bias.rows[i]))
          file.refuse("layer " + std::to_string(l) + ", head " + std::to_string(h) +
                      " has the bias " + std::to_string(bias.rows[i]) +
                      "; expected finite numbers");
    }
  for (const int32_t token : saved.tokens)
    if (token < 0) file.refuse("has the token " + std::to_string(token) + "; expected 0 or more");
}

}  // namespace

SavedCache load_cache(const std::filesystem::path& path) {
  const CacheFile file(path);
  const CacheLayout layout = read_layout(file);
  const int64_t n_seen = file.number("n_seen", 0, INT32_MAX);
  const int64_t n_renumbered = file.number("n_renumbered", 0, n_seen);
  // Absent in files of before models whose rotation depends on it.
  const bool tells = file.metadata().count("n_first") > 0;
  const int64_t n_first = tells ? file.number("n_first", 0, INT32_MAX) : n_seen;
  std::vector<LayerRows> rows;
  for (int64_t l = 0; l < layout.n_layers; ++l) rows.push_back(read_rows(file, layout, l));
  const int64_t n_logits = file.get("logits").bytes / static_cast<int64_t>(sizeof(float));
  const int64_t n_tokens = file.get("tokens").bytes / static_cast<int64_t>(sizeof(int32_t));
  std::vector<NamedTensor> decode = decode_tensors(file);
  std::vector<CacheTensor> tensors = cache_tensors(layout, rows, n_logits, n_tokens, decode);
  const std::vector<const StoredTensor*> stored = match(file, tensors);
  SavedCache saved{KvCache(layout),
                   std::vector<float>(static_cast<size_t>(n_logits)),
                   std::vector<int32_t>(static_cast<size_t>(n_tokens)),
                   file.metadata(),
                   std::move(decode)};
  read_all(file, tensors, stored, rows, saved);
  saved.cache.restore_seen(n_seen, n_renumbered, n_first);
  check_digest(file, rows, tensors, saved);
  check_numbers(file, saved);
  return saved;
}

std::map<std::string, std::string> read_cache_metadata(const std::filesystem::path& path) {
  return CacheFile(path).metadata();
}

}  // namespace kvhost
