// SPDX-License-Identifier: Apache-2.0
// How a sequence reads tokens: a prompt with exact attention and compression behind every layer,
// anything later over what was kept, with cuts when they are due.
#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "engine/sequence_state.hpp"
#include "measure/stopwatch.hpp"

namespace kvhost {

struct Sequence::State::Pass {
  std::vector<int32_t> tokens;
  bool prefill = false, all_logits = false;
  SeenPrompt prompt;
  std::unique_ptr<PrefillRun> press_run;
  int64_t n_seen = 0;  // of the cache before it
  double ms = 0;
  std::optional<Stopwatch> watch;
};

Sequence::State::State(std::shared_ptr<const ModelState> of,
                       std::shared_ptr<const PolicyState> by,
                       const SequenceOptions& with)
    : model(std::move(of)),
      policy(std::move(by)),
      options(with),
      decoder(model->decoder()),
      cache(decoder.cache_layout()),
      sampler(with.sampling) {
  if (policy->model != model)
    bad_request("policy", "was made for another model; expected one of Engine::policy(this model)");
}

void Sequence::State::check_usable() const {
  if (broken)
    run_failed("sequence", "a pass over it was stopped half-way; expected a new sequence");
}

PressedSequence Sequence::State::pressed(const Press& press) {
  return {press, decoder, cache, timings, options.method_seed, /*prompt=*/nullptr, n_prompt};
}

// The prompt for methods that look at its tokens.
void Sequence::State::describe_prompt() {
  SeenPrompt& prompt = pass_->prompt;
  prompt = model->prompt(pass_->tokens);
  prompt.n_question = std::min(options.n_question, static_cast<int64_t>(pass_->tokens.size()));
}

size_t Sequence::State::begin(std::span<const int32_t> given, bool all_logits) {
  check_usable();
  if (given.empty()) bad_request("tokens", "none given; expected at least one");
  const int threads = policy->context().threads;
  if (threads > 0 && num_threads() != threads) set_num_threads(threads);
  pass_ = std::make_shared<Pass>();
  pass_->prefill = tokens.empty();
  pass_->all_logits = all_logits;
  pass_->n_seen = cache.n_seen();
  size_t n = given.size();
  if (!pass_->prefill && policy->decode_press) {
    begin_decode();
    n = std::min(n, static_cast<size_t>(decode_run->n_until_cut()));
  }
  pass_->tokens.assign(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(n));
  pass_->watch.emplace(pass_->ms);
  if (pass_->prefill)
    begin_prefill();
  else if (decode_run)
    decode_run->begin_forward(static_cast<int64_t>(n));
  return n;
}

void Sequence::State::begin_prefill() {
  const auto kv_len = static_cast<int64_t>(pass_->tokens.size());
  n_prompt = kv_len;
  budget = policy->budget(kv_len);
  cache.reset_peak();
  trace = PressTrace{};
  trace.keep_scores = options.keep_scores;
  if (policy->press->none()) return;
  PressedSequence on = pressed(*policy->press);
  if (policy->press->wants_prompt()) {
    describe_prompt();
    on.prompt = &pass_->prompt;
  }
  pass_->press_run = std::make_unique<PrefillRun>(on, budget.entries_total, kv_len, trace);
}

void Sequence::State::begin_decode() {
  if (!decode_run)
    decode_run =
        std::make_unique<DecodeRun>(pressed(*policy->decode_press), policy->decode_policy(budget));
}

Stretch Sequence::State::stretch() {
  Stretch stretch;
  stretch.tokens = pass_->tokens;
  stretch.cache = &cache;
  stretch.all_logits = pass_->all_logits;
  const auto n_seen = cache.n_seen() + static_cast<int64_t>(pass_->tokens.size());
  if (PrefillRun* run = pass_->press_run.get()) {
    stretch.capture = policy->press->capture();
    stretch.sink = [run](int64_t layer, const LayerCapture& capture) {
      run->on_layer(layer, capture);
    };
    return stretch;
  }
  DecodeRun* run = pass_->prefill ? nullptr : decode_run.get();
  if (run) stretch.capture = run->capture();
  stretch.sink = [this, run, n_seen](int64_t layer, const LayerCapture& capture) {
    if (run) run->on_layer(layer, capture);
    drop_unseen(model->config, layer, n_seen, cache);
  };
  return stretch;
}

void Sequence::State::take_last_row(const at::Tensor& rows) {
  const at::Tensor last = rows.select(0, rows.size(0) - 1).contiguous();
  logits.assign(last.const_data_ptr<float>(), last.const_data_ptr<float>() + last.numel());
}

double Sequence::State::passes_share() const {
  return pass_->press_run ? pass_->press_run->passes_share() : 0;
}

void Sequence::State::end(const at::Tensor& rows, const ProgressSink& progress) {
  const ProgressSink watch = [&](double share) {
    policy->context().check();
    if (progress) progress(share);
  };
  if (pass_->press_run) {
    const at::Tensor last = rows.select(0, rows.size(0) - 1);
    pass_->press_run->finish(watch, &last);
  }
  if (!pass_->prefill && decode_run) decode_run->end_forward();
  take_last_row(rows);
  tokens.insert(tokens.end(), pass_->tokens.begin(), pass_->tokens.end());
  pass_->watch.reset();
  if (pass_->prefill)
    end_prefill();
  else
    timings.decode_ms += pass_->ms;
  pass_.reset();
}

void Sequence::State::end_prefill() {
  timings.prefill_ms += pass_->ms;
  const CacheLayout& layout = cache.layout();
  const int64_t all = n_prompt * layout.n_layers * layout.n_kv_heads;
  memory.cache_bytes_full = all * layout.bytes_per_entry();
  memory.cache_bytes_kept = cache.bytes_kept();
  memory.cache_bytes_allocated = cache.bytes_allocated();
  memory.cache_bytes_peak = cache.bytes_peak();
  if (pass_->press_run) {
    memory.cache_bytes_peak += pass_->press_run->peak_extra_bytes();
    layer_budgets = pass_->press_run->budgets();
    renumbered = policy->press->renumbers() || policy->press->n_appended() > 0;
  }
  layers = report_layers();
  if (budget.mode == "decided") {  // a method's own decision is known only now
    budget.entries_total = 0;
    for (const auto& layer : layers) budget.entries_total += layer.budget;
  }
}

std::vector<LayerReport> Sequence::State::report_layers() const {
  std::vector<LayerReport> result;
  for (int64_t l = 0; l < cache.layout().n_layers; ++l) {
    LayerReport layer;
    for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) {
      layer.n_kept.push_back(cache.n_kept(l, h));
      layer.budget += layer.n_kept.back();
    }
    if (!layer_budgets.entries.empty()) layer.budget = layer_budgets.entries[l];
    layer.observed = layer_budgets.observed.empty() ? std::numeric_limits<double>::quiet_NaN()
                                                    : layer_budgets.observed[l];
    result.push_back(std::move(layer));
  }
  return result;
}

