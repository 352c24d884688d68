// SPDX-License-Identifier: Apache-2.0
#include "engine/full_reading.hpp"

#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>

#include "engine/model_state.hpp"
#include "method/dense_attention.hpp"
#include "method/host_services.hpp"

namespace kvhost {

struct FullReading::State {
  State(const Model& of, int64_t n)
      : model(of.shared()),
        decoder(model->decoder()),
        cache(decoder.cache_layout()),
        view(decoder.config(), cache.layout().dtype, n),
        exec(make_exec(model->context, /*seed=*/0)),
        n_text(n) {}

  void read(std::span<const int32_t> tokens, ForwardOptions options) {
    const c10::InferenceMode inference;  // no autograd bookkeeping per operator
    options.progress = [this](double) { model->context.check(); };
    decoder.forward(tokens, cache, options);
  }

  // Of one layer, [n_kv_heads][n_text]; `queries` are those of the readers.
  std::vector<std::vector<float>> sums(int64_t layer, const at::Tensor& queries) const;

  std::shared_ptr<const ModelState> model;
  const Decoder& decoder;
  KvCache cache;
  ModelView view;
  kvh_exec exec;
  int64_t n_text;
};

std::vector<std::vector<float>> FullReading::State::sums(int64_t layer,
                                                         const at::Tensor& queries) const {
  LayerInputs in;
  in.layer = layer;
  in.cache = &cache;
  in.q_len = queries.size(1);
  in.n_seen = n_text + in.q_len;
  in.queries = &queries;
  in.model = view.get(decoder.weights());
  in.exec = &exec;
  in.sliding_window = decoder.config().window_of(layer);
  std::vector<HeadSpan> spans;
  for (int64_t h = 0; h < cache.layout().n_kv_heads; ++h) spans.push_back(cache.head(layer, h));
  std::vector<std::vector<float>> by_head;  // [group_size, n] each
  compute_attention_sum(in, spans, /*rows=*/0, by_head);
  std::vector<std::vector<float>> out;
  for (size_t h = 0; h < by_head.size(); ++h) {
    std::vector<float> sum(static_cast<size_t>(n_text), 0.0f);
    const auto n = static_cast<size_t>(spans[h].n);
    for (size_t begin = 0; begin < by_head[h].size(); begin += n)
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += by_head[h][begin + i];
    out.push_back(std::move(sum));
  }
  return out;
}

FullReading::FullReading(const Model& model, std::span<const int32_t> text)
    : state_(std::make_unique<State>(model, static_cast<int64_t>(text.size()))) {
  state_->read(text, {});
}

FullReading::~FullReading() = default;

ReceivedAttention FullReading::received(std::span<const int32_t> readers) {
  ReceivedAttention out(static_cast<size_t>(state_->decoder.config().n_layers));
  ForwardOptions options;
  options.capture.query_window = -1;
  options.sink = [&](int64_t layer, const LayerCapture& capture) {
    out[static_cast<size_t>(layer)] = state_->sums(layer, *capture.queries);
  };
  state_->read(readers, options);
  state_->cache.truncate(state_->n_text);
  return out;
}

}  // namespace kvhost
