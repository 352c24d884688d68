// SPDX-License-Identifier: Apache-2.0
// What must hold for every method of the build, whatever it computes.
#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

// The smallest model there can be: one layer, one KV head. Learned files have other shapes, so
// methods that read one do not run on it.
TinyModel smallest() {
  ModelConfig config = TinyModel("llama_gqa").config();
  config.n_layers = 1;
  config.n_heads = config.n_kv_heads = 1;
  return TinyModel(Weights::random(config, DType::Float32, /*seed=*/3));
}

bool own_total(const std::string& press) {
  return Press(composed(press), TinyModel("llama_gqa").config(), DType::Float32).owns_total();
}

void check_lengths(const TinyModel& model, const std::string& press, int64_t n, int64_t budget) {
  INFO(press << ", " << n << " tokens, budget " << budget);
  const PressedCache pressed(model, press, model.random_tokens(n, 5), budget);
  for (const auto& layer : held_positions(pressed.cache))
    for (const auto& head : layer) {
      CHECK(std::ssize(head) <= n);
      CHECK(std::is_sorted(head.begin(), head.end()));
      if (budget >= n) CHECK(std::ssize(head) == n);
    }
}

}  // namespace

TEST_CASE("every method bears one token, a budget of one, and a budget beyond the prompt") {
  const TinyModel model("llama_gqa");
  for (const auto& press : prefill_compositions(model.config())) {
    check_lengths(model, press, 1, 1);
    check_lengths(model, press, 9, 1);
    if (!own_total(press)) check_lengths(model, press, 30, 100);
  }
}

TEST_CASE("every method bears one layer with one KV head") {
  const TinyModel model = smallest();
  for (const auto& press : prefill_compositions(model.config())) {
    if (catalog().find(press.substr(0, press.find_first_of(":(+"))) == nullptr) continue;
    try {
      check_lengths(model, press, 40, 7);
    } catch (const Error& e) {  // a learned file that is not there
      INFO(press << ": " << e.what());
      CHECK(e.code() == ExitCode::CannotLoad);
    }
  }
}

TEST_CASE("keys that are not finite are an error that names method and layer, for every method") {
  const TinyModel model("llama_gqa");
  auto& layer = const_cast<ModelWeights&>(model.weights->tensors()).layers[1];
  layer.k.weight = at::full_like(layer.k.weight, std::numeric_limits<float>::quiet_NaN());
  for (const auto& press : prefill_compositions(model.config())) {
    INFO(press);
    std::string error = "accepted";
    try {
      PressedCache(model, press, model.random_tokens(40, 1), 8);
    } catch (const Error& e) {
      error = e.what();
    }
    CHECK_THAT(error, Catch::Contains(", layer 1: ") && Catch::Contains("finite"));
  }
}

TEST_CASE("kept sets are the same for any number of threads") {
  const TinyModel model("qwen3");
  const auto tokens = model.random_tokens(120, 2);
  for (const auto& press : prefill_compositions(model.config())) {
    INFO(press);
    set_num_threads(1);
    const auto one = held_positions(PressedCache(model, press, tokens, 16).cache);
    set_num_threads(2);
    CHECK(one == held_positions(PressedCache(model, press, tokens, 16).cache));
  }
}

TEST_CASE("a scorer alone keeps nested sets: what a small budget keeps, a larger one keeps too") {
  const TinyModel model("llama_gqa");
  const auto tokens = model.random_tokens(100, 9);
  for (const auto& method : catalog().methods()) {
    if (method.kind != registry::Kind::Scorer || method.name.rfind("zoo_", 0) == 0) continue;
    if (method.flags & KVH_METHOD_NEEDS_BUDGET) continue;
    INFO(method.name);
    const auto small = held_positions(PressedCache(model, method.name, tokens, 20).cache);
    const auto large = held_positions(PressedCache(model, method.name, tokens, 45).cache);
    for (size_t l = 0; l < small.size(); ++l)
      for (size_t h = 0; h < small[l].size(); ++h)
        CHECK(std::includes(
            large[l][h].begin(), large[l][h].end(), small[l][h].begin(), small[l][h].end()));
  }
}
