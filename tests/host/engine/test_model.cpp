// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "altered_checkpoint.hpp"
#include "engine/engine.hpp"
#include "model_files.hpp"

using namespace kvhost;
using namespace kvhost::test;

TEST_CASE("what there is to know of the weights is told once, when they are read") {
  std::vector<std::string> heard;
  Context context;
  context.log = [&](Context::Level level, std::string_view text) {
    if (level == Context::Level::Warning) heard.emplace_back(text);
  };
  const TempFolder dir;
  AlteredCheckpoint checkpoint("llama_mha");
  checkpoint.set("score.weight", at::ones({2, 40}));
  checkpoint.write(dir.path());
  const Engine engine({}, context);
  const Model model = engine.open({dir.path(), {}, /*needs_tokenizer=*/false});
  const auto before = model.warnings().size();
  CHECK(heard.empty());
  model.load();
  model.load();
  REQUIRE(heard.size() == 1);
  CHECK_THAT(heard[0], Catch::Contains("score.weight"));
  REQUIRE(model.warnings().size() == before + 1);
  CHECK(model.warnings().back() == heard[0]);
}
