// SPDX-License-Identifier: Apache-2.0
// Bytes of cache that were promised, so that nothing is begun that will not fit. On the engine's
// thread.
#pragma once

#include <cstdint>

namespace kvhost {

class Ledger {
 public:
  explicit Ledger(int64_t most_bytes) : most_bytes_(most_bytes) {}
  int64_t most_bytes() const { return most_bytes_; }
  int64_t promised() const { return promised_; }

 private:
  friend class Promise;
  int64_t most_bytes_, promised_ = 0;
};

// A part of it, given back at the end of its life.
class Promise {
 public:
  Promise(Ledger& ledger, int64_t bytes) : ledger_(&ledger) { change(bytes); }
  ~Promise() { change(0); }
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;

  void change(int64_t bytes) {
    ledger_->promised_ += bytes - bytes_;
    bytes_ = bytes;
  }

 private:
  Ledger* ledger_;
  int64_t bytes_ = 0;
};

}  // namespace kvhost
