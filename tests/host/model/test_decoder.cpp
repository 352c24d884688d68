// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "altered_checkpoint.hpp"
#include "base/error.hpp"
#include "decoder_fixture.hpp"
#include "model/spread_queries.hpp"
#include "model_files.hpp"

using namespace kvhost;
using namespace kvhost::test;

TEST_CASE("chunks of a long prompt join without a seam") {
  for (const std::string name : {"llama_gqa",
                                 "mistral_window",
                                 "qwen2_window",
                                 "neox_parallel",
                                 "qwen3",
                                 "gemma3",
                                 "ministral3"}) {
    INFO(name);
    const auto weights = Weights::load(model_dir(name), DType::Float32);
    const Decoder decoder(weights);
    // chunks are 512 tokens long
    const Tokens tokens = some_tokens(1100, weights->config().vocab_size);
    const at::Tensor slow = reference_logits(*weights, tokens);
    const double allowed = tolerance(slow);
    CHECK(max_difference(in_blocks(decoder, tokens, 1100), slow) <= allowed);
    CHECK(max_difference(in_blocks(decoder, tokens, 600), slow) <= allowed);
    CHECK(max_difference(in_blocks(decoder, tokens, 512), slow) <= allowed);
  }
}

TEST_CASE("captures are the last tokens of every layer, across chunks") {
  const auto weights = Weights::load(model_dir("llama_gqa"), DType::Float32);
  const Decoder decoder(weights);
  const Tokens tokens = some_tokens(520, weights->config().vocab_size);
  const auto capture = [&](int64_t window) {
    std::vector<at::Tensor> out;
    KvCache cache(decoder.cache_layout());
    ForwardOptions options;
    options.capture = {window, window};
    options.sink = [&](int64_t layer, const LayerCapture& seen) {
      CHECK(layer == static_cast<int64_t>(out.size() / 2));
      out.push_back(seen.queries->clone());
      out.push_back(seen.hidden->clone());
    };
    decoder.forward(tokens, cache, options);
    return out;
  };
  const auto all = capture(-1), last = capture(16), more = capture(10000);
  REQUIRE(all.size() == static_cast<size_t>(2 * weights->config().n_layers));
  for (size_t i = 0; i < all.size(); i += 2) {
    CHECK(all[i].sizes() == at::IntArrayRef({6, 520, 8}));
    CHECK(all[i + 1].sizes() == at::IntArrayRef({520, 40}));
    CHECK(at::equal(all[i].narrow(1, 504, 16), last[i]));
    CHECK(at::equal(all[i + 1].narrow(0, 504, 16), last[i + 1]));
    CHECK(at::equal(all[i], more[i]));
  }
}

TEST_CASE("queries spread over all tokens are rows of all queries, across chunks") {
  const auto weights = Weights::load(model_dir("llama_gqa"), DType::Float32);
  const Decoder decoder(weights);
  const Tokens tokens = some_tokens(1100, weights->config().vocab_size);
  const auto capture = [&](const CaptureRequest& request, bool spread) {
    std::vector<at::Tensor> out;
    KvCache cache(decoder.cache_layout());
    ForwardOptions options;
    options.capture = request;
    options.sink = [&](int64_t, const LayerCapture& seen) {
      CHECK((seen.spread != nullptr) == spread);
      if (!spread) return out.push_back(seen.queries->clone());
      CHECK(std::is_sorted(seen.spread->tokens.begin(), seen.spread->tokens.end()));
      for (const int64_t n : request.query_spreads)
        out.push_back(spread_rows(*seen.spread, n, std::ssize(tokens)));
      CHECK_FALSE(spread_rows(*seen.spread, 13, std::ssize(tokens)).defined());
    };
    decoder.forward(tokens, cache, options);
    return out;
  };
  const auto all = capture({-1, 0, {7}}, false), some = capture({0, 0, {7, 100, 1}}, true);
  REQUIRE(some.size() == 3 * all.size());
  for (size_t l = 0; l < all.size(); ++l) {
    CHECK(at::equal(some[3 * l], spread_rows(all[l], 7)));
    CHECK(at::equal(some[3 * l + 1], spread_rows(all[l], 100)));
    CHECK(at::equal(some[3 * l + 2], all[l].narrow(1, 549, 1)));
  }
  CHECK(spread_tokens(8, 100) == std::vector<int64_t>{5, 18, 30, 43, 55, 68, 80, 93});
}

