// SPDX-License-Identifier: Apache-2.0
#include "serve/answer.hpp"

#include <algorithm>

#include "serve/logprobs.hpp"

namespace kvhost {
namespace {

double ms_between(Answer::Clock::time_point a, Answer::Clock::time_point b) {
  return std::chrono::duration<double, std::milli>(b - a).count();
}

SamplingOptions nth_sampling(SamplingOptions options, int nth) {
  options.seed += static_cast<uint64_t>(nth);
  return options;
}

}  // namespace

Answer::Answer(Sequence sequence, const Task& task, int nth, int64_t most_tokens)
    : model_(task.model),
      sequence_(std::move(sequence)),
      options_(task.answer),
      choice_(task.first_choice + nth),
      most_tokens_(std::min(task.answer.max_new_tokens, most_tokens)),
      outlet_(task.outlet),
      sampler_(nth_sampling(task.answer.sampling, nth)),
      text_(task.model.tokenizer(), task.answer.stop),
      submitted_(task.submitted),
      last_(task.submitted) {
  if (task.answer.form) form_.emplace(task.answer.form);
}

// What was said already counts less, or more.
int32_t Answer::sample(std::span<const float> logits) {
  const bool penalised = options_.presence_penalty != 0 || options_.frequency_penalty != 0;
  if (options_.logit_bias.empty() && !penalised && !form_) return sampler_.next(logits);
  changed_.assign(logits.begin(), logits.end());
  for (const auto& [token, bias] : options_.logit_bias)
    changed_[static_cast<size_t>(token)] += bias;
  if (penalised)
    for (const auto& [token, n] : used_)
      changed_[static_cast<size_t>(token)] -= static_cast<float>(
          options_.presence_penalty + options_.frequency_penalty * static_cast<double>(n));
  if (form_) form_->restrict(model_, changed_);
  return sampler_.next(changed_);
}

std::optional<int32_t> Answer::choose() {
  if (n_tokens_ >= most_tokens_) {
    done("length");
    return std::nullopt;
  }
  const std::span<const float> logits = sequence_.logits();
  const int32_t token = sample(logits);
  const auto now = Clock::now();
  last_ms_ = ms_between(last_, now);
  last_ = now;
  if (n_tokens_++ == 0) ttft_ms_ = last_ms_;
  ++used_[token];
  TokenChosen event{choice_, token, "", std::nullopt};
  if (options_.n_logprobs) event.logprob = token_logprob(logits, token, *options_.n_logprobs);
  const bool ended = model_.is_eos(token) && !options_.ignore_eos;
  stopped_ = !ended && !text_.push(token);
  event.text = text_.take_new();
  outlet_->put(std::move(event));
  if (form_ && !ended) form_->take(token);
  const bool complete = ended || stopped_ || (form_ && form_->over());
  if (complete || n_tokens_ >= most_tokens_) {
    done(complete ? "stop" : "length");
    return std::nullopt;
  }
  return token;
}

void Answer::done(const std::string& reason) {
  text_.finish();
  AnswerDone event;
  event.choice = choice_;
  event.text = text_.take_new();
  event.finish_reason = reason;
  event.stop = stopped_ ? text_.stop() : "";
  event.n_tokens = n_tokens_;
  event.ttft_ms = ttft_ms_;
  if (n_tokens_ > 1)
    event.tpot_ms =
        (ms_between(submitted_, last_) - ttft_ms_) / static_cast<double>(n_tokens_ - 1);
  outlet_->put(std::move(event));
}

}  // namespace kvhost
