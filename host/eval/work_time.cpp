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
  try_compositions(model, plan, read, std::span(tokens).last(kSteps));
}

// Each composition once, whatever its budgets: what it costs hangs on the text. The first is the
// full cache, which also steps.
void WorkTime::try_compositions(const Model& model,
                                const Plan& plan,
                                std::span<const int32_t> read,
                                std::span<const int32_t> stepped) {
  std::vector<const Setting*> settings;
  for (const Text& text : plan)
    for (const Setting& setting : text.settings)
      if (press_s_.emplace(setting.policy.press(), 0).second) settings.push_back(&setting);
  for (size_t next = 0; next < settings.size();) {
    SharedPrompt prompt(model, {read.begin(), read.end()});
    for (size_t i = next; i < settings.size(); ++i) prompt.add(settings[i]->policy, /*seed=*/0);
    try {
      for (; next < settings.size(); ++next) {
        Sequence sequence = prompt.take({});
        const double s = sequence.timings().prefill_ms / 1e3 / static_cast<double>(read.size());
        if (next == 0) {
          read_s_ = s;
          sequence.force(stepped, [](size_t, std::span<const float>) {}, 1);
          step_s_ = sequence.timings().decode_ms / 1e3 / static_cast<double>(stepped.size());
        }
        press_s_[settings[next]->policy.press()] = std::max(s - read_s_, 0.0);
      }
    } catch (const Error& e) {
      // Not at so short a text, perhaps: when it is measured it is told where.
      if (e.code() == ExitCode::Interrupted || next == 0) throw;
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
