// SPDX-License-Identifier: Apache-2.0
// Folders of plugins made for one test, and removed after it.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "registry/catalog.hpp"
#include "temp_folder.hpp"

namespace fs = std::filesystem;
namespace registry = kvhost::registry;

using kvhost::test::TempFolder;

inline fs::path library_name(const std::string& name) { return "lib" + name + ".so"; }
inline fs::path manifest_name(const std::string& name) { return "lib" + name + ".kvh.json"; }

// A plugin that scans well, with its manifest.
inline void put_good(const fs::path& folder, const std::string& name) {
  const fs::path zoo = ZOO_RUN;
  fs::copy_file(zoo / library_name(name), folder / library_name(name));
  fs::copy_file(zoo / manifest_name(name), folder / manifest_name(name));
}

// A plugin without a manifest.
inline void put_bare(const fs::path& folder,
                     const std::string& name,
                     const fs::path& zoo = ZOO_HOSTILE) {
  fs::copy_file(zoo / library_name(name), folder / library_name(name));
}

inline void write_text(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline registry::Catalog scan(const std::vector<fs::path>& folders, const fs::path& cache = "") {
  // With sanitizers, let a crash be the signal it is rather than a report.
  setenv("ASAN_OPTIONS", "handle_segv=0:handle_abort=0:detect_leaks=0", 1);
  return registry::Catalog::scan(folders, DESCRIBE, cache);
}
