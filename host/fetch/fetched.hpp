// SPDX-License-Identifier: Apache-2.0
// What fetching is asked to do along the way, and what came of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.hpp"
#include "fetch/requests.hpp"

namespace kvhost {

struct FetchOptions {
  Context context;
  // Of everything that has to come: `arrived` of `total` bytes, `file` is under way.
  std::function<void(std::string_view file, int64_t arrived, int64_t total)> progress;  // or empty
  Patience patience;
};

struct FetchedFile {
  std::string name;
  std::filesystem::path path;
  int64_t bytes = 0;
  bool came = false;    // over the network, now; else it was there
  std::string checked;  // "sha256", "git blob id", "size"
};

struct Fetched {
  std::string source;            // where from, as a URL
  std::string revision, commit;  // of the hub; else ""
  std::filesystem::path folder;  // that holds the files
  std::filesystem::path model;   // what --model takes: that folder, or a GGUF file in it
  std::vector<FetchedFile> files;
  bool asked = false;  // a server; false when everything was there
};

}  // namespace kvhost
