// SPDX-License-Identifier: Apache-2.0
#include "analysis/attention_maps.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <vector>

#include "base/parallel.hpp"
#include "cache/kv_cache.hpp"
#include "engine/model_state.hpp"
#include "method/dense_attention.hpp"
#include "method/host_services.hpp"
#include "model/decoder.hpp"

namespace kvhost::analysis {

void read_maps(const Model& model,
               std::span<const int32_t> tokens,
               const Context& context,
               const MapSink& sink) {
  const c10::InferenceMode inference;
  if (context.threads > 0 && num_threads() != context.threads) set_num_threads(context.threads);
  const Decoder& decoder = model.state().decoder();
  const ModelConfig& config = decoder.config();
  const auto n_tokens = static_cast<int64_t>(tokens.size());
  KvCache cache(decoder.cache_layout());
  const ModelView view(config, cache.layout().dtype, n_tokens);
  const kvh_exec exec = make_exec(context, /*seed=*/0);
  LayerInputs in;
  in.n_seen = in.q_len = n_tokens;
  in.cache = &cache;
  in.model = view.get(decoder.weights());
  in.exec = &exec;
  ForwardOptions options;
  options.capture.query_window = -1;
  options.progress = [&](double) { context.check(); };
  options.sink = [&](int64_t layer, const LayerCapture& capture) {
    std::vector<HeadSpan> spans;
    for (int64_t h = 0; h < config.n_kv_heads; ++h) spans.push_back(cache.head(layer, h));
    in.layer = layer;
    in.queries = capture.queries;
    in.sliding_window = config.window_of(layer);
    sink(layer, dense_attention(in, spans, /*mean_over_heads=*/false));
  };
  decoder.forward(tokens, cache, options);
}

}  // namespace kvhost::analysis
