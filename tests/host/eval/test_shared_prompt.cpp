// SPDX-License-Identifier: Apache-2.0
// One reading for several compositions, and what happens when one of them fails.
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "eval/shared_prompt.hpp"
#include "eval_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

Policy policy(const Engine& engine, const Model& model, const std::string& press) {
  PolicyOptions options;
  options.press = {PressSource::Form::Text, press, "--press", ""};
  if (press != "none") options.keep_ratio = 0.5;
  options.min_entries = 0;
  return engine.policy(model, options);
}

Model tiny_of(const Engine& engine) {
  return engine.open({std::filesystem::path(KVHOST_SOURCE_DIR) / "models/tiny", DType::Float32});
}

}  // namespace

TEST_CASE("who shares a prompt is handed out in order, and holds what it would alone") {
  const Engine engine({{KVHOST_TEST_PLUGINS}}, {});
  const Model model = tiny_of(engine);
  const std::vector<int32_t> prompt = model.encode("Alice was beginning to get very tired of it.");
  eval::SharedPrompt shared(model, prompt);
  const Policy full = policy(engine, model, "none"), knorm = policy(engine, model, "knorm"),
               random = policy(engine, model, "random");
  shared.add(full, 0);
  shared.add(knorm, 0);
  shared.add(random, 3);
  CHECK(shared.take({}).press() == "none");
  CHECK(shared.take({}).press() == "knorm");
  SequenceOptions seeded;
  seeded.method_seed = 3;
  Sequence alone(model, random, seeded);
  alone.prefill(prompt);
  CHECK(shared.take({}).kept() == alone.kept());
}

TEST_CASE("one of several fails in its turn, the others are read") {
  const Engine engine({{KVHOST_TEST_PLUGINS, KVHOST_TEST_ZOO}}, {});
  const Model model = tiny_of(engine);
  const std::vector<int32_t> prompt = model.encode("Alice was beginning to get very tired of it.");
  eval::SharedPrompt shared(model, prompt);
  const Policy knorm = policy(engine, model, "knorm"), zoo = policy(engine, model, "zoo_error");
  shared.add(knorm, 0);
  shared.add(zoo, 0);
  CHECK(shared.take({}).tokens() == prompt);
  CHECK_THROWS_WITH(shared.take({}), Catch::StartsWith("zoo_error, layer 0: "));
}
