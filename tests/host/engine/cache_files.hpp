// SPDX-License-Identifier: Apache-2.0
// Saved caches for tests: caches of every kind, and files changed on purpose.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cache/kv_cache.hpp"
#include "engine/cache_file.hpp"

namespace kvhost::test {

struct NamedCache {
  std::string name;
  KvCache cache;
};

// Plain, ragged with empty heads, channel-pruned with whole keys behind, renumbered, behind a
// sliding window, and one that holds nothing; random bytes in all rows.
std::vector<NamedCache> every_cache(DType dtype);

// Equal in every way that can be seen from outside, to the bit.
bool same(const KvCache& a, const KvCache& b);

// A file taken apart as docs/saved_cache.md says, without the code under test.
struct TakenApart {
  nlohmann::json header;
  std::string data;
  explicit TakenApart(const std::string& bytes);
  std::string bytes() const;  // put together again
  // Hashes anew, as somebody would who wants a changed file to pass.
  void sign();
  // The bytes of one tensor, to be changed.
  template <typename T>
  T* tensor(const std::string& name) {
    return reinterpret_cast<T*>(data.data() +
                                header[name]["data_offsets"][0].template get<size_t>());
  }
};

std::string read_bytes(const std::filesystem::path& path);

}  // namespace kvhost::test
