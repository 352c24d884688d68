// SPDX-License-Identifier: Apache-2.0
// How long work takes: guessed from a short trial, then from what has been done.
#pragma once

#include <map>
#include <span>
#include <string>

#include "engine/engine.hpp"
#include "eval/plan.hpp"

namespace kvhost::eval {

class WorkTime {
 public:
  // Reads 256 tokens for all compositions of `plan` at once and steps through 8, the weights too if
  // nobody has. `plan` is not empty.
  WorkTime(const Model& model, const Plan& plan);

  // At the pace so far.
  double seconds(const Work& work) const;
  // What `setting` does for itself, beside the reading, with a text of `n` tokens.
  double seconds_to_compress(const Setting& setting, int64_t n) const;
  // What was to take `guess` by the above took `taken`.
  void done(double guess, double taken);

 private:
  void try_compositions(const Model& model,
                        const Plan& plan,
                        std::span<const int32_t> read,
                        std::span<const int32_t> stepped);

  double read_s_ = 0, step_s_ = 0;          // a token, in the trial
  std::map<std::string, double> press_s_;   // a token, by composition, in the trial
  double pace_ = 1;                         // to it
  double guessed_ = 0, taken_ = 0;          // by the trial, of all that was done
};

}  // namespace kvhost::eval
