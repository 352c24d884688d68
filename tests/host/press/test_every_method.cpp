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
  return Press(composed(press), TinyModel("llama_gqa").config(), DType::Float32, context())
      .owns_total();
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

// KV head h of `model` becomes KV head n - 1 - h, its query heads with it; what the model computes
// stays.
TinyModel reversed_heads(const std::string& name) {
  TinyModel model(name);
  const ModelConfig& c = model.config();
  const auto reversed = [&](at::Tensor& weight, int64_t dim, int64_t rows_per_kv_head) {
    if (!weight.defined()) return;
    std::vector<at::Tensor> parts = weight.split(rows_per_kv_head, dim);
    std::reverse(parts.begin(), parts.end());
    weight = at::cat(parts, dim);
  };
  const int64_t group = c.n_heads / c.n_kv_heads;
  for (auto& layer : const_cast<ModelWeights&>(model.weights->tensors()).layers) {
    for (at::Tensor* rows : {&layer.k.weight.dense(), &layer.k.bias, &layer.v.weight.dense(), &layer.v.bias})
      reversed(*rows, 0, c.head_dim);
    for (at::Tensor* rows : {&layer.q.weight.dense(), &layer.q.bias})
      reversed(*rows, 0, group * c.head_dim);
    reversed(layer.output.weight.dense(), 1, group * c.head_dim);
  }
  return model;
}

// What is learned for one head or drawn for one head belongs to the head's number.
bool knows_head_numbers(const std::string& press) {
  const auto* method = catalog().find(press.substr(0, press.find_first_of(":(+")));
  if (!method) return false;
  const auto& params = method->params;
  return method->name == "random" || std::any_of(params.begin(), params.end(), [](const auto& p) {
           return p.type == KVH_PARAM_FILE;
         });
}

// Layers get budgets of any size: by a layer allocator, or between two stages.
bool leaves_remainders(const std::string& press) {
  const auto* outer = catalog().find(press.substr(0, press.find_first_of(":(+")));
  return press.find('+') != std::string::npos ||
         (outer && outer->kind == registry::Kind::LayerAllocator);
}

// Entries of a head that only one of both holds, at most.
int64_t largest_difference(const Positions& one, const Positions& other) {
  int64_t largest = 0;
  for (size_t l = 0; l < one.size(); ++l)
    for (size_t h = 0; h < one[l].size(); ++h) {
      std::vector<int32_t> only;
      std::set_symmetric_difference(one[l][h].begin(),
                                    one[l][h].end(),
                                    other[l][h].begin(),
                                    other[l][h].end(),
                                    std::back_inserter(only));
      largest = std::max<int64_t>(largest, std::ssize(only));
    }
  return largest;
}

}  // namespace

TEST_CASE("the order of heads does not matter: reversed heads keep the same entries, reversed") {
  for (const std::string name : {"llama_gqa", "qwen2"}) {
    const TinyModel model(name), reversed = reversed_heads(name);
    const auto tokens = model.random_tokens(90, 3);
    for (const auto& press : prefill_compositions(model.config())) {
      if (knows_head_numbers(press)) continue;
      INFO(name << ", " << press);
      const auto one = held_positions(PressedCache(model, press, tokens, 21).cache);
      auto other = held_positions(PressedCache(reversed, press, tokens, 21).cache);
      for (auto& layer : other) std::reverse(layer.begin(), layer.end());
      if (one == other) continue;
      // A layer's budget need not divide by its heads: what is left over goes to the first ones, in
      // each of two stages.
      CHECK(leaves_remainders(press));
      CHECK(largest_difference(one, other) <= 4);
    }
  }
}

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
  layer.k.weight = at::full_like(layer.k.weight.dense(), std::numeric_limits<float>::quiet_NaN());
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
