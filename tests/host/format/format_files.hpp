// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "temp_folder.hpp"

namespace kvhost::test {

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// A file that holds `bytes`.
class TempFile {
 public:
  explicit TempFile(const std::string& bytes) : path_(folder_.path() / "file.gguf") {
    write_bytes(path_, bytes);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  TempFolder folder_;
  std::filesystem::path path_;
};

}  // namespace kvhost::test
