// SPDX-License-Identifier: Apache-2.0
// Methods that read the prompt more than once, and the ranking of all layers together.
#include <algorithm>
#include <catch2/catch.hpp>
#include <tuple>

#include "base/error.hpp"
#include "press/passes.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

// The best `total` of all entries by the scores of a trace, ties to lower positions and layers.
Positions best_of_all(const PressTrace& trace, int64_t total) {
  std::vector<std::tuple<float, int64_t, size_t, size_t>> all;
  for (size_t l = 0; l < trace.scores.size(); ++l)
    for (size_t h = 0; h < trace.scores[l].size(); ++h)
      for (size_t i = 0; i < trace.scores[l][h].size(); ++i)
        all.emplace_back(-trace.scores[l][h][i], i, l, h);
  std::sort(all.begin(), all.end());
  Positions kept(trace.scores.size());
  for (auto& layer : kept) layer.resize(trace.scores[0].size());
  for (int64_t i = 0; i < total; ++i) {
    const auto& [score, position, l, h] = all[static_cast<size_t>(i)];
    kept[l][h].push_back(static_cast<int32_t>(position));
  }
  for (auto& layer : kept)
    for (auto& head : layer) std::sort(head.begin(), head.end());
  return kept;
}

int64_t count_of(const Positions& kept) {
  int64_t n = 0;
  for (const auto& layer : kept)
    for (const auto& head : layer) n += std::ssize(head);
  return n;
}

std::string refusal_of(const TinyModel& model, const std::string& press) {
  try {
    PressedCache(model, press, model.random_tokens(40, 1), 8);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("joint keeps the best entries of the whole model") {
  const TinyModel model("llama_gqa");
  const ModelConfig& c = model.config();
  for (const std::string scorer : {"knorm", "keydiff", "kvzip(n_sink=0,chunk_size=31)"}) {
    const PressedCache pressed(model, "joint:" + scorer, model.random_tokens(97, 4), 23);
    INFO(scorer);
    CHECK(held_positions(pressed.cache) ==
          best_of_all(pressed.trace, 23 * c.n_layers * c.n_kv_heads));
  }
}

TEST_CASE("joint with even heads and with a safeguard keeps the same total") {
  const TinyModel model("llama_gqa");
  const ModelConfig& c = model.config();
  const auto tokens = model.random_tokens(97, 4);
  const auto even =
      held_positions(PressedCache(model, "joint(heads=even):knorm", tokens, 23).cache);
  CHECK(count_of(even) == 23 * c.n_layers * c.n_kv_heads);
  for (const auto& layer : even)
    for (const auto& head : layer) CHECK(std::abs(std::ssize(head) - std::ssize(layer[0])) <= 1);
  const auto safe =
      held_positions(PressedCache(model, "joint(alpha_safeguard=0.5):knorm", tokens, 23).cache);
  CHECK(count_of(safe) == 23 * c.n_layers * c.n_kv_heads);
  for (const auto& layer : safe)
    for (const auto& head : layer) CHECK(std::ssize(head) >= 11);
}

TEST_CASE("a head allocator inside joint divides each layer's entries anew") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(97, 4);
  const auto flat = held_positions(PressedCache(model, "joint:knorm", tokens, 23).cache);
  const auto divided =
      held_positions(PressedCache(model, "joint:adakv(alpha_safeguard=0):knorm", tokens, 23).cache);
  CHECK(flat == divided);
}

TEST_CASE("passes leave nothing behind: a budget of everything is the full cache, to the bit") {
  for (const std::string name : {"llama_gqa", "qwen3", "gemma3"}) {
    const TinyModel model(name);
    const auto tokens = model.random_tokens(70, 8);
    const PressedCache full(model, "none", tokens, 70);
    const PressedCache pressed(model, "kvzip(chunk_size=20)", tokens, 70);
    INFO(name);
    CHECK(pressed.cache.n_seen() == 70);
    CHECK(pressed.timings.passes_ms > 0);
    for (int64_t l = 0; l < model.config().n_layers; ++l)
      for (int64_t h = 0; h < model.config().n_kv_heads; ++h) {
        const HeadSpan ours = pressed.cache.head(l, h), theirs = full.cache.head(l, h);
        const int64_t skipped = theirs.n - ours.n;  // what a sliding window dropped
        CHECK(std::equal(ours.positions, ours.positions + ours.n, theirs.positions + skipped));
        const auto* keys = static_cast<const float*>(ours.keys);
        CHECK(
            std::equal(keys,
                       keys + ours.n * model.config().head_dim,
                       static_cast<const float*>(theirs.keys) + skipped * model.config().head_dim));
      }
  }
}

TEST_CASE("the cost of passes is that of the chunks, their instructions and the prompt's sinks") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(70, 8);
  SeenPrompt prompt = byte_prompt(tokens, model.config());
  const Press press(composed("kvzip(chunk_size=30)"), model.config(), DType::Float32, context());
  const std::string first = "\n\nRepeat the previous context exactly.";
  const std::string later = "\n\nRepeat the part of the previous context exactly, starting with";
  const auto n_first = static_cast<int64_t>(first.size()),
             n_later = static_cast<int64_t>(later.size());
  const auto reports = pass_reports(press, prompt);
  REQUIRE(reports.size() == 1);
  const kvh_pass_cost& cost = reports[0].cost;
  CHECK(cost.n_passes == 3);
  CHECK(cost.n_tokens == n_first + 2 * (n_later + 8) + 3 + 70);
  CHECK(cost.longest == n_later + 8 + 1 + 30);
  prompt.n_template = 45;
  CHECK(pass_reports(press, prompt)[0].cost.n_passes == 1);
}

TEST_CASE("passes can be stopped while they run") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(60, 2);
  const SeenPrompt prompt = byte_prompt(tokens, model.config());
  const Press press(
      composed("joint:kvzip(chunk_size=20)"), model.config(), DType::Float32, context());
  KvCache cache(model.decoder->cache_layout());
  Timings timings;
  PressTrace trace;
  PrefillRun run({press, *model.decoder, cache, timings, 0, &prompt}, 64, 60, trace);
  ForwardOptions options;
  options.sink = [&](int64_t layer, const LayerCapture& capture) { run.on_layer(layer, capture); };
  model.decoder->forward(tokens, cache, options);
  CHECK(run.passes_share() > 0.5);
  std::vector<double> told;
  const auto stop = [&](double share) {
    told.push_back(share);
    if (share > 0.4) throw Error(ExitCode::Interrupted, "test", "stopped");
  };
  CHECK_THROWS_AS(run.finish(stop), Error);
  CHECK(std::is_sorted(told.begin(), told.end()));
  CHECK(told.size() >= 3);
}

TEST_CASE("compositions that cannot be ranked or read again say so") {
  const TinyModel model("llama_gqa");
  CHECK_THAT(refusal_of(model, "joint:criticalkv:knorm"),
             Catch::Contains("'criticalkv' scores by the layer's budget"));
  CHECK_THAT(refusal_of(model, "knorm+kvzip"),
             Catch::Contains("'kvzip' decides from the prompt and stands after a '+'"));
  CHECK(refusal_of(model, "criticalkv:kvzip") == "accepted");
  CHECK(refusal_of(model, "chunkkv:kvzip+knorm") == "accepted");
}
