// SPDX-License-Identifier: Apache-2.0
#include "train/collector.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "base/error.hpp"
#include "engine/model_state.hpp"
#include "engine/sequence.hpp"

namespace kvhost::train {
namespace {

// [n_kv_heads][T] of one layer
using Rows = std::vector<std::vector<float>>;

bool has_logarithm(const std::vector<Rows>& scores, size_t token) {
  return std::all_of(scores.begin(), scores.end(), [&](const Rows& layer) {
    return std::all_of(
        layer.begin(), layer.end(), [&](const std::vector<float>& row) { return row[token] > 0; });
  });
}

// Ascending; a draw that depends on the seed and the text's number alone.
std::vector<int64_t> draw(const std::vector<Rows>& scores,
                          size_t n_tokens,
                          const CollectOptions& options,
                          int64_t text) {
  std::vector<int64_t> tokens;
  for (size_t i = 0; i < n_tokens; ++i)
    if (has_logarithm(scores, i)) tokens.push_back(static_cast<int64_t>(i));
  std::mt19937_64 random(options.seed * 1'000'003 + static_cast<uint64_t>(text));
  for (size_t i = tokens.size(); i > 1; --i) std::swap(tokens[i - 1], tokens[random() % i]);
  tokens.resize(std::min(tokens.size(), static_cast<size_t>(options.n_samples)));
  std::sort(tokens.begin(), tokens.end());
  return tokens;
}

void check_whole(const std::vector<Rows>& scores, size_t n_tokens) {
  for (size_t l = 0; l < scores.size(); ++l)
    for (const auto& row : scores[l])
      if (row.size() != n_tokens)
        bad_request("--model",
                    "layer " + std::to_string(l) + " holds " + std::to_string(row.size()) + " of " +
                        std::to_string(n_tokens) +
                        " tokens, a sliding window; expected a model whose layers hold all");
}

// [n, n_kv_heads] logarithms of the drawn tokens' scores.
at::Tensor targets_of(const Rows& layer, const std::vector<int64_t>& tokens) {
  at::Tensor out = at::empty({std::ssize(tokens), std::ssize(layer)}, at::kFloat);
  auto values = out.accessor<float, 2>();
  for (int64_t i = 0; i < std::ssize(tokens); ++i)
    for (int64_t h = 0; h < std::ssize(layer); ++h)
      values[i][h] = std::log(layer[static_cast<size_t>(h)][static_cast<size_t>(tokens[i])]);
  return out;
}

}  // namespace

void collect(const Model& model,
             const Policy& teacher,
             std::span<const int32_t> text,
             const CollectOptions& options,
             PairStore& pairs,
             const std::function<void(double)>& progress) {
  const c10::InferenceMode inference;
  SequenceOptions keeping;
  keeping.keep_scores = true;
  Sequence sequence(model, teacher, keeping);
  sequence.prefill(text, [&](double share) { progress(0.8 * share); });
  const std::vector<Rows>& scores = sequence.scores();
  check_whole(scores, text.size());
  const std::vector<int64_t> tokens = draw(scores, text.size(), options, pairs.n_texts());
  const at::Tensor chosen = at::tensor(tokens, at::kLong);
  std::vector<at::Tensor> inputs, targets;
  const Decoder& decoder = model.state().decoder();
  KvCache cache(decoder.cache_layout());
  ForwardOptions forward;
  forward.capture.hidden_window = -1;
  forward.progress = [&](double share) { progress(0.8 + 0.2 * share); };
  forward.sink = [&](int64_t layer, const LayerCapture& capture) {
    inputs.push_back(capture.hidden->index_select(0, chosen).to(at::kFloat));
    targets.push_back(targets_of(scores[static_cast<size_t>(layer)], tokens));
  };
  decoder.forward(text, cache, forward);
  pairs.add(inputs, targets);
}

}  // namespace kvhost::train
