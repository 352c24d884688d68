// SPDX-License-Identifier: Apache-2.0
// Several sequences of one model read tokens together: the weights of a layer are read once for all
// of them. One layer per step, so that whoever schedules may stop between layers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/api.hpp"
#include "engine/sequence.hpp"

namespace kvhost {

class KVHOST_API Batch {
 public:
  explicit Batch(const Model& model);
  ~Batch();

  // Before the first step(). What prefill() or append() would read; a sequence may be added once.
  // It must not be used otherwise until the batch is done, and must outlive it.
  void add(Sequence& sequence, std::span<const int32_t> tokens);
  // The same, and hands out the logits [vocab_size] behind every token that is read, in order:
  // behind the pass that reads it.
  using OnLogits = std::function<void(std::span<const float> logits)>;
  void add(Sequence& sequence, std::span<const int32_t> tokens, OnLogits on_logits);

  // Runs one layer; false when all is read. When it throws, the batch is over and its sequences are
  // no longer of use.
  bool step();
  void run() {
    while (step()) {
    }
  }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kvhost
