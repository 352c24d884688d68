// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "fetch/digest.hpp"

namespace kvhost {

// What a file must be once it is whole.
struct Expected {
  int64_t bytes = 0;
  Checksum checksum;
};

// A file that grows: what an earlier run left of it is gone on with, what this one leaves stays
// for the next. Locked, so that two runs do not write the same one. Throws Error(RunFailed) when
// the disk is full or the file cannot be written.
class PartialFile {
 public:
  PartialFile(std::filesystem::path path, const Expected& expected);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  int64_t size() const { return size_; }
  bool is_whole() const { return size_ == expected_.bytes; }
  void append(const char* bytes, size_t n);
  void restart();  // throws away what there is

  // True when the bytes are the expected ones. Once; then `restart`, `publish` or the end.
  bool matches();
  void publish(const std::filesystem::path& target);  // takes its place
  void discard();

 private:
  void read_existing();

  std::filesystem::path path_;
  Expected expected_;
  Digest digest_;
  int fd_ = -1;
  int64_t size_ = 0;
};

// Throws Error(RunFailed) when the file system that holds `folder`, or will, has not so much room.
void check_room(const std::filesystem::path& folder, int64_t bytes);

}  // namespace kvhost
