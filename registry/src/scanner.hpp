// SPDX-License-Identifier: Apache-2.0
// Folders to methods: which libraries lie there, what their manifests say, and who wins where names
// collide.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "manifest.hpp"
#include "registry/catalog.hpp"
#include "scan_cache.hpp"

namespace kvhost::registry {

class Scanner {
 public:
  Scanner(std::filesystem::path describe, ScanCache& cache)
      : describe_(std::move(describe)), cache_(cache) {}

  // Folders are given in order of precedence.
  void add_folder(const std::filesystem::path& folder);
  // After the last folder: methods whose name another library brings too say so.
  void finish();

  std::vector<MethodInfo> methods;
  std::vector<ScanFailure> failures;
  std::vector<Altered> altered;
  std::vector<Shadowed> shadowed;

 private:
  struct Owner {
    std::filesystem::path library;
    size_t folder;
  };

  void add_library(const std::filesystem::path& library);
  // `reason` is set when the manifest beside the library is of other bytes, whatever comes of it.
  Manifest manifest_of(const std::filesystem::path& library, std::string& reason);
  Manifest described(const std::filesystem::path& library, const std::string& sha256);
  Manifest describe(const std::filesystem::path& library, const std::string& sha256);
  std::chrono::milliseconds time_left();
  bool claim(const std::string& name, const std::filesystem::path& library);
  void add_method(MethodInfo method, const std::filesystem::path& library);
  void report_orphans(const std::filesystem::path& folder);

  std::filesystem::path describe_;
  ScanCache& cache_;
  std::vector<std::filesystem::path> folders_;
  std::map<std::string, Owner> owners_;  // by name and alias
  std::chrono::milliseconds describing_{0};  // spent on libraries without a manifest so far
};

}  // namespace kvhost::registry
