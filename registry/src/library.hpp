// SPDX-License-Identifier: Apache-2.0
// One opened library and the plugin object in it.
#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "kvhost/plugin.h"
#include "plain_text.hpp"

namespace boost::dll {
class shared_library;
}

namespace kvhost::registry {

// Why a library cannot be used: the stage it got to and one line of reason.
class Refusal : public std::runtime_error {
 public:
  Refusal(std::string stage, const std::string& reason)
      : std::runtime_error(plain(reason)), stage_(std::move(stage)) {}
  const std::string& stage() const { return stage_; }

 private:
  std::string stage_;  // "manifest", "describe", "load" or "busy", see Scanner
};

// What a host speaks: plugins of minor `oldest` and later run on it, and it offers everything up to
// `minor`.
struct AbiRange {
  uint32_t major = KVH_ABI_MAJOR;
  uint32_t minor = KVH_ABI_MINOR;
  uint32_t oldest = 0;
};

class Library {
 public:
  // Opens `path` with everything bound at once and nothing made visible to other libraries. Throws
  // Refusal("load").
  explicit Library(const std::filesystem::path& path);

  // The exported object, with magic, size and versions checked. Throws Refusal("load").
  const kvh_plugin& plugin(const AbiRange& host) const;

  // DT_NEEDED: the libraries it was linked with.
  std::vector<std::string> needed() const;
  // "torch" when it was linked with libtorch, else "portable".
  std::string tier() const;

 private:
  std::shared_ptr<boost::dll::shared_library> handle_;
};

// Magic, size and version of a plugin object against the host's; throws Refusal("load").
void check_plugin_header(const kvh_plugin& plugin, const AbiRange& host);

}  // namespace kvhost::registry
