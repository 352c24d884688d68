// SPDX-License-Identifier: Apache-2.0
// What earlier scans learned, so that unchanged libraries are neither hashed nor described again.
// It may be deleted at any time; the identity of a library is its SHA-256, (path, size, times,
// inode) only saves computing it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "registry/catalog.hpp"

namespace kvhost::registry {

class ScanCache {
 public:
  // `environment` is whatever else a description depends on: when it differs from the stored one,
  // failures are tried again. `now` is in seconds since the epoch.
  ScanCache(std::filesystem::path file, std::string environment, int64_t now);

  // Of the library's bytes; throws std::runtime_error when it cannot be read.
  std::string sha256(const std::filesystem::path& library);

  // The manifest that kvhost-describe printed for these bytes, or null.
  const nlohmann::json* described(const std::string& sha256) const;
  void remember(const std::string& sha256, const nlohmann::json& manifest);

  // A failure that is still to be believed: after 1 minute, then 1 hour, then 1 day it is tried
  // again.
  std::optional<ScanFailure> failed(const std::string& sha256) const;
  void remember_failure(const std::string& sha256, const ScanFailure& failure);

  // Written beside and renamed. False when it cannot be written.
  bool save() const;

 private:
  std::filesystem::path file_;  // "" = nothing is kept
  std::string environment_;
  int64_t now_;
  nlohmann::json root_;
  bool changed_ = false;
};

}  // namespace kvhost::registry
