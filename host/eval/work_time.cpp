// SPDX-License-Identifier: Apache-2.0
#include "eval/work_time.hpp"

#include <algorithm>
#include <vector>

namespace kvhost::eval {

WorkTime::WorkTime(const Model& model, const Policy& full) {
  constexpr int64_t kRead = 256, kSteps = 8;
  model.load();
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < kRead + kSteps; ++i)
    tokens.push_back(static_cast<int32_t>((i * 7919 + 13) % model.vocab_size()));
  const int64_t n_read = model.max_positions() > 0
                             ? std::clamp<int64_t>(model.max_positions() - kSteps, 1, kRead)
                             : kRead;
  Sequence sequence(model, full);
  sequence.prefill(std::span(tokens).first(static_cast<size_t>(n_read)));
  sequence.force(std::span(tokens).last(kSteps), [](size_t, std::span<const float>) {}, 1);
  read_s_ = sequence.timings().prefill_ms / 1e3 / static_cast<double>(n_read);
  step_s_ = sequence.timings().decode_ms / 1e3 / static_cast<double>(kSteps);
}

double WorkTime::seconds(const Work& work) const {
  return pace_ * (read_s_ * static_cast<double>(work.n_read) +
                  step_s_ * static_cast<double>(work.n_stepped));
}

void WorkTime::done(double guess, double taken) {
  guessed_ += guess / pace_;
  taken_ += taken;
  if (guessed_ > 0 && taken_ > 0) pace_ = taken_ / guessed_;
}

}  // namespace kvhost::eval
