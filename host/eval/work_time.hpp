// SPDX-License-Identifier: Apache-2.0
// How long work takes: guessed from a short trial, then from what has been done.
#pragma once

#include "engine/engine.hpp"
#include "eval/plan.hpp"

namespace kvhost::eval {

class WorkTime {
 public:
  // Reads 256 tokens and steps through 8, the weights too if nobody has.
  WorkTime(const Model& model, const Policy& full);

  double seconds(const Work& work) const;
  void done(const Work& work, double seconds);

 private:
  double read_s_ = 0, step_s_ = 0;     // a token
  double guessed_ = 0, measured_ = 0;  // seconds of all that was done
};

}  // namespace kvhost::eval
