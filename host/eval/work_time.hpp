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

  // At the pace so far.
  double seconds(const Work& work) const;
  // What was to take `guess` by seconds() took `taken`.
  void done(double guess, double taken);

 private:
  double read_s_ = 0, step_s_ = 0;  // a token, in the trial
  double pace_ = 1;                 // to it
  double guessed_ = 0, taken_ = 0;  // by the trial, of all that was done
};

}  // namespace kvhost::eval
