// SPDX-License-Identifier: Apache-2.0
// One repository in the hub's cache, laid out as huggingface_hub does it:
//
//   models--ORG--NAME/blobs/ETAG            the bytes; ETAG.incomplete while they come
//                     snapshots/COMMIT/FILE a link to a blob
//                     refs/REVISION         the commit that a branch or tag stood for
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fetch/fetched.hpp"

namespace kvhost {

class HubCache {
 public:
  HubCache(const std::filesystem::path& cache, const std::string& id);

  std::filesystem::path blob(const std::string& etag) const;
  std::filesystem::path incomplete(const std::string& etag) const;
  std::filesystem::path snapshot(const std::string& commit) const;

  // The commit that a revision stands for here: itself when it is one; nothing when unknown.
  std::optional<std::string> commit_of(const std::string& revision) const;
  void write_ref(const std::string& revision, const std::string& commit) const;

  // snapshots/COMMIT/NAME -> the blob, in place of whatever was there.
  void link(const std::string& commit, const std::string& name, const std::string& etag) const;

  // The files of a model in a snapshot when it is all there, else none: config.json, a tokenizer
  // and safetensors, all shards of an index; or the GGUF file `gguf` with its parts.
  std::vector<FetchedFile> complete(const std::string& commit, const std::string& gguf) const;

 private:
  std::filesystem::path repository_;
};

}  // namespace kvhost
