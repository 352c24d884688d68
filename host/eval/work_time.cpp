// SPDX-License-Identifier: Apache-2.0
#include "eval/work_time.hpp"

#include <algorithm>
#include <vector>

#include "eval/shared_prompt.hpp"

namespace kvhost::eval {

WorkTime::WorkTime(const Model& model, const Plan& plan) {
  constexpr int64_t kRead = 256, kSteps = 8;
  model.load();
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < kRead + kSteps; ++i)
    tokens.push_back(static_cast<int32_t>((i * 7919 + 13) % model.vocab_size()));
  const int64_t n_read = model.max_positions() > 0
                             ? std::clamp<int64_t>(model.max_positions() - kSteps, 1, kRead)
                             : kRead;
  const auto read = std::span(tokens).first(static_cast<size_t>(n_read));
  Sequence sequence(model, plan.front().settings.front().policy);
  sequence.prefill(read);
  sequence.force(std::span(tokens).last(kSteps), [](size_t, std::span<const float>) {}, 1);
  read_s_ = sequence.timings().prefill_ms / 1e3 / static_cast<double>(n_read);
  step_s_ = sequence.timings().decode_ms / 1e3 / static_cast<double>(kSteps);
  try_compositions(model, plan, read);
}

// Each composition once, whatever its budgets: what it costs hangs on the text.
void WorkTime::try_compositions(const Model& model,
                                const Plan& plan,
                                std::span<const int32_t> tokens) {
  std::vector<const Setting*> settings;
  for (const Text& text : plan)
    for (const Setting& setting : text.settings)
      if (press_s_.emplace(setting.policy.press(), 0).second) settings.push_back(&setting);
  const auto n = static_cast<double>(tokens.size());
  for (size_t next = 0; next < settings.size();) {
    SharedPrompt prompt(model, {tokens.begin(), tokens.end()});
    for (size_t i = next; i < settings.size(); ++i) prompt.add(settings[i]->policy, /*seed=*/0);
    try {
      while (next < settings.size()) {
        const double s = prompt.take({}).timings().prefill_ms / 1e3 / n;
        if (next == 0) read_s_ = s;  // the full cache, of the same reading as the others
        press_s_[settings[next++]->policy.press()] = std::max(s - read_s_, 0.0);
      }
    } catch (const Error& e) {
      // Not at so short a text, perhaps: when it is measured it is told where.
      if (e.code() == ExitCode::Interrupted) throw;
      ++next;
    }
  }
}

double WorkTime::seconds(const Work& work) const {
  return pace_ * (read_s_ * static_cast<double>(work.n_read) +
                  step_s_ * static_cast<double>(work.n_stepped));
}

double WorkTime::seconds_to_compress(const Setting& setting, int64_t n) const {
  const auto found = press_s_.find(setting.policy.press());
  return found == press_s_.end() ? 0 : pace_ * found->second * static_cast<double>(n);
}

void WorkTime::done(double guess, double taken) {
  guessed_ += guess / pace_;
  taken_ += taken;
  if (guessed_ > 0 && taken_ > 0) pace_ = taken_ / guessed_;
}

}  // namespace kvhost::eval
