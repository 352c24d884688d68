// SPDX-License-Identifier: Apache-2.0
// Methods that go wrong when called: each is an Error that names the method and what it did.
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

std::string refusal(const std::string& press) {
  const TinyModel model("llama_gqa");
  try {
    PressedCache pressed(model, press, model.random_tokens(40, 1), 8);
  } catch (const Error& e) {
    CHECK(e.code() == ExitCode::RunFailed);
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("a scorer that misbehaves is named with its layer") {
  CHECK_THAT(refusal("zoo_nan"),
             Catch::StartsWith("zoo_nan, layer 0: the score of entry") &&
                 Catch::Contains("not a finite number"));
  CHECK_THAT(refusal("zoo_unwritten"),
             Catch::StartsWith("zoo_unwritten, layer 0: the score of entry"));
  CHECK_THAT(refusal("zoo_error"), Catch::StartsWith("zoo_error, layer 0: "));
  CHECK_THAT(refusal("zoo_throw"), Catch::StartsWith("zoo_throw, layer 0: "));
}

TEST_CASE("a head allocator that divides wrongly is named with both sums") {
  CHECK_THAT(refusal("zoo_bad_sum:knorm"),
             Catch::StartsWith("zoo_bad_sum, layer 0: ") && Catch::Contains("expected"));
}

TEST_CASE("inside a wrapper a scorer's error is its own, and an interrupt stays one") {
  for (const std::string wrapper : {"chunkkv:", "criticalkv:", "head_mean:", "chunk:"}) {
    INFO(wrapper);
    CHECK_THAT(refusal(wrapper + "zoo_error"),
               Catch::StartsWith("zoo_error, layer 0: ") &&
                   Catch::Contains("the zoo refuses this window"));
    CHECK_THAT(refusal(wrapper + "zoo_throw"), Catch::StartsWith("zoo_throw, layer 0: "));
  }
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(40, 1);
  Context stopped;
  stopped.cancelled = [] { return true; };
  // Its sums of attention are computed block by block and ask between blocks.
  const Press press(composed("chunkkv:h2o_attention"), model.config(), DType::Float32, stopped);
  KvCache cache(model.decoder->cache_layout());
  Timings timings;
  PressTrace trace;
  PrefillRun run({press, *model.decoder, cache, timings}, 48, 40, trace);
  ForwardOptions options;
  options.capture = press.capture();
  options.sink = [&](int64_t layer, const LayerCapture& capture) { run.on_layer(layer, capture); };
  try {
    model.decoder->forward(tokens, cache, options);
    FAIL("went on");
  } catch (const Error& e) {
    CHECK(e.code() == ExitCode::Interrupted);
  }
}
