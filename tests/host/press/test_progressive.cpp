// SPDX-License-Identifier: Apache-2.0
// Provisional cuts while layers go by must end where a single cut with everything at hand would.
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <numeric>

#include "press/cutter.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

// What one cut from the full scores keeps, given the final budgets.
Positions one_shot(const TinyModel& model,
                   const std::string& text,
                   const std::vector<int32_t>& tokens,
                   const PressedCache& pressed) {
  KvCache cache(model.decoder->cache_layout());
  model.decoder->forward(tokens, cache);
  const Press press(composed(text), model.config(), DType::Float32, context());
  StageState state(press.first());
  Timings timings;
  Cutter cutter(press.first(), state, cache, timings);
  const kvh_exec exec = make_exec(context(), 0);
  for (int64_t l = 0; l < model.config().n_layers; ++l) {
    drop_unseen(model.config(), l, static_cast<int64_t>(tokens.size()), cache);
    LayerInputs in;
    in.layer = l;
    in.n_seen = in.q_len = static_cast<int64_t>(tokens.size());
    in.cache = &cache;
    in.model = press.model();
    in.exec = &exec;
    LayerData data(in);
    LayerScores scores{pressed.trace.scores[l], {}};
    for (const auto& row : scores.scores) scores.pins.emplace_back(row.size(), int8_t{0});
    cutter.cut(data, l, pressed.budgets.entries[l], scores);
  }
  return held_positions(cache);
}

}  // namespace

TEST_CASE("progressive cuts keep what one cut at the end would keep") {
  // knorm pins nothing, so its scores alone define the selection.
  for (const auto& name : tiny_models()) {
    const TinyModel model(name);
    for (const int64_t budget : {3, 16, 37}) {
      const auto tokens = model.random_tokens(130, static_cast<uint32_t>(budget));
      const std::string text = "rankkv(profile=none):adakv:knorm";
      PressedCache pressed(model, text, tokens, budget);
      INFO(name << ", budget " << budget);
      CHECK(held_positions(pressed.cache) == one_shot(model, text, tokens, pressed));
      const auto caps = layer_bounds(model.config(), 130).caps;
      const int64_t most = std::accumulate(caps.begin(), caps.end(), int64_t{0});
      const auto& entries = pressed.budgets.entries;
      CHECK(std::accumulate(entries.begin(), entries.end(), int64_t{0}) ==
            std::min(budget * model.config().n_layers * model.config().n_kv_heads, most));
    }
  }
}

TEST_CASE("the cache never holds more than the budget, one full layer and the slack") {
  const TinyModel model("llama_gqa");
  const auto& c = model.config();
  const auto tokens = model.random_tokens(400, 3);
  PressedCache pressed(model, "rankkv(profile=none):knorm", tokens, 40);
  const CacheLayout& layout = pressed.cache.layout();
  const int64_t entry = layout.bytes_per_entry() + static_cast<int64_t>(sizeof(int32_t));
  const int64_t total = 40 * c.n_layers * c.n_kv_heads, layer = 400 * c.n_kv_heads,
                slack = 8 * c.n_kv_heads * c.n_layers;
  const int64_t pages = 3 * 4096 * c.n_layers;
  CHECK(pressed.cache.bytes_peak() <= (total * 105 / 100 + layer + slack) * entry + pages);
}
