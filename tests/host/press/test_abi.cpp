// SPDX-License-Identifier: Apache-2.0
// What ABI 1.0 shows methods and takes from them, where no shipped method needs all of it: the binaries
// of tests/museum ask for it and fail where they are shown something else.
#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "base/error.hpp"
#include "method/host_services.hpp"
#include "press/decode_run.hpp"
#include "press/prefill_run.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

const registry::Catalog& museum() {
  static const auto scanned =
      registry::Catalog::scan({std::string(KVHOST_TEST_DATA) + "/museum/1.0", KVHOST_TEST_PLUGINS},
                              KVHOST_TEST_DESCRIBE,
                              "");
  return scanned;
}

Composition from_museum(const std::string& text) {
  return compose({PressSource::Form::Text, text, "--press", ""},
                 museum(),
                 AliasTable(),
                 KVH_METHOD_PREFILL);
}

}  // namespace

TEST_CASE("a method's lines carry its name and where it stands, on one line") {
  const TinyModel model("llama_gqa");
  std::vector<std::string> lines;
  Context listening;
  listening.log = [&](Context::Level, std::string_view text) { lines.emplace_back(text); };
  const Press press(from_museum("adakv:museum_gcc_c"), model.config(), DType::Float32, listening);
  CHECK(lines == std::vector<std::string>{
                     "museum_gcc_c (--press, column 7): from the museum"});
}

TEST_CASE("a model whose layers differ is shown to methods that say so, and to no others") {
  const TinyModel model("llama_gqa");
  const ModelView view(model.config(), DType::Float32);
  const kvh_model& even = *view.get();
  CHECK(is_even(even));
  std::vector<kvh_layer_shape> shapes;
  std::vector<const kvh_layer_shape*> rows;
  for (int32_t l = 0; l < even.n_layers; ++l) shapes.push_back(*even.layers[l]);
  for (const auto& shape : shapes) rows.push_back(&shape);
  kvh_model uneven = even;
  uneven.layers = rows.data();
  CHECK(is_even(uneven));
  const auto differs = [&](auto change) {
    const kvh_layer_shape kept = shapes[1];
    change(shapes[1]);
    const bool even_still = is_even(uneven);
    shapes[1] = kept;
    return !even_still;
  };
  CHECK(differs([](kvh_layer_shape& s) { s.n_kv_heads += 1; }));
  CHECK(differs([](kvh_layer_shape& s) { s.n_heads += 1; }));
  CHECK(differs([](kvh_layer_shape& s) { s.key_dim += 8; }));
  CHECK(differs([](kvh_layer_shape& s) { s.value_dim += 8; }));
  CHECK(differs([](kvh_layer_shape& s) { s.shares_with = 0; }));
  CHECK(differs([](kvh_layer_shape& s) { s.kind = 7; }));
  CHECK_FALSE(differs([](kvh_layer_shape& s) { s.window = 12; }));

  shapes[1].n_kv_heads += 1;
  const Composition knorm = composed("knorm");
  CHECK_THROWS_WITH(
      Instance(*knorm.stages[0].scorer, &uneven, context(), nullptr),
      Catch::Contains("'knorm' is for models whose layers are all alike, and those of 'llama'"));
}

TEST_CASE("layers have the bytes of an entry, and the rotation that is theirs") {
  const TinyModel model("llama_gqa");
  const ModelConfig& c = model.config();
  for (const DType dtype : {DType::Float32, DType::BFloat16}) {
    const ModelView view(c, dtype);
    for (int32_t l = 0; l < view.get()->n_layers; ++l) {
      const kvh_layer_shape& shape = *view.get()->layers[l];
      CHECK(shape.entry_bytes == 2 * c.head_dim * (dtype == DType::Float32 ? 4 : 2));
      CHECK(shape.key_dim == c.head_dim);
      CHECK(shape.rope != nullptr);
    }
  }
}

