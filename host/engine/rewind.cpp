// SPDX-License-Identifier: Apache-2.0
#include "engine/rewind.hpp"

#include "base/error.hpp"
#include "engine/sequence_state.hpp"

namespace kvhost {
namespace {

bool has_window(const ModelConfig& config) {
  for (int64_t layer = 0; layer < config.n_layers; ++layer)
    if (config.window_of(layer) > 0) return true;
  return false;
}

}  // namespace

bool can_rewind(const Sequence& sequence, int64_t n_tokens) {
  const Sequence::State& state = sequence.state();
  const auto n_read = static_cast<int64_t>(state.tokens.size());
  if (state.broken || n_tokens < 1 || n_tokens > n_read) return false;
  if (state.decode_run || state.renumbered || has_window(state.model->config)) return false;
  // A prompt that was compressed was looked at as a whole.
  return state.policy->press->none() || n_tokens >= state.n_prompt;
}

void rewind(Sequence& sequence, int64_t n_tokens) {
  if (!can_rewind(sequence, n_tokens))
    run_failed("rewind",
               "entries of the first " + std::to_string(n_tokens) +
                   " tokens are gone; expected a sequence of which nothing was dropped since");
  Sequence::State& state = sequence.state();
  state.pending.reset();
  if (n_tokens == static_cast<int64_t>(state.tokens.size())) return;
  state.cache.truncate(n_tokens);
  state.tokens.resize(static_cast<size_t>(n_tokens));
  state.logits.clear();
}

}  // namespace kvhost
