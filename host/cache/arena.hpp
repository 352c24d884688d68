// SPDX-License-Identifier: Apache-2.0
// Memory of a cache: page-granular mappings that grow and shrink in place and whose tail really
// goes back to the system.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kvhost {

// Counts what the regions of one cache hold from the system.
class Arena {
 public:
  int64_t bytes() const { return bytes_; }
  int64_t peak() const { return peak_; }
  void reset_peak() { peak_ = bytes_; }

 private:
  friend class Region;
  void count(int64_t change);

  int64_t bytes_ = 0, peak_ = 0;
};

// One mapping. Empty regions hold nothing.
class Region {
 public:
  explicit Region(Arena* arena) : arena_(arena) {}
  ~Region();
  Region(Region&& other) noexcept;
  Region& operator=(Region&&) = delete;

  void swap(Region& other) noexcept;  // both of one arena

  std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }  // whole pages

  // Holds at least `bytes` afterwards, in whole pages; 0 gives all of it back. The contents up to
  // the smaller size stay, the address may change. Throws Error(RunFailed) with the sizes when the
  // system refuses; the region is then as before.
  void resize(int64_t bytes);

 private:
  Arena* arena_;
  std::byte* data_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace kvhost
