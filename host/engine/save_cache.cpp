// SPDX-License-Identifier: Apache-2.0
// Writing a saved cache: hashes first, since the header stands before the bytes, then all of it in
// one stream out of the cache's own memory.
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "base/error.hpp"
#include "base/output_file.hpp"
#include "base/sha256.hpp"
#include "base/version.hpp"
#include "engine/cache_file.hpp"
#include "engine/cache_tensors.hpp"

namespace kvhost {
namespace {

using Metadata = std::map<std::string, std::string>;

void describe(const CacheContent& content,
              const std::vector<CacheTensor>& tensors,
              Metadata& metadata) {
  const CacheLayout& layout = content.cache.layout();
  metadata["schema"] = kCacheSchema;
  metadata["kvhost"] = version();
  metadata["n_layers"] = std::to_string(layout.n_layers);
  metadata["n_kv_heads"] = std::to_string(layout.n_kv_heads);
  metadata["head_dim"] = std::to_string(layout.head_dim);
  metadata["dtype"] = dtype_name(layout.dtype);
  metadata["n_seen"] = std::to_string(content.cache.n_seen());
  metadata["n_first"] = std::to_string(content.cache.n_first());
  metadata["n_renumbered"] = std::to_string(content.cache.n_renumbered());
  metadata["tokens_sha256"] = sha256_hex(content.tokens.data(), content.tokens.size_bytes());
  metadata["digest"] = cache_digest(metadata, tensors);
}

// Length and JSON, filled up with spaces to a multiple of 8.
std::string header(const Metadata& metadata, const std::vector<CacheTensor>& tensors) {
  nlohmann::json json = {{"__metadata__", metadata}};
  int64_t offset = 0;
  for (const CacheTensor& tensor : tensors) {
    json[tensor.name] = {{"dtype", tensor.dtype},
                         {"shape", tensor.shape},
                         {"data_offsets", {offset, offset + tensor.bytes}}};
    offset += tensor.bytes;
  }
  std::string text = json.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const auto length = static_cast<uint64_t>(text.size());
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + text;
}

void check(const std::string& where, const KvCache& cache) {
  for (int64_t l = 0; l < cache.layout().n_layers; ++l)
    for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) {
      const std::string fault = position_fault(cache.head(l, h), cache.n_seen());
      if (!fault.empty())
        run_failed(where,
                   "the cache is in the midst of a forward: layer " + std::to_string(l) +
                       ", head " + std::to_string(h) + " has " + fault);
    }
}

}  // namespace

void save_cache(const std::filesystem::path& path,
                const KvCache& cache,
                std::span<const float> logits,
                std::span<const int32_t> tokens,
                const Metadata& metadata,
                std::span<const NamedTensor> decode) {
  check(path.string(), cache);
  std::vector<LayerRows> rows;
  for (int64_t l = 0; l < cache.layout().n_layers; ++l) rows.push_back(cache.rows(l));
  const CacheContent content{cache, rows, logits, tokens, decode};
  std::vector<CacheTensor> tensors =
      cache_tensors(cache.layout(), rows, std::ssize(logits), std::ssize(tokens), decode);
  write_file(path, [&](std::ostream& out) {  // what cannot be written is found before the work
    hash_tensors(content, tensors);
    Metadata all = metadata;
    describe(content, tensors, all);
    try {
      const std::string text = header(all, tensors);
      out.write(text.data(), std::ssize(text));
    } catch (const nlohmann::json::exception&) {
      run_failed(path.string(), "the metadata holds text that is not UTF-8; expected UTF-8");
    }
    for (const CacheTensor& tensor : tensors)
      for (const std::span<const std::byte> piece : pieces(content, tensor))
        out.write(reinterpret_cast<const char*>(piece.data()), std::ssize(piece));
  });
}

}  // namespace kvhost
