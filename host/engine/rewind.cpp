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

// What keeps it from going back, in words; "" when nothing does.
std::string obstacle(const Sequence& sequence, int64_t n_tokens) {
  const Sequence::State& state = sequence.state();
  const auto n_read = static_cast<int64_t>(state.tokens.size());
  const std::string gone = "entries of the first " + std::to_string(n_tokens) +
                           " tokens are gone; expected a sequence of which nothing was dropped since";
  if (state.broken || n_tokens < 1 || n_tokens > n_read) return gone;
  if (state.renumbered || has_window(state.model->config)) return gone;
  // A prompt that was compressed was looked at as a whole; methods at work behind it were told its
  // length.
  const bool whole = state.policy->press->none() && !state.decode_run;
  if (!whole && n_tokens < state.n_prompt) return gone;
  return state.decode_run ? state.decode_run->why_not_back(n_tokens) : "";
}

}  // namespace

bool can_rewind(const Sequence& sequence, int64_t n_tokens) {
  return obstacle(sequence, n_tokens).empty();
}

void rewind(Sequence& sequence, int64_t n_tokens) {
  const std::string why = obstacle(sequence, n_tokens);
  if (!why.empty()) run_failed("rewind", why);
  Sequence::State& state = sequence.state();
  state.pending.reset();
  if (n_tokens == static_cast<int64_t>(state.tokens.size())) return;
  if (state.decode_run) state.decode_run->go_back(n_tokens);
  state.cache.truncate(n_tokens);
  state.tokens.resize(static_cast<size_t>(n_tokens));
  state.logits.clear();
}

}  // namespace kvhost
