// SPDX-License-Identifier: Apache-2.0
#include "model/forward.hpp"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "model/layer_pass.hpp"
#include "model/linear.hpp"
#include "model/weights.hpp"

namespace kvhost {

namespace {

void check_tokens(std::span<const int32_t> tokens, int64_t vocab_size) {
  if (tokens.empty()) run_failed("tokens", "none given; expected at least one");
  for (const int32_t token : tokens)
    if (token < 0 || token >= vocab_size)
      run_failed(
          "tokens",
          "id " + std::to_string(token) + "; expected 0 to " + std::to_string(vocab_size - 1));
}

at::Tensor embed(const Weights& weights, const std::vector<Stretch>& stretches) {
  if (stretches.size() == 1 && stretches[0].rows) return stretches[0].rows->clone();
  std::vector<int32_t> all;
  for (const auto& stretch : stretches)
    all.insert(all.end(), stretch.tokens.begin(), stretch.tokens.end());
  at::Tensor x = weights.tensors().embedding.gather(all, weights.dtype());
  const double scale = weights.config().embedding_factor(weights.dtype());
  return scale == 1 ? x : x.mul_(scale);  // [n_rows, hidden_size]
}

at::Tensor bounded_logits(const ModelConfig& config, at::Tensor logits) {
  if (config.logit_divisor != 1) logits.div_(config.logit_divisor);
  if (config.logit_softcap > 0)
    logits.div_(config.logit_softcap).tanh_().mul_(config.logit_softcap);
  return logits;
}

at::Tensor logits_of(const Weights& weights, const at::Tensor& x) {
  const auto& tensors = weights.tensors();
  const at::Tensor normed = apply_norm(weights.config(), weights.dtype(), tensors.final_norm, x);
  return bounded_logits(  // float32 [n, vocab_size]
      weights.config(), wide_linear(weights.dtype(), tensors.lm_head, normed));
}

void each_chunk(const Weights& weights,
                const at::Tensor& x,
                const std::function<void(const at::Tensor& rows)>& take) {
  constexpr int64_t kChunk = 128;  // rows of the vocabulary's width are long
  const int64_t n_tokens = x.size(0);
  for (int64_t first = 0; first < n_tokens; first += kChunk)
    take(logits_of(weights, x.narrow(0, first, std::min(kChunk, n_tokens - first))));
}

at::Tensor all_logits_of(const Weights& weights, const at::Tensor& x) {
  at::Tensor out = at::empty({x.size(0), weights.config().vocab_size}, at::kFloat);
  int64_t first = 0;
  each_chunk(weights, x, [&](const at::Tensor& rows) {
    out.narrow(0, first, rows.size(0)).copy_(rows);
    first += rows.size(0);
  });
  return out;
}

}  // namespace

struct Forward::State {
  State(const Decoder& decoder, std::vector<Stretch> given)
      : weights(decoder.weights()), stretches(std::move(given)) {
    for (const auto& stretch : stretches) {
      check(stretch);
      const int64_t n =
          stretch.rows ? stretch.rows->size(0) : static_cast<int64_t>(stretch.tokens.size());
      const int64_t first_position = stretch.cache->n_seen();
      const int64_t n_first = first_position == 0 ? n : stretch.cache->n_first();
      rows.push_back({PositionTables(weights.config(), n_first, first_position, n),
                      &stretch.capture,
                      stretch.cache,
                      first_position,
                      n,
                      n_rows,
                      stretch.changes});
      n_rows += n;
    }
    const c10::NoGradGuard no_grad;
    x = embed(weights, stretches);
  }

  // Rows and changes go alone: the residual stream of other stretches is made of tokens.
  void check(const Stretch& stretch) const {
    if ((stretch.rows || stretch.changes) && stretches.size() > 1)
      run_failed("rows", "given beside other stretches; expected a pass of their own");
    if (!stretch.rows) return check_tokens(stretch.tokens, weights.config().vocab_size);
    if (stretch.rows->dim() != 2 || stretch.rows->size(0) < 1 ||
        stretch.rows->size(1) != weights.config().hidden_size)
      run_failed("rows",
                 "of another shape; expected 1 or more of " +
                     std::to_string(weights.config().hidden_size) + " numbers");
  }

  // The last tokens of all stretches in one product.
  void read_out() {
    std::vector<int64_t> last;
    for (const auto& stretch : rows) last.push_back(stretch.first_row + stretch.n_tokens - 1);
    last_logits = logits_of(weights, x.index_select(0, at::tensor(last, at::kLong)));
  }

  const Weights& weights;
  std::vector<Stretch> stretches;
  std::vector<StretchRows> rows;
  int64_t n_rows = 0, layer = 0;
  at::Tensor x;            // [n_rows, hidden_size], the residual stream
  at::Tensor last_logits;  // [n_stretches, vocab_size], once done
};

Forward::Forward(const Decoder& decoder, std::vector<Stretch> stretches)
    : state_(std::make_unique<State>(decoder, std::move(stretches))) {}
Forward::~Forward() = default;

bool Forward::done() const { return state_->layer == state_->weights.config().n_layers; }

bool Forward::step(const ProgressSink& progress) {
  if (done()) return false;
  const c10::NoGradGuard no_grad;
  State& s = *state_;
  const int64_t n_layers = s.weights.config().n_layers;
  const double all_work = static_cast<double>(n_layers) * static_cast<double>(s.n_rows);
  LayerPass pass(s.weights, s.rows, s.layer);
  pass.run(s.x, [&](int64_t rows_done) {
    if (progress) progress(static_cast<double>(s.layer * s.n_rows + rows_done) / all_work);
  });
  for (size_t i = 0; i < s.stretches.size(); ++i)
    if (s.stretches[i].sink) s.stretches[i].sink(s.layer, pass.captured(i));
  if (++s.layer < n_layers) return true;
  for (const auto& rows : s.rows) rows.cache->advance(rows.n_tokens);
  s.read_out();
  return true;
}

at::Tensor Forward::logits(size_t stretch) const {
  const c10::NoGradGuard no_grad;
  const StretchRows& rows = state_->rows[stretch];
  if (!state_->stretches[stretch].all_logits)
    return state_->last_logits.narrow(0, static_cast<int64_t>(stretch), 1);
  return all_logits_of(state_->weights, state_->x.narrow(0, rows.first_row, rows.n_tokens));
}

void Forward::each_logits(size_t stretch,
                          const std::function<void(const at::Tensor& rows)>& take) const {
  const c10::NoGradGuard no_grad;
  const StretchRows& rows = state_->rows[stretch];
  each_chunk(state_->weights, state_->x.narrow(0, rows.first_row, rows.n_tokens), take);
}

}  // namespace kvhost
