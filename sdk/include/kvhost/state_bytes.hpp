// SPDX-License-Identifier: Apache-2.0
// States of sequences as bytes, for saved caches: one list of a state's fields serves both ways.
//
//   struct Sequence {
//     static constexpr bool copies = true;
//     template <typename Fields>
//     void fields(Fields& all) {
//       all(n_counted), all(votes);
//     }
//     int64_t n_counted = 0;
//     std::vector<std::vector<float>> votes;
//   };
//
// A field is a number, a pair, a vector, or a struct that has fields() itself.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "error.hpp"

namespace kvhost::sdk {

class StateWriter {
 public:
  const std::vector<uint8_t>& bytes() const { return bytes_; }

  template <typename T>
  void operator()(T& value) {
    if constexpr (std::is_arithmetic_v<T>)
      add(&value, sizeof value);
    else
      value.fields(*this);
  }
  template <typename A, typename B>
  void operator()(std::pair<A, B>& both) {
    (*this)(both.first);
    (*this)(both.second);
  }
  template <typename T>
  void operator()(std::vector<T>& list) {
    static_assert(!std::is_same_v<T, bool>, "std::vector<bool> holds no bools; keep chars");
    auto n = static_cast<int64_t>(list.size());
    add(&n, sizeof n);
    if constexpr (std::is_arithmetic_v<T>) {
      add(list.data(), list.size() * sizeof(T));
    } else {
      for (T& value : list) (*this)(value);
    }
  }

 private:
  void add(const void* from, size_t n) {
    const auto* bytes = static_cast<const uint8_t*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + n);
  }

  std::vector<uint8_t> bytes_;
};

// Believes nothing: the bytes were in a file. [throws] KVH_E_RESOURCE where they end too early.
class StateReader {
 public:
  StateReader(const uint8_t* bytes, int64_t n) : next_(bytes), left_(static_cast<size_t>(n)) {}

  template <typename T>
  void operator()(T& value) {
    if constexpr (std::is_arithmetic_v<T>)
      take(&value, sizeof value);
    else
      value.fields(*this);
  }
  template <typename A, typename B>
  void operator()(std::pair<A, B>& both) {
    (*this)(both.first);
    (*this)(both.second);
  }
  template <typename T>
  void operator()(std::vector<T>& list) {
    int64_t n = 0;
    take(&n, sizeof n);
    // Whatever an element is, it takes a byte or more: no count asks for more memory than the file.
    if (n < 0 || static_cast<uint64_t>(n) > left_) refuse();
    list.clear();
    if constexpr (std::is_arithmetic_v<T>) {
      if (static_cast<uint64_t>(n) > left_ / sizeof(T)) refuse();
      list.resize(static_cast<size_t>(n));
      take(list.data(), list.size() * sizeof(T));
    } else {
      for (int64_t i = 0; i < n; ++i) (*this)(list.emplace_back());
    }
  }
  // That nothing is left.
  void end() const {
    if (left_ > 0) refuse();
  }

 private:
  [[noreturn]] static void refuse() {
    throw Error(KVH_E_RESOURCE,
                "",
                "the bytes of its state are of another form; expected what it saved itself");
  }
  void take(void* to, size_t n) {
    if (n > left_) refuse();
    if (n > 0) std::memcpy(to, next_, n);
    next_ += n;
    left_ -= n;
  }

  const uint8_t* next_;
  size_t left_;
};

// Whether `struct Sequence` lists its fields; then it is saved with its sequence and loaded.
template <typename S, typename = void>
struct HasFields : std::false_type {};
template <typename S>
struct HasFields<S,
                 std::void_t<decltype(std::declval<S&>().fields(std::declval<StateWriter&>())),
                             decltype(std::declval<S&>().fields(std::declval<StateReader&>()))>>
    : std::true_type {};

// Whether it has void truncate(int64_t n_seen), see sequence.h.
template <typename S, typename = void>
struct HasTruncate : std::false_type {};
template <typename S>
struct HasTruncate<S, std::void_t<decltype(std::declval<S&>().truncate(int64_t{}))>>
    : std::true_type {};

}  // namespace kvhost::sdk
