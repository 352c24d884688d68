// SPDX-License-Identifier: Apache-2.0
#include "engine/sequence.hpp"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.hpp"
#include "engine/sequence_state.hpp"
#include "measure/stopwatch.hpp"

namespace kvhost {

Sequence::Sequence(const Model& model, const Policy& policy, const SequenceOptions& options)
    : state_(std::make_unique<State>(
          model.shared(), std::shared_ptr<const PolicyState>(policy.shared()), options)) {}
Sequence::Sequence(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sequence::~Sequence() = default;
Sequence::Sequence(Sequence&&) noexcept = default;
Sequence& Sequence::operator=(Sequence&&) noexcept = default;

void Sequence::prefill(std::span<const int32_t> tokens, const Progress& progress) {
  if (!state_->tokens.empty())
    bad_request("prefill",
                "the sequence has read " + std::to_string(state_->tokens.size()) +
                    " tokens already; expected a new one, or append()");
  state_->read(tokens, progress, {});
}

void Sequence::append(std::span<const int32_t> tokens, const Progress& progress) {
  state_->read_pending();
  state_->read(tokens, progress, {});
}

std::span<const float> Sequence::logits() {
  state_->read_pending();
  if (state_->logits.empty())
    bad_request("sequence", "has read nothing yet; expected a prefill() before");
  return state_->logits;
}

int32_t Sequence::next() {
  const std::span<const float> choices = logits();
  const auto start = std::chrono::steady_clock::now();
  const int32_t token = state_->sampler.next(choices);
  // A token's time is that of its pass and of choosing it; the first one's pass is the prompt's.
  if (static_cast<int64_t>(state_->tokens.size()) > state_->n_prompt)
    state_->timings.decode_ms += ms_since(start);
  state_->pending = token;
  return token;
}

void Sequence::force(std::span<const int32_t> tokens, const OnLogits& on_logits, int64_t block) {
  constexpr size_t kLargestBlock = 256;  // bounds the logits held at once
  on_logits(0, logits());
  const size_t most = block > 0 ? static_cast<size_t>(block) : kLargestBlock;
  // The last token is not read: nobody asks for what comes after it.
  const size_t n_read = tokens.size() - 1;
  size_t next = 1;
  for (size_t first = 0; first < n_read; first += most) {
    const auto piece = tokens.subspan(first, std::min(most, n_read - first));
    state_->read(piece, {}, [&](const at::Tensor& rows) {
      const at::Tensor held = rows.contiguous();  // [n, vocab_size]
      const auto width = static_cast<size_t>(held.size(1));
      for (int64_t i = 0; i < held.size(0); ++i)
        on_logits(next++, {held.const_data_ptr<float>() + i * held.size(1), width});
    });
  }
  state_->pending = tokens.back();
}

std::vector<double> Sequence::force(std::span<const int32_t> tokens) {
  std::vector<double> logprobs;
  force(tokens, [&](size_t i, std::span<const float> row) {
    logprobs.push_back(log_softmax(row)[static_cast<size_t>(tokens[i])]);
  });
  return logprobs;
}

Sequence Sequence::fork() const {
  state_->read_pending();
  state_->check_usable();
  auto copy = std::make_unique<State>(state_->model, state_->policy, state_->options);
  copy->cache = state_->cache.clone();
  copy->tokens = state_->tokens;
  copy->n_prompt = state_->n_prompt;
  copy->logits = state_->logits;
  copy->renumbered = state_->renumbered;
  copy->memory = state_->memory;
  copy->budget = state_->budget;
  copy->layer_budgets = state_->layer_budgets;
  copy->layers = state_->layers;
  copy->facts = state_->facts;
  if (state_->decode_run)
    copy->decode_run = std::make_unique<DecodeRun>(*state_->decode_run,
                                                   copy->pressed(*state_->policy->decode_press));
  return Sequence(std::move(copy));
}

std::string Sequence::press() const {
  const auto saved = state_->facts.find("press");
  return saved == state_->facts.end() ? state_->policy->text : saved->second;
}

const std::vector<int32_t>& Sequence::tokens() const { return state_->tokens; }
int64_t Sequence::n_prompt_tokens() const { return state_->n_prompt; }
bool Sequence::renumbered() const { return state_->renumbered; }
const Timings& Sequence::timings() const { return state_->timings; }
const BudgetReport& Sequence::budget() const { return state_->budget; }
std::vector<LayerReport> Sequence::layers() const { return state_->layers; }
const std::map<std::string, std::string>& Sequence::facts() const { return state_->facts; }

void Sequence::forget_next() { state_->pending.reset(); }
int64_t Sequence::bytes_kept() const { return state_->cache.bytes_kept(); }

MemoryUse Sequence::memory() const { return state_->memory; }

const std::string& Sequence::observed_name() const { return state_->layer_budgets.observed_name; }

const std::string& Sequence::observed_from() const { return state_->layer_budgets.observed_from; }

const std::vector<std::vector<std::vector<float>>>& Sequence::scores() const {
  return state_->trace.scores;
}

KeptPositions Sequence::kept() const {
  const KvCache& cache = state_->cache;
  KeptPositions all(static_cast<size_t>(cache.layout().n_layers));
  for (int64_t l = 0; l < cache.layout().n_layers; ++l)
    for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) {
      const HeadSpan span = cache.head(l, h);
      all[l].emplace_back(span.positions, span.positions + span.n);
    }
  return all;
}

DecodeReport Sequence::decode_report() const {
  DecodeReport report;
  if (!state_->policy->decode_press) return report;
  const DecodePolicy policy = state_->policy->decode_policy(state_->budget);
  report.press_spec = state_->policy->decode_text;
  report.every = policy.every;
  report.entries_per_head = policy.keep_ratio > 0 ? 0 : policy.entries_per_head;
  report.keep_ratio = policy.keep_ratio;
  if (state_->decode_run) report.cuts = state_->decode_run->cuts();
  return report;
}

std::vector<float> log_softmax(std::span<const float> logits) {
  const float largest = require_usable_logits(logits).largest;
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - largest);
  const double shift = largest + std::log(sum);
  std::vector<float> out;
  out.reserve(logits.size());
  for (const float x : logits) out.push_back(static_cast<float>(x - shift));
  return out;
}

}  // namespace kvhost
