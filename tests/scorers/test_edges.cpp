// SPDX-License-Identifier: Apache-2.0
// Every scorer on the smallest prompts, on one KV head, and on keys that hold NaN or infinity.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "plugin_method.hpp"
#include "resource_files.hpp"

using namespace kvhost::testing;

namespace {

constexpr const char* kScorers[] = {"adaptive_l2",
                                    "cap",
                                    "compactor",
                                    "cur",
                                    "expected_attention",
                                    "expected_attention_stats",
                                    "fix_size_l2",
                                    "h2o_attention",
                                    "h2o_l2",
                                    "keydiff",
                                    "knorm",
                                    "kvzap",
                                    "lagkv",
                                    "leverage",
                                    "non_causal",
                                    "qfilter",
                                    "snapkv",
                                    "snapkv_lite",
                                    "tova"};
// These never look at a key.
constexpr const char* kBlind[] = {"h2o_attention", "kvzap", "snapkv", "tova"};

bool is_blind(const std::string& name) {
  return std::find(std::begin(kBlind), std::end(kBlind), name) != std::end(kBlind);
}

// A whole prompt of n tokens with everything a scorer may ask for.
struct Prompt {
  Prompt(FakeShape shape, int32_t n) : layer(shape, FakeLayer::dense(shape.n_kv_heads, n), n) {
    layer.add_rope();
    layer.add_queries();
    layer.add_hidden();
    layer.add_window_attention(64);
    layer.add_attention_sum();
    layer.raw().layer_budget = shape.n_kv_heads;
    resources = write_resources(shape);
    layer.model().model_dir = resources->path();
  }
  ScoreTable score(const std::string& name) {
    const PluginMethod method(KVHOST_PLUGINS "/lib" + name + ".so", {}, nullptr, &layer.model());
    return method.score(layer.raw());
  }

  FakeLayer layer;
  std::unique_ptr<TemporaryFolder> resources;
};

bool all_finite(const ScoreTable& table) {
  for (const auto& row : table.scores)
    for (const float x : row)
      if (!std::isfinite(x)) return false;
  return true;
}

}  // namespace

TEST_CASE("every scorer answers for the smallest prompts") {
  const std::string name = GENERATE(from_range(std::begin(kScorers), std::end(kScorers)));
  for (const int32_t n_kv_heads : {1, 2}) {
    for (const int32_t n : {1, 2, 3, 5, 13, 40}) {
      FakeShape shape;
      shape.n_kv_heads = n_kv_heads;
      Prompt prompt(shape, n);
      INFO(name << ", " << n << " tokens, " << n_kv_heads << " KV heads");
      CHECK(all_finite(prompt.score(name)));
    }
  }
}

TEST_CASE("every scorer gives the same numbers again, on any number of threads") {
  const std::string name = GENERATE(from_range(std::begin(kScorers), std::end(kScorers)));
  Prompt prompt({}, 300);
  const ScoreTable first = prompt.score(name);
  INFO(name);
  CHECK(all_finite(first));
  CHECK(prompt.score(name).scores == first.scores);
  kvh_exec alone = *prompt.layer.raw().exec;
  alone.parallel_for = nullptr;
  prompt.layer.raw().exec = &alone;
  CHECK(prompt.score(name).scores == first.scores);
}

TEST_CASE("no scorer makes numbers of keys that are none") {
  const std::string name = GENERATE(from_range(std::begin(kScorers), std::end(kScorers)));
  if (is_blind(name)) return;
  const float bad =
      GENERATE(std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity());
  for (const size_t entry : {0, 20, 39}) {
    Prompt prompt({}, 40);
    prompt.layer.keys(1).data()[entry * 8 + 3] = bad;
    INFO(name << ", " << bad << " in entry " << entry);
    bool refused = false;
    try {
      refused = !all_finite(prompt.score(name));
    } catch (const CallFailed&) {
      refused = true;
    }
    CHECK(refused);
  }
}