TEST_CASE("captured queries and cached keys give the attention of the layer") {
  const auto weights = Weights::load(model_dir("llama_mha"), DType::Float32);
  const Decoder decoder(weights);
  const Tokens tokens = some_tokens(30, weights->config().vocab_size);
  KvCache cache(decoder.cache_layout());
  ForwardOptions options;
  options.capture.hidden_window = 1;
  std::vector<at::Tensor> hidden;
  options.sink = [&](int64_t, const LayerCapture& seen) {
    CHECK(seen.queries == nullptr);
    hidden.push_back(seen.hidden->clone());
  };
  decoder.forward(tokens, cache, options);
  // The last token's key, from its captured input: rows of k_proj, rotated.
  const auto& layer = weights->tensors().layers[1];
  const auto& config = weights->config();
  const at::Tensor key =
      at::matmul(layer.k.weight.dense(), hidden[1][0]).view({config.n_kv_heads, config.head_dim});
  const HeadSpan head = cache.head(1, 2);
  REQUIRE(head.n == 30);
  const float* cached = static_cast<const float*>(head.keys) + 29 * config.head_dim;
  const int64_t half = config.head_dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    const float angle = 29 * config.rope.inv_freq[static_cast<size_t>(i)];
    const float a = key[2][i].item<float>(), b = key[2][i + half].item<float>();
    CHECK(cached[i] == Approx(a * std::cos(angle) - b * std::sin(angle)).margin(1e-5));
    CHECK(cached[i + half] == Approx(b * std::cos(angle) + a * std::sin(angle)).margin(1e-5));
  }
}

// What the masked reference sees: the kept prompt entries, and everything from `prompt` on,
// causally.
static at::Tensor visible_after(const std::vector<std::vector<int32_t>>& kept,
                                int64_t prompt,
                                int64_t total) {
  at::Tensor out = at::ones({static_cast<int64_t>(kept.size()), total, total}, at::kBool).tril();
  for (size_t h = 0; h < kept.size(); ++h) {
    at::Tensor seen = at::zeros({prompt}, at::kBool);
    for (const int32_t i : kept[h]) seen[i].fill_(true);
    out[static_cast<int64_t>(h)]
        .narrow(0, prompt, total - prompt)
        .narrow(1, 0, prompt)
        .logical_and_(seen);
  }
  return out;
}

TEST_CASE("blocks after a ragged compaction equal the masked reference") {
  for (const std::string name :
       {"llama_gqa", "qwen3", "neox_parallel", "llama_head20", "olmo2", "smollm3", "granite"}) {
    INFO(name);
    const auto weights = Weights::load(model_dir(name), DType::Float32);
    const Decoder decoder(weights);
    const auto& config = weights->config();
    const int64_t prompt = 90, total = 160;
    const Tokens tokens = some_tokens(total, config.vocab_size);
    std::vector<KeepPlan> plans(static_cast<size_t>(config.n_layers));
    for (size_t layer = 0; layer < plans.size(); ++layer)
      for (int64_t h = 0; h < config.n_kv_heads; ++h) {
        auto& kept = plans[layer].heads.emplace_back();
        for (int32_t i = 0; i < prompt; ++i)
          if ((i * 7 + h * 3 + static_cast<int64_t>(layer)) % (2 + 3 * h) == 0) kept.push_back(i);
      }
    const at::Tensor slow = reference_logits(*weights, tokens, [&](int64_t layer) {
      return visible_after(plans[static_cast<size_t>(layer)].heads, prompt, total);
    });

    for (const size_t block : {size_t{1}, size_t{5}, size_t{70}}) {
      INFO(block);
      KvCache cache(decoder.cache_layout());
      ForwardOptions options;
      options.sink = [&](int64_t layer, const LayerCapture&) {
        cache.compact(layer, plans[static_cast<size_t>(layer)]);
      };
      decoder.forward(std::span(tokens).first(prompt), cache, options);
      ForwardOptions all;
      all.all_logits = true;
      std::vector<at::Tensor> parts;
      for (size_t first = prompt; first < tokens.size(); first += block) {
        const size_t n = std::min(block, tokens.size() - first);
        parts.push_back(decoder.forward(std::span(tokens).subspan(first, n), cache, all));
      }
      CHECK(max_difference(at::cat(parts), slow.narrow(0, prompt, total - prompt)) <=
            tolerance(slow));
      CHECK(cache.n_seen() == total);
    }
  }
}

TEST_CASE("progress rises to one, and an exception from it stops the forward") {
  const Decoder decoder(Weights::load(model_dir("llama_mha"), DType::Float32));
  const Tokens tokens = some_tokens(20, 128);
  std::vector<double> seen;
  ForwardOptions options;
  options.progress = [&](double share) { seen.push_back(share); };
  KvCache cache(decoder.cache_layout());
  decoder.forward(tokens, cache, options);
  REQUIRE_FALSE(seen.empty());
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(seen.back() == Approx(1));
  options.progress = [](double) { throw std::runtime_error("stopped"); };
  KvCache other(decoder.cache_layout());
  CHECK_THROWS_WITH(decoder.forward(tokens, other, options), "stopped");
  CHECK(other.n_seen() == 0);
}

