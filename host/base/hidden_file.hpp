// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace kvhost {

struct Descriptor {
  explicit Descriptor(int opened) : fd(opened) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  // Some file systems tell only here that the bytes did not fit.
  bool close();
  int fd;
};

// A file in a folder that vanishes with the process until `publish`. Where the file system has no
// files without a name, it has one from the start: the destructor removes it, or, when the process
// was killed, the next one that writes into this folder. A lock tells which are still written, also
// by processes that cannot be seen from here.
class HiddenFile {
 public:
  explicit HiddenFile(const std::filesystem::path& folder);
  ~HiddenFile();
  HiddenFile(const HiddenFile&) = delete;
  HiddenFile& operator=(const HiddenFile&) = delete;

  int fd() const { return file_.fd; }  // -1, with errno: it could not be made

  // Takes the place of `target`, so that a loss of power from now on leaves this file, whole, and
  // one before left the old one. False, with errno, when that failed.
  bool publish(const std::filesystem::path& target);

 private:
  std::filesystem::path folder_, name_;
  Descriptor file_;
  bool named_ = false;
};

}  // namespace kvhost
