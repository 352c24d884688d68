// SPDX-License-Identifier: Apache-2.0
// An array that is handed to a plugin, between two strips that must stay as they are: whoever
// writes before or behind it is found out, and the heap is not hurt.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

namespace kvhost {

template <class T>
class Fenced {
 public:
  Fenced() = default;
  Fenced(size_t n, const T& value) : n_(n), all_(n + 2 * kStrip) {
    std::fill_n(data(), n, value);
    std::memset(all_.data(), kMark, kStrip * sizeof(T));
    std::memset(data() + n, kMark, kStrip * sizeof(T));
  }

  T* data() { return all_.data() + kStrip; }
  const T* data() const { return all_.data() + kStrip; }
  size_t size() const { return n_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + n_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + n_; }

  // "" or where was written: "before" or "behind" it.
  const char* broken() const {
    if (n_ == 0 && all_.empty()) return "";
    return !is_whole(all_.data()) ? "before" : !is_whole(data() + n_) ? "behind" : "";
  }

 private:
  static constexpr size_t kStrip = std::max<size_t>(64 / sizeof(T), 1);
  static constexpr unsigned char kMark = 0xa5;

  static bool is_whole(const T* strip) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(strip);
    return std::all_of(bytes, bytes + kStrip * sizeof(T), [](unsigned char byte) {
      return byte == kMark;
    });
  }

  size_t n_ = 0;
  std::vector<T> all_;
};

}  // namespace kvhost