TEST_CASE("tokens outside the vocabulary are refused") {
  const Decoder decoder(Weights::load(model_dir("llama_mha"), DType::Float32));
  KvCache cache(decoder.cache_layout());
  for (const int32_t bad : {-1, 128}) {
    const Tokens tokens = {3, bad};
    CHECK_THROWS_WITH(decoder.forward(tokens, cache), Catch::Contains("expected 0 to 127"));
  }
  CHECK_THROWS_AS(decoder.forward({}, cache), Error);
}

TEST_CASE("gradients flow through the reference") {
  const auto weights = Weights::load(model_dir("llama_gqa"), DType::Float32);
  const Tokens tokens = some_tokens(12, weights->config().vocab_size);
  // shares storage with the weights
  at::Tensor gain = weights->tensors().layers[0].attention_norm.weight;
  gain.requires_grad_(true);
  const auto loss = [&] { return at::log_softmax(reference_logits(*weights, tokens), -1)[-1][5]; };
  loss().backward();
  REQUIRE(gain.grad().defined());
  const float slope = gain.grad()[3].item<float>();
  gain.requires_grad_(false);
  CHECK(slope != 0);
  CHECK(std::isfinite(slope));
}

TEST_CASE("a sequence keeps the rotation that its first pass had") {
  AlteredCheckpoint model("phi3_long");
  model.config["dtype"] = "float32";
  // So that the length the model was made for changes nothing but the choice.
  model.config["rope_parameters"]["attention_factor"] = 1.25;
  const auto changing = model.load();
  const Decoder decoder(changing);
  REQUIRE(decoder.config().rope.short_positions == 64);
  const Tokens tokens = some_tokens(100, decoder.config().vocab_size);
  const at::Tensor all_long = reference_logits(*changing, tokens);
  model.config["original_max_position_embeddings"] = 400;
  const at::Tensor all_short = reference_logits(*model.load(), tokens);
  REQUIRE(max_difference(all_short, all_long) > 0.1);

  CHECK(max_difference(in_blocks(decoder, tokens, 60), all_short) <= tolerance(all_short));
  CHECK(max_difference(in_blocks(decoder, tokens, 70), all_long) <= tolerance(all_long));
  // A clone goes on alike; a cleared cache chooses anew.
  KvCache cache(decoder.cache_layout());
  ForwardOptions options;
  options.all_logits = true;
  decoder.forward(std::span(tokens).first(60), cache, options);
  KvCache copy = cache.clone();
  const at::Tensor rest = decoder.forward(std::span(tokens).subspan(60), copy, options);
  CHECK(max_difference(rest, all_short.narrow(0, 60, 40)) <= tolerance(all_short));
  cache.truncate(0);
  CHECK(max_difference(decoder.forward(tokens, cache, options), all_long) <= tolerance(all_long));
}

TEST_CASE("what methods see of the attention's input where no norm comes before it") {
  const auto weights = Weights::load(model_dir("olmo2"), DType::Float32);
  const Decoder decoder(weights);
  const Tokens tokens = some_tokens(9, weights->config().vocab_size);
  KvCache cache(decoder.cache_layout());
  ForwardOptions options;
  options.capture.hidden_window = -1;
  std::vector<at::Tensor> hidden;
  options.sink = [&](int64_t, const LayerCapture& seen) { hidden.push_back(seen.hidden->clone()); };
  decoder.forward(tokens, cache, options);
  CHECK(at::equal(hidden[0], weights->tensors().embedding.gather(tokens, DType::Float32)));
}

TEST_CASE("embeddings are multiplied by a factor in the model's dtype") {
  const auto factor = [](DType dtype) {
    return Weights::load(model_dir("gemma3"), dtype)->config().embedding_factor(dtype);
  };
  CHECK(factor(DType::Float32) == static_cast<double>(std::sqrt(32.0F)));  // 5.65685
  CHECK(factor(DType::BFloat16) == 5.65625);
}

TEST_CASE("rows of one stored matrix give several layers") {
  const AlteredCheckpoint phi("phi3_long");
  const auto weights = phi.load();
  const auto& layer = weights->tensors().layers[0];
  CHECK(layer.q.weight.n_out() == 64);
  CHECK(layer.k.weight.n_out() == 32);
  CHECK(layer.v.weight.n_out() == 32);
  CHECK(layer.gate.weight.n_out() == 64);
  AlteredCheckpoint bad = phi;
  auto& fused = bad.tensors.at("model.layers.0.mlp.gate_up_proj.weight");
  fused.shape = {64, 128};
  CHECK_THAT(bad.refusal(),
             Catch::Contains("gate_up_proj.weight' has shape [64, 128]; expected [128, 64]"));
}
