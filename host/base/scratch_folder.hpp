// SPDX-License-Identifier: Apache-2.0
// A folder for files that nobody keeps.
#pragma once

#include <filesystem>
#include <string>

namespace kvhost {

// Gone with what is in it at the end.
class ScratchFolder {
 public:
  // `name` is a part of what it is called. Throws Error(RunFailed) where there is no room for one.
  explicit ScratchFolder(const std::string& name);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace kvhost