TEST_CASE("joint:defensive divides the whole model exactly, and its scores know no layer's budget") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(90, 3);
  const int64_t total = 50 * model.config().n_layers * model.config().n_kv_heads;
  const std::string defensive = "defensive(window_size=8)";
  const PressedCache joint(model, "joint:" + defensive, tokens, 50),
      even(model, "adakv(alpha_safeguard=0):" + defensive, tokens, 50),
      slanted(model, "pyramidkv(window_size=8):adakv:" + defensive, tokens, 50),
      less(model, "joint:" + defensive, tokens, 20);
  CHECK(joint.budgets.total() == total);
  const auto& entries = joint.budgets.entries;
  CHECK(*std::max_element(entries.begin(), entries.end()) >
        *std::min_element(entries.begin(), entries.end()));
  CHECK(joint.trace.scores == even.trace.scores);
  CHECK(joint.trace.scores == slanted.trace.scores);
  CHECK(joint.trace.scores != less.trace.scores);  // fewer are safe, so scores differ
}

TEST_CASE("a method that names a need of no tensor twice, or of another phase, gets what it named") {
  // The museum's scorer asks for one tensor in two windows, for hidden states of every second layer of
  // a prompt, and for a tensor that there is none of; it fails where one is not as it said.
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(40, 9);
  for (const char* name : {"museum_gcc_c", "museum_clang_c"}) {
    const Press press(from_museum(name), model.config(), DType::Float32, context());
    const CaptureRequest capture = press.capture();
    CHECK(capture.query_window == 6);
    CHECK(capture.hidden_window == 3);
    KvCache cache(model.decoder->cache_layout());
    Timings timings;
    PressTrace trace;
    const int64_t total = 9 * model.config().n_layers * model.config().n_kv_heads;
    PrefillRun run({press, *model.decoder, cache, timings, 0, nullptr}, total, 40, trace);
    ForwardOptions options;
    options.capture = capture;
    options.sink = [&](int64_t layer, const LayerCapture& seen) { run.on_layer(layer, seen); };
    model.decoder->forward(tokens, cache, options);
    run.finish();
    const PressedCache knorm(model, "knorm", tokens, 9);
    CHECK(held_positions(cache) == held_positions(knorm.cache));
  }
  const Composition decodes = compose({PressSource::Form::Text, "museum_gcc_c", "--decode-press", ""},
                                      museum(),
                                      AliasTable(),
                                      KVH_METHOD_DECODE);
  const Press press(decodes, model.config(), DType::Float32, context());
  CHECK(press.capture().hidden_window == 0);  // hidden states are a need of the prefill only
}

TEST_CASE("a plugin made when states could only be copied is forked, and neither saved nor taken back") {
  // The museum's wrapper has the struct of that time, which ends behind copy().
  const TinyModel model("llama_gqa");
  const Composition decodes = compose(
      {PressSource::Form::Text, "museum_gcc_wrapper:knorm", "--decode-press", ""},
      museum(),
      AliasTable(),
      KVH_METHOD_DECODE);
  const Press press(decodes, model.config(), DType::Float32, context());
  KvCache cache(model.decoder->cache_layout());
  model.decoder->forward(model.random_tokens(40, 8), cache);
  Timings timings;
  DecodePolicy policy;
  policy.every = 4;
  policy.entries_per_head = 16;
  const PressedSequence on{press, *model.decoder, cache, timings};
  DecodeRun run(on, policy);
  const auto read = [&](int64_t n, uint32_t seed) {
    ForwardOptions options;
    options.sink = [&](int64_t layer, const LayerCapture& seen) { run.on_layer(layer, seen); };
    run.begin_forward(n);
    model.decoder->forward(model.random_tokens(n, seed), cache, options);
    run.end_forward();
  };
  CHECK(run.snapshot().empty());
  read(2, 51);
  CHECK(run.snapshot().facts.at("decode_states").empty());  // no method was called yet
  CHECK(run.why_not_back(41).empty());
  read(2, 52);
  read(1, 53);
  CHECK_NOTHROW(DecodeRun(run, on));
  CHECK_THROWS_WITH(run.snapshot(),
                    Catch::Contains("save: 'museum_gcc_wrapper' keeps a state of its own"));
  CHECK_THAT(run.why_not_back(44), Catch::Contains("'museum_gcc_wrapper' keeps a state of its own"));
  CHECK_THAT(run.why_not_back(43), Catch::Contains("entries of the first 43 tokens are gone"));
}