void Sequence::State::fail() noexcept {
  broken = true;
  try {
    // What was appended can be forgotten as long as nothing was cut in between.
    const bool cut = decode_run != nullptr;
    if (pass_ && pass_->prefill) {
      cache.clear();
      broken = false;
    } else if (pass_ && !cut) {
      cache.truncate(pass_->n_seen);
      broken = false;
    }
  } catch (...) {
    broken = true;
  }
  pass_.reset();
}

void Sequence::State::read(std::span<const int32_t> given,
                           const Progress& progress,
                           const OnRows& on_rows) {
  const c10::InferenceMode inference;  // no autograd bookkeeping per operator
  const auto all = static_cast<double>(given.size());
  double done = 0;
  while (!given.empty()) {
    const size_t n = begin(given, on_rows != nullptr);
    at::Tensor rows;
    try {
      std::vector<Stretch> one;
      one.push_back(stretch());
      Forward forward(decoder, std::move(one));
      const double again = passes_share();
      const auto told = [&](double share) {
        if (progress) progress((done + share * static_cast<double>(n)) / all);
      };
      const ProgressSink watch = [&](double share) {
        policy->context().check();
        told(share * (1 - again));
      };
      while (forward.step(n > 1 ? watch : ProgressSink{})) {
      }
      rows = forward.logits(0);
      end(rows, [&](double share) { told(1 - again + share * again); });
    } catch (...) {
      fail();
      throw;
    }
    if (on_rows) on_rows(rows);
    done += static_cast<double>(n);
    given = given.subspan(n);
  }
}

void Sequence::State::read_pending() {
  if (!pending) return;
  const int32_t token = *pending;
  read({&token, 1}, {}, {});
  pending.reset();
}

}  // namespace kvhost
