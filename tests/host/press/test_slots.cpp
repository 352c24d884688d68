// SPDX-License-Identifier: Apache-2.0
// Several scorers inside one method: each is asked with its own needs and its own state.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

using Table = std::vector<std::vector<std::vector<float>>>;  // [layer][kv head][entry]

Table scores_of(const TinyModel& model, const std::string& press) {
  return PressedCache(model, press, model.random_tokens(80, 4), 20).trace.scores;
}

Positions kept_by(const TinyModel& model, const std::string& press) {
  return held_positions(PressedCache(model, press, model.random_tokens(80, 4), 20).cache);
}

}  // namespace

TEST_CASE("a method with two slots gets each scorer's own scores, whatever windows they ask for") {
  const TinyModel model("llama_gqa");
  const std::string narrow = "tova", wide = "snapkv(window_size=16)", keys = "knorm";
  const Table first = scores_of(model, keys), second = scores_of(model, narrow),
              third = scores_of(model, "head_mean:" + wide);
  const Table all = scores_of(model, "zoo_pair:(" + keys + "+" + narrow + "+head_mean:" + wide + ")");
  REQUIRE(all.size() == first.size());
  double worst = 0, largest = 0;
  for (size_t l = 0; l < all.size(); ++l)
    for (size_t h = 0; h < all[l].size(); ++h)
      for (size_t i = 0; i < all[l][h].size(); ++i) {
        const float expected = first[l][h][i] - second[l][h][i] - third[l][h][i];
        worst = std::max(worst, std::abs(double{all[l][h][i]} - expected));
        largest = std::max(largest, std::abs(double{third[l][h][i]}));
      }
  CHECK(worst < 1e-6);
  CHECK(largest > 1e-3);  // it can fail
}

TEST_CASE("methods inside slots are listed, and their needs are what the model must give") {
  const TinyModel model("llama_gqa");
  const Press press(composed("zoo_pair:(snapkv(window_size=9)+tova)"), model.config(),
                    DType::Float32, context());
  CHECK(press.stages()[0].methods().size() == 3);
  CHECK(press.capture().query_window == 9);
  CHECK(press.stages()[0].scorer()->inner().size() == 2);
}

TEST_CASE("one scorer fused with itself, or alone, keeps what it keeps") {
  const TinyModel model("llama_gqa");
  for (const std::string scorer : {"knorm", "snapkv(window_size=8)", "streaming_llm"})
    for (const std::string rule : {"weighted_sum", "max"})
      for (const std::string scale : {"min_max", "z_score"}) {
        INFO(scorer << " " << rule << " " << scale);
        const std::string fusion = "score_fusion(rule=" + rule + ",normalize=" + scale + ")";
        const Positions alone = kept_by(model, scorer);
        CHECK(kept_by(model, fusion + ":" + scorer) == alone);
        CHECK(kept_by(model, fusion + ":(" + scorer + "+" + scorer + ")") == alone);
      }
  CHECK(kept_by(model, "score_fusion(weights=[1,0]):(knorm+keydiff)") == kept_by(model, "knorm"));
  CHECK(kept_by(model, "score_fusion(weights=[0,1]):(knorm+keydiff)") == kept_by(model, "keydiff"));
  CHECK(kept_by(model, "score_fusion(weights=[1,1]):(knorm+keydiff)") != kept_by(model, "knorm"));
  CHECK_THROWS_WITH(
      kept_by(model, "score_fusion(weights=[1,2,3]):(knorm+tova)"),
      Catch::Contains("has 3 numbers for 2 scorers; expected one for each"));
}

TEST_CASE("while generating every scorer inside keeps its own state") {
  const TinyModel model("llama_gqa");
  const std::string h2o = "h2o_attention(start_size=1,recent_size=2,window_size=4)";
  const auto cut = [&](const std::string& text) {
    const Press press(composed(text, KVH_METHOD_DECODE), model.config(), DType::Float32, context());
    KvCache cache(model.decoder->cache_layout());
    model.decoder->forward(model.random_tokens(40, 8), cache);
    Timings timings;
    DecodePolicy policy;
    policy.every = 4;
    policy.entries_per_head = 16;
    DecodeRun run({press, *model.decoder, cache, timings}, policy);
    for (int i = 0; i < 6; ++i) {
      ForwardOptions options;
      options.capture = run.capture();
      options.sink = [&](int64_t layer, const LayerCapture& seen) { run.on_layer(layer, seen); };
      run.begin_forward(4);
      model.decoder->forward(model.random_tokens(4, static_cast<uint32_t>(50 + i)), cache, options);
      run.end_forward();
    }
    return held_positions(cache);
  };
  // Twice the same scorer, each with a state: as if it stood alone.
  CHECK(cut("score_fusion:(" + h2o + "+" + h2o + ")") == cut(h2o));
  CHECK(cut("score_fusion:(" + h2o + "+knorm)") != cut(h2o));
}
