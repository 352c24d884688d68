// SPDX-License-Identifier: Apache-2.0
// Entries that a method puts behind a prompt: its rows are read over the whole cache, with its
// changes of the weights; their keys and values wait outside of the cache until the prompt was cut,
// then stand behind it.
#pragma once

#include <cstddef>
#include <vector>

#include "model/low_rank.hpp"
#include "press/further_reading.hpp"
#include "press/prefill_work.hpp"

namespace kvhost {

// `given` as the decoder takes it. Throws Error where the model has no such matrix, or one of
// another shape.
LowRankChanges low_rank_changes(const Instance& method,
                                const kvh_appended& given,
                                const Weights& weights);

class AppendixRun {
 public:
  // All outlive the run.
  AppendixRun(const PressedSequence& on, const kvh_exec& exec) : on_(on), exec_(exec) {}

  // Reads the method's rows behind the whole prompt and what was read before, and takes them out
  // again.
  void read(const Instance& method);
  // Behind what the cuts left.
  void append();
  int64_t n_rows() const { return n_rows_; }

 private:
  // Of one layer: rows of all heads one after the other, [n_kv_heads, n_rows, head_dim].
  struct Held {
    std::vector<std::byte> keys, values;
  };
  void take(int64_t layer, int64_t n, Held& to) const;
  void put(int64_t layer, const Held& from);

  const PressedSequence& on_;
  const kvh_exec& exec_;
  std::vector<Held> layers_;
  int64_t n_rows_ = 0;
};

}  // namespace kvhost
