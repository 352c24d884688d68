// SPDX-License-Identifier: Apache-2.0
// One answer under way: chooses tokens by the logits of its sequence and tells of them. Whoever
// owns it has them read.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>

#include "engine/sampler.hpp"
#include "engine/sequence.hpp"
#include "engine/text_out.hpp"
#include "serve/form.hpp"
#include "serve/outlet.hpp"
#include "serve/task.hpp"

namespace kvhost {

class Answer {
 public:
  using Clock = std::chrono::steady_clock;

  // `most_tokens`: what the context leaves. `nth`: of the answers to one prompt.
  Answer(Sequence sequence, const Task& task, int nth, int64_t most_tokens);

  // The next token, which is to be read before the next call; nothing: the answer is done, and told
  // so. Throws Error where the logits cannot be used.
  std::optional<int32_t> choose();
  const Model& model() const { return model_; }
  Sequence& sequence() { return sequence_; }
  const Sequence& sequence() const { return sequence_; }
  Outlet& outlet() const { return *outlet_; }
  const std::shared_ptr<Outlet>& shared_outlet() const { return outlet_; }
  int64_t n_tokens() const { return n_tokens_; }
  // Milliseconds since the token before, or since the request came.
  double last_ms() const { return last_ms_; }

 private:
  int32_t sample(std::span<const float> logits);
  void done(const std::string& reason);

  Model model_;
  Sequence sequence_;
  AnswerOptions options_;
  int choice_;
  int64_t most_tokens_;
  std::shared_ptr<Outlet> outlet_;
  Sampler sampler_;
  TextOut text_;
  std::optional<FormState> form_;
  std::map<int32_t, int64_t> used_;  // tokens of the answer, how often
  std::vector<float> changed_;       // logits after bias and penalties
  int64_t n_tokens_ = 0;
  bool stopped_ = false;
  Clock::time_point submitted_, last_;
  double ttft_ms_ = 0, last_ms_ = 0;
};

}  // namespace kvhost
