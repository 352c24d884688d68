// SPDX-License-Identifier: Apache-2.0
#include "cache_files.hpp"

#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <numeric>
#include <random>

#include "base/sha256.hpp"
#include "base/xxh64.hpp"

namespace kvhost::test {
namespace {

void append(KvCache& cache, int64_t n, std::mt19937& rng) {
  const CacheLayout& layout = cache.layout();
  const int64_t row = layout.head_dim * element_size(layout.dtype), first = cache.n_seen();
  for (int64_t l = 0; l < layout.n_layers; ++l) {
    cache.append(l, n, first);
    for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
      const HeadSpan span = cache.head(l, h);
      auto* keys = static_cast<uint8_t*>(span.keys) + (span.n - span.pruned.n - n) * row;
      auto* values = static_cast<uint8_t*>(span.values) + (span.n - n) * row;
      for (int64_t b = 0; b < n * row; ++b) {
        keys[b] = static_cast<uint8_t>(rng());
        values[b] = static_cast<uint8_t>(rng());
      }
    }
  }
  cache.advance(n);
}

// Every head keeps another part; in layer 0 head 1 nothing.
void make_ragged(KvCache& cache, std::mt19937& rng) {
  for (int64_t l = 0; l < cache.layout().n_layers; ++l) {
    KeepPlan plan;
    for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) {
      plan.heads.emplace_back();
      for (int32_t i = 0; i < cache.n_kept(l, h); ++i)
        if ((l != 0 || h != 1) && rng() % 3 <= static_cast<uint32_t>(h))
          plan.heads.back().push_back(i);
    }
    cache.compact(l, plan);
  }
}

void renumber(KvCache& cache) {
  for (int64_t l = 0; l < cache.layout().n_layers; ++l)
    for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) {
      std::vector<int32_t> positions(static_cast<size_t>(cache.n_kept(l, h)));
      std::iota(positions.begin(), positions.end(), 0);
      cache.set_positions(l, h, positions);
    }
  cache.continue_behind_last();
}

}  // namespace

std::vector<NamedCache> every_cache(DType dtype) {
  std::mt19937 rng(7);
  std::vector<NamedCache> out;
  const auto add = [&](const char* name, int64_t n) -> KvCache& {
    out.push_back({name, KvCache({2, 3, 6, dtype})});
    if (n > 0) append(out.back().cache, n, rng);
    return out.back().cache;
  };
  add("plain", 9);
  make_ragged(add("ragged", 20), rng);
  KvCache& pruned = add("pruned", 15);
  make_ragged(pruned, rng);
  pruned.prune_channels(1, {{{0, 2, 5}, {1, 2, 3}, {0, 1, 4}}});  // an odd number: with padding
  append(pruned, 4, rng);
  KvCache& biased = add("biased", 13);
  make_ragged(biased, rng);
  std::vector<std::vector<float>> biases;
  for (int64_t h = 0; h < 3; ++h) {
    biases.emplace_back(static_cast<size_t>(biased.n_kept(1, h)));
    for (float& bias : biases.back()) bias = static_cast<float>(rng() % 100) / 10 - 5;
  }
  biased.set_biases(1, biases);
  append(biased, 3, rng);
  KvCache& renumbered = add("renumbered", 12);
  make_ragged(renumbered, rng);
  renumber(renumbered);
  append(renumbered, 2, rng);
  KvCache& window = add("window", 16);
  window.drop_before(1, 11);
  append(window, 1, rng);
  add("empty", 0);
  return out;
}

bool same(const KvCache& a, const KvCache& b) {
  const CacheLayout &x = a.layout(), &y = b.layout();
  if (x.n_layers != y.n_layers || x.n_kv_heads != y.n_kv_heads || x.head_dim != y.head_dim ||
      x.dtype != y.dtype || a.n_seen() != b.n_seen() || a.n_renumbered() != b.n_renumbered() ||
      a.bytes_kept() != b.bytes_kept())
    return false;
  const int64_t element = element_size(x.dtype), row = x.head_dim * element;
  const auto equal = [](const void* left, const void* right, int64_t bytes) {
    return bytes == 0 || std::memcmp(left, right, static_cast<size_t>(bytes)) == 0;
  };
  for (int64_t l = 0; l < x.n_layers; ++l)
    for (int64_t h = 0; h < x.n_kv_heads; ++h) {
      const HeadSpan s = a.head(l, h), t = b.head(l, h);
      const int64_t n_pruned = s.pruned.n, width = s.pruned.width;
      if (s.n != t.n || n_pruned != t.pruned.n || width != t.pruned.width ||
          !equal(s.positions, t.positions, s.n * 4) || !equal(s.values, t.values, s.n * row) ||
          !equal(s.keys, t.keys, (s.n - n_pruned) * row) ||
          !equal(s.pruned.rows, t.pruned.rows, n_pruned * width * element) ||
          !equal(s.pruned.channels, t.pruned.channels, width * 4) || s.bias.n != t.bias.n ||
          !equal(s.bias.rows, t.bias.rows, s.bias.n * 4))
        return false;
    }
  return true;
}

TakenApart::TakenApart(const std::string& bytes) {
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  header = nlohmann::json::parse(bytes.substr(8, length));
  data = bytes.substr(8 + length);
}

std::string TakenApart::bytes() const {
  const std::string text = header.dump();
  const uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + text + data;
}

void TakenApart::sign() {
  std::string text;
  for (const auto& [key, value] : header["__metadata__"].items()) {
    const auto& written = value.get_ref<const std::string&>();
    if (key != "digest")
      text += std::to_string(key.size()) + " " + key + " " + std::to_string(written.size()) + " " +
              written + "\n";
  }
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const size_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
    text += name + " " + entry["dtype"].get<std::string>();
    for (const int64_t size : entry["shape"]) text += " " + std::to_string(size);
    Xxh64 hash;
    hash.update(data.data() + begin, end - begin);
    text += " " + hash.hex() + "\n";
  }
  header["__metadata__"]["digest"] = sha256_hex(text.data(), text.size());
}

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace kvhost::test
