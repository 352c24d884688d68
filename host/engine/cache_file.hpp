// SPDX-License-Identifier: Apache-2.0
// Caches in files: safetensors that other programs can read, described in docs/saved_cache.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "cache/kv_cache.hpp"
#include "cache/named_tensor.hpp"

namespace kvhost {

struct SavedCache {
  KvCache cache;
  std::vector<float> logits;    // [vocab] after the last token
  std::vector<int32_t> tokens;  // [n] all that was read, what was evicted too
  std::map<std::string, std::string> metadata;
  std::vector<NamedTensor> decode{};  // of a compression while generating; empty where there was none
};

// Writes the cache as it lies in memory, without a copy of it; `path` as in write_file(). The
// caller says in `metadata` what model and press it is of; what the file says by itself (schema,
// kvhost, layout, n_seen, hashes) is added, and replaces keys of these names, so that a loaded
// cache's metadata can be given again. Throws Error(RunFailed): also for a cache in the midst of a
// forward.
void save_cache(const std::filesystem::path& path,
                const KvCache& cache,
                std::span<const float> logits,
                std::span<const int32_t> tokens,
                const std::map<std::string, std::string>& metadata,
                std::span<const NamedTensor> decode = {});

// Reads a whole file and believes nothing in it: sizes before memory is asked for, shapes, lengths,
// positions and channels, and the digest of all of it. Whether it fits a model is the caller's to
// check, by layout() and metadata. Throws Error(BadRequest) when there is no such file,
// Error(CannotLoad) when it is not what save_cache() wrote, Error(RunFailed) without memory.
SavedCache load_cache(const std::filesystem::path& path);

// What the header says, in a moment: nothing of the tensors is read, the digest is not checked.
// Throws as load_cache().
std::map<std::string, std::string> read_cache_metadata(const std::filesystem::path& path);

}  // namespace kvhost
