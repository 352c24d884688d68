// SPDX-License-Identifier: Apache-2.0
#include "engine/read_together.hpp"

#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>

#include <cstring>
#include <vector>

#include "base/error.hpp"
#include "engine/sequence_state.hpp"
#include "measure/stopwatch.hpp"

namespace kvhost {

namespace {

// A sequence that follows the reading, layer by layer.
struct Follower {
  Sequence::State* sequence;
  double prefill_ms;  // of its own, before
  Stretch stretch;    // what it would have read alone
  double ms = 0;      // what it took for itself
};

void check_new(std::span<Sequence* const> sequences) {
  const std::string where = "prefill_together";
  if (sequences.empty()) bad_request(where, "no sequences given; expected at least one");
  for (size_t i = 0; i < sequences.size(); ++i) {
    const Sequence::State& one = sequences[i]->state();
    if (!one.tokens.empty())
      bad_request(where,
                  "sequence " + std::to_string(i) + " has read " +
                      std::to_string(one.tokens.size()) + " tokens already; expected new ones");
    if (one.model != sequences[0]->state().model)
      bad_request(where,
                  "sequence " + std::to_string(i) + " is of another model; expected one of all");
    for (size_t j = 0; j < i; ++j)
      if (sequences[j] == sequences[i])
        bad_request(where, "sequence " + std::to_string(i) + " is given twice");
  }
}

// Captured windows end with the last token, so the widest holds all others.
CaptureRequest widest(const std::vector<Follower>& followers) {
  CaptureRequest out;
  for (const auto& follower : followers) {
    out.query_window = wider(out.query_window, follower.stretch.capture.query_window);
    out.hidden_window = wider(out.hidden_window, follower.stretch.capture.hidden_window);
    const auto& spreads = follower.stretch.capture.query_spreads;
    out.query_spreads.insert(out.query_spreads.end(), spreads.begin(), spreads.end());
  }
  return out;
}

// What `request` would have captured; `held` keeps the tensors that the result points to.
LayerCapture narrowed(const LayerCapture& all,
                      const CaptureRequest& request,
                      at::Tensor (&held)[2]) {
  LayerCapture out;
  const auto last = [](const at::Tensor& rows, int64_t dim, int64_t window) {
    const int64_t n = rows.size(dim);
    return window < 0 || window >= n ? rows : rows.narrow(dim, n - window, window).contiguous();
  };
  // Of rows that are spread over all tokens each takes what it wants; where those of all were
  // captured, it takes them from these.
  if (!request.query_spreads.empty()) out.spread = all.spread;
  const bool spread_of_all = !request.query_spreads.empty() && !all.spread;
  if ((request.query_window != 0 || spread_of_all) && all.queries) {
    held[0] = last(*all.queries, 1, spread_of_all ? -1 : request.query_window);
    out.queries = &held[0];
  }
  if (request.hidden_window != 0 && all.hidden) {
    held[1] = last(*all.hidden, 0, request.hidden_window);
    out.hidden = &held[1];
  }
  return out;
}

void copy_layer(const KvCache& from, int64_t layer, KvCache& to) {
  const CacheLayout& layout = from.layout();
  to.append(layer, from.n_kept(layer, 0), /*first_position=*/0);
  for (int64_t h = 0; h < layout.n_kv_heads; ++h) {
    const HeadSpan source = from.head(layer, h), target = to.head(layer, h);
    const auto bytes =
        static_cast<size_t>(source.n * layout.head_dim * element_size(layout.dtype));
    std::memcpy(target.keys, source.keys, bytes);
    std::memcpy(target.values, source.values, bytes);
  }
}

void forget_layer(int64_t layer, KvCache& cache) {
  KeepPlan nothing;
  nothing.heads.resize(static_cast<size_t>(cache.layout().n_kv_heads));
  cache.compact(layer, nothing);
}

void follow(int64_t layer, const LayerCapture& capture, const KvCache& read, Follower& follower) {
  const Stopwatch watch(follower.ms);
  copy_layer(read, layer, *follower.stretch.cache);
  at::Tensor held[2];
  follower.stretch.sink(layer, narrowed(capture, follower.stretch.capture, held));
}

// One pass over `tokens` that all follow -> the logits behind the last one.
at::Tensor read_once(std::vector<Follower>& followers,
                     std::span<const int32_t> tokens,
                     const Sequence::Progress& progress) {
  const Sequence::State& first = *followers.front().sequence;
  KvCache read(first.cache.layout());
  Stretch stretch;
  stretch.tokens = tokens;
  stretch.cache = &read;
  stretch.capture = widest(followers);
  stretch.sink = [&](int64_t layer, const LayerCapture& capture) {
    for (auto& follower : followers) follow(layer, capture, read, follower);
    forget_layer(layer, read);
  };
  std::vector<Stretch> one;
  one.push_back(std::move(stretch));
  Forward forward(first.decoder, std::move(one));
  const ProgressSink watch = [&](double share) {
    first.policy->context().check();
    if (progress) progress(share);
  };
  while (forward.step(watch)) {
  }
  return forward.logits(0);
}

void end_each(std::vector<Follower>& followers, int64_t n_tokens, const at::Tensor& logits) {
  for (auto& follower : followers) {
    const Stopwatch watch(follower.ms);
    follower.sequence->cache.advance(n_tokens);
    follower.sequence->end(logits);
  }
}

}  // namespace

void prefill_together(std::span<Sequence* const> sequences,
                      std::span<const int32_t> tokens,
                      const Sequence::Progress& progress) {
  const c10::InferenceMode inference;
  check_new(sequences);
  std::vector<Follower> followers;
  for (Sequence* sequence : sequences) {
    Sequence::State& state = sequence->state();
    state.begin(tokens, /*all_logits=*/false);
    followers.push_back({&state, state.timings.prefill_ms, state.stretch()});
  }
  try {
    double read_ms = 0;
    at::Tensor logits;
    {
      const Stopwatch watch(read_ms);
      logits = read_once(followers, tokens, progress);
    }
    for (const auto& follower : followers) read_ms -= follower.ms;
    end_each(followers, static_cast<int64_t>(tokens.size()), logits);
    for (auto& follower : followers)
      follower.sequence->timings.prefill_ms = follower.prefill_ms + read_ms + follower.ms;
  } catch (...) {
    for (auto& follower : followers) follower.sequence->fail();
    throw;
  }
}

}  // namespace kvhost
