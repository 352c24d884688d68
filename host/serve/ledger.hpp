// SPDX-License-Identifier: Apache-2.0
// Bytes of cache that were promised, so that nothing is begun that will not fit. Promised on the
// engine's thread; given back on any, because what a request holds ends with it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace kvhost {

class Ledger {
 public:
  explicit Ledger(int64_t most_bytes) : most_bytes_(most_bytes) {}
  int64_t most_bytes() const { return most_bytes_; }
  int64_t promised() const { return *promised_; }

 private:
  friend class Promise;
  int64_t most_bytes_;
  // Outlives the ledger where a promise does.
  std::shared_ptr<std::atomic<int64_t>> promised_ = std::make_shared<std::atomic<int64_t>>(0);
};

// A part of it, given back at the end of its life.
class Promise {
 public:
  Promise(const Ledger& ledger, int64_t bytes) : promised_(ledger.promised_) { change(bytes); }
  ~Promise() { change(0); }
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;

  void change(int64_t bytes) {
    *promised_ += bytes - bytes_;
    bytes_ = bytes;
  }

 private:
  std::shared_ptr<std::atomic<int64_t>> promised_;
  int64_t bytes_ = 0;
};

}  // namespace kvhost
