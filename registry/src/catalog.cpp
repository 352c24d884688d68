// SPDX-License-Identifier: Apache-2.0
#include "registry/catalog.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <tuple>

#include "scan_cache.hpp"
#include "scanner.hpp"

namespace kvhost::registry {
namespace {

namespace fs = std::filesystem;

int64_t now_s() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

// A library that failed may succeed with another describe tool or other folders to find its own
// libraries in.
std::string description_environment(const fs::path& describe) {
  std::error_code absent;
  const auto size = fs::file_size(describe, absent);
  const auto modified = fs::last_write_time(describe, absent).time_since_epoch().count();
  const char* search = std::getenv("LD_LIBRARY_PATH");
  return std::to_string(size) + " " + std::to_string(modified) + " " + (search ? search : "");
}

}  // namespace

Catalog Catalog::scan(const std::vector<fs::path>& folders,
                      const fs::path& describe,
                      const fs::path& cache_file) {
  ScanCache cache(cache_file, description_environment(describe), now_s());
  Scanner scanner(describe, cache);
  for (const fs::path& folder : folders) scanner.add_folder(folder);
  scanner.finish();

  Catalog catalog;
  catalog.methods_ = std::move(scanner.methods);
  catalog.failures_ = std::move(scanner.failures);
  catalog.altered_ = std::move(scanner.altered);
  catalog.shadowed_ = std::move(scanner.shadowed);
  if (!cache.save()) catalog.failures_.push_back({cache_file, "cache", "cannot be written"});
  catalog.sort();
  return catalog;
}

Catalog Catalog::of(std::vector<MethodInfo> methods, std::vector<ScanFailure> failures) {
  Catalog catalog;
  catalog.methods_ = std::move(methods);
  catalog.failures_ = std::move(failures);
  catalog.sort();
  return catalog;
}

void Catalog::sort() {
  std::sort(methods_.begin(), methods_.end(), [](const auto& a, const auto& b) {
    return std::tie(a.kind, a.name) < std::tie(b.kind, b.name);
  });
}

const MethodInfo* Catalog::find(const std::string& name) const {
  for (const MethodInfo& method : methods_) {
    const auto& aliases = method.aliases;
    const bool aliased = std::find(aliases.begin(), aliases.end(), name) != aliases.end();
    if (method.name == name || aliased) return &method;
  }
  return nullptr;
}

std::vector<std::string> Catalog::names() const {
  std::vector<std::string> names;
  for (const MethodInfo& method : methods_) names.push_back(method.name);
  return names;
}

}  // namespace kvhost::registry
