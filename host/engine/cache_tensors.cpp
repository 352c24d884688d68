// SPDX-License-Identifier: Apache-2.0
#include "engine/cache_tensors.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>
#include <utility>

#include "base/parallel.hpp"
#include "base/sha256.hpp"
#include "base/xxh64.hpp"

namespace kvhost {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

const char* stored_dtype(DType dtype) {
  switch (dtype) {
    case DType::Float32:
      return "F32";
    case DType::BFloat16:
      return "BF16";
    case DType::Float16:
      return "F16";
  }
  return "";
}

struct Element {
  const char* dtype;
  int64_t bytes;
};
constexpr Element kInt64{"I64", 8}, kInt32{"I32", 4}, kFloat32{"F32", 4};

void add(std::vector<CacheTensor>& out,
         CachePart part,
         int64_t layer,
         const char* name,
         const Element& element,
         std::vector<int64_t> shape) {
  const int64_t bytes =
      std::accumulate(shape.begin(), shape.end(), element.bytes, std::multiplies<>());
  out.push_back({part,
                 layer,
                 layer < 0 ? name : layer_tensor_name(layer, name),
                 element.dtype,
                 std::move(shape),
                 bytes});
}

using Bytes = std::span<const std::byte>;

Bytes bytes(const void* data, int64_t n) {
  return {static_cast<const std::byte*>(data), static_cast<size_t>(n)};
}

template <typename T>
Bytes bytes(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

// The rows of one head, as they lie in the cache.
Bytes head_bytes(const CacheLayout& layout, const HeadSpan& span, CachePart part) {
  const int64_t element = element_size(layout.dtype), row = layout.head_dim * element;
  switch (part) {
    case CachePart::Positions:
      return bytes(span.positions, span.n * static_cast<int64_t>(sizeof(int32_t)));
    case CachePart::Keys:
      return bytes(span.keys, (span.n - span.pruned.n) * row);
    case CachePart::Biases:
      return bytes(span.bias.rows, span.bias.n * static_cast<int64_t>(sizeof(float)));
    case CachePart::PrunedKeys:
      return bytes(span.pruned.rows, span.pruned.n * span.pruned.width * element);
    default:
      return bytes(span.values, span.n * row);
  }
}

int64_t element_bytes(const CacheTensor& tensor) {
  if (tensor.dtype == "U8") return 1;
  return tensor.dtype == "I64" ? 8 : tensor.dtype == "BF16" || tensor.dtype == "F16" ? 2 : 4;
}

}  // namespace

std::string layer_tensor_name(int64_t layer, const char* part) {
  return "layer." + std::to_string(layer) + "." + part;
}

std::vector<CacheTensor> cache_tensors(const CacheLayout& layout,
                                       const std::vector<LayerRows>& rows,
                                       int64_t n_logits,
                                       int64_t n_tokens,
                                       std::span<const NamedTensor> decode) {
  const Element element{stored_dtype(layout.dtype), element_size(layout.dtype)};
  const auto sum = [](const std::vector<int64_t>& values) {
    return std::accumulate(values.begin(), values.end(), int64_t{0});
  };
  std::vector<CacheTensor> out;
  add(out, CachePart::Logits, -1, "logits", kFloat32, {n_logits});
  add(out, CachePart::Tokens, -1, "tokens", kInt32, {n_tokens});
  for (int64_t l = 0; l < layout.n_layers; ++l) {
    const LayerRows& layer = rows[static_cast<size_t>(l)];
    const int64_t n = sum(layer.lengths), n_pruned = sum(layer.pruned);
    add(out, CachePart::Lengths, l, "lengths", kInt64, {layout.n_kv_heads});
    add(out, CachePart::Positions, l, "positions", kInt32, {n});
    add(out, CachePart::Keys, l, "keys", element, {n - n_pruned, layout.head_dim});
    add(out, CachePart::Values, l, "values", element, {n, layout.head_dim});
    if (!layer.biased.empty()) {
      add(out, CachePart::BiasedLengths, l, "biased_lengths", kInt64, {layout.n_kv_heads});
      add(out, CachePart::Biases, l, "biases", kFloat32, {sum(layer.biased)});
    }
    if (layer.channels.empty()) continue;
    const int64_t width = std::ssize(layer.channels[0]);
    add(out, CachePart::PrunedLengths, l, "pruned_lengths", kInt64, {layout.n_kv_heads});
    add(out, CachePart::Channels, l, "channels", kInt32, {layout.n_kv_heads, width});
    add(out, CachePart::PrunedKeys, l, "pruned_keys", element, {n_pruned, width});
  }
  for (size_t i = 0; i < decode.size(); ++i) {
    const NamedTensor& one = decode[i];
    out.push_back({CachePart::Decode,
                   static_cast<int64_t>(i),
                   one.name,
                   one.dtype,
                   one.shape,
                   std::ssize(one.bytes)});
  }
  std::stable_sort(out.begin(), out.end(), [](const CacheTensor& a, const CacheTensor& b) {
    return element_bytes(a) > element_bytes(b);
  });
  return out;
}

std::vector<Bytes> pieces(const CacheContent& content, const CacheTensor& tensor) {
  std::vector<Bytes> out;
  const auto layer = static_cast<size_t>(tensor.layer);
  switch (tensor.part) {
    case CachePart::Logits:
      return {std::as_bytes(content.logits)};
    case CachePart::Tokens:
      return {std::as_bytes(content.tokens)};
    case CachePart::Decode:
      return {bytes(content.decode[layer].bytes)};
    case CachePart::Lengths:
      return {bytes(content.rows[layer].lengths)};
    case CachePart::PrunedLengths:
      return {bytes(content.rows[layer].pruned)};
    case CachePart::BiasedLengths:
      return {bytes(content.rows[layer].biased)};
    case CachePart::Channels:
      for (const auto& channels : content.rows[layer].channels) out.push_back(bytes(channels));
      return out;
    default:
      for (int64_t h = 0; h < content.cache.layout().n_kv_heads; ++h)
        out.push_back(
            head_bytes(content.cache.layout(), content.cache.head(tensor.layer, h), tensor.part));
      return out;
  }
}

void hash_tensors(const CacheContent& content, std::vector<CacheTensor>& tensors) {
  parallel_for(std::ssize(tensors), /*grain=*/1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      CacheTensor& tensor = tensors[static_cast<size_t>(i)];
      Xxh64 hash;
      for (const Bytes piece : pieces(content, tensor)) hash.update(piece.data(), piece.size());
      tensor.xxh64 = hash.hex();
    }
  });
}

std::string cache_digest(const std::map<std::string, std::string>& metadata,
                         std::vector<CacheTensor> tensors) {
  std::string text;
  for (const auto& [key, value] : metadata)
    if (key != "digest")
      text.append(std::to_string(key.size()) + " " + key + " " + std::to_string(value.size()) +
                  " " + value + "\n");
  std::sort(tensors.begin(), tensors.end(), [](const CacheTensor& a, const CacheTensor& b) {
    return a.name < b.name;
  });
  for (const CacheTensor& tensor : tensors) {
    text.append(tensor.name + " " + tensor.dtype);
    for (const int64_t size : tensor.shape) text.append(" ").append(std::to_string(size));
    text.append(" " + tensor.xxh64 + "\n");
  }
  return sha256_hex(text.data(), text.size());
}

std::string position_fault(const HeadSpan& span, int64_t n_seen) {
  int64_t last = -1;
  for (int64_t i = 0; i < span.n; ++i) {
    const int64_t position = span.positions[i];
    if (position <= last || position >= n_seen)
      return "position " + std::to_string(position) + " after " + std::to_string(last) +
             "; expected ascending positions below " + std::to_string(n_seen) + ", n_seen";
    last = position;
  }
  return "";
}

}  // namespace kvhost
