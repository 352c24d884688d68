// SPDX-License-Identifier: Apache-2.0
// Methods on models whose attention is not a plain softmax: sinks that take weight from every
// entry, and capped scores.
#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "method/dense_attention.hpp"
#include "method/host_services.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

// What the model itself gives each entry: softmax rows [n_heads, T, T] written out plainly.
at::Tensor plain_attention(const TinyModel& model,
                           int64_t layer,
                           const at::Tensor& queries,
                           const std::vector<HeadSpan>& spans) {
  const ModelConfig& c = model.config();
  const int64_t t = queries.size(1);
  at::Tensor visible = at::ones({t, t}, at::kBool).tril();
  if (c.window_of(layer) > 0) visible = visible.triu(1 - c.window_of(layer));
  const at::Tensor sinks = model.weights->tensors().layers[static_cast<size_t>(layer)].sinks;
  std::vector<at::Tensor> heads;
  for (int64_t h = 0; h < c.n_heads; ++h) {
    const at::Tensor keys = at::from_blob(
        spans[static_cast<size_t>(h / c.group_size())].keys, {t, c.head_dim}, at::kFloat);
    at::Tensor s = at::matmul(queries[h].to(at::kDouble), keys.to(at::kDouble).t()) *
                   c.score_scale();
    if (c.attention_softcap > 0) s = at::tanh(s / c.attention_softcap) * c.attention_softcap;
    const at::Tensor weights = s.exp() * visible;
    at::Tensor sum = weights.sum(/*dim=*/1, /*keepdim=*/true);
    if (sinks.defined()) sum = sum + sinks[h].to(at::kDouble).exp();
    heads.push_back(weights / sum);
  }
  return at::stack(heads);
}

}  // namespace

TEST_CASE("methods see the attention that the model has, with its sinks and caps") {
  for (const std::string name : {"gpt_oss", "gemma2"}) {
    const TinyModel model(name);
    const ModelConfig& c = model.config();
    const auto tokens = model.random_tokens(70, 4);
    const ModelView view(c, DType::Float32);
    const kvh_exec exec = make_exec(context(), 0);
    KvCache cache(model.decoder->cache_layout());
    ForwardOptions options;
    options.capture.query_window = -1;
    options.sink = [&](int64_t layer, const LayerCapture& captured) {
      INFO(name << ", layer " << layer);
      std::vector<HeadSpan> spans;
      for (int64_t h = 0; h < c.n_kv_heads; ++h) spans.push_back(cache.head(layer, h));
      LayerInputs inputs;
      inputs.layer = layer;
      inputs.n_seen = 70;
      inputs.queries = captured.queries;
      inputs.model = view.get(*model.weights);
      inputs.exec = &exec;
      inputs.sliding_window = c.window_of(layer);
      const at::Tensor expected = plain_attention(model, layer, *captured.queries, spans);
      if (c.attention_sinks) CHECK(expected.sum(-1).min().item<double>() < 0.9);

      const at::Tensor all = dense_attention(inputs, spans, /*mean_over_heads=*/false);
      CHECK((all - expected).abs().max().item<double>() < 2e-6);
      std::vector<std::vector<float>> window, sums;
      int64_t rows = 0;
      compute_window_attention(inputs, spans, 9, window, rows);
      compute_attention_sum(inputs, spans, 0, sums);
      for (int64_t h = 0; h < c.n_kv_heads; ++h) {
        const auto head = static_cast<size_t>(h);
        const at::Tensor own = expected.narrow(0, h * c.group_size(), c.group_size());
        const at::Tensor last = at::from_blob(window[head].data(), {c.group_size(), 9, 70});
        CHECK((last - own.narrow(1, 61, 9)).abs().max().item<double>() < 2e-6);
        const at::Tensor sum = at::from_blob(sums[head].data(), {c.group_size(), 70});
        CHECK((sum - own.sum(1)).abs().max().item<double>() < 2e-5);
      }
    };
    model.decoder->forward(tokens, cache, options);
  }
}

TEST_CASE("every method runs on sinks, sliding layers, experts and capped scores") {
  for (const std::string name : {"gpt_oss", "gemma2", "qwen3_moe"}) {
    const TinyModel model(name);
    const auto tokens = model.random_tokens(90, 6);
    int64_t n_run = 0;
    for (const auto& press : prefill_compositions(model.config())) {
      INFO(name << ", " << press);
      try {
        const PressedCache pressed(model, press, tokens, 20);
        for (const auto& layer : held_positions(pressed.cache))
          for (const auto& head : layer) {
            CHECK(std::ssize(head) <= 90);
            CHECK(std::is_sorted(head.begin(), head.end()));
          }
        ++n_run;
      } catch (const Error& e) {
        INFO(e.what());
        // A learned file for models of other sizes; or a method that says what it cannot work on.
        const bool refuses = std::string(e.what()).find("; expected a model") != std::string::npos;
        CHECK(e.code() == (refuses ? ExitCode::BadRequest : ExitCode::CannotLoad));
      }
    }
    CHECK(n_run > 20);
  }
}
