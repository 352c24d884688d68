// SPDX-License-Identifier: Apache-2.0
// Kept sets against kvpress 0.5.5 at equal counts, from files that tests/oracle/kept_golden.py
// wrote.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json_file.hpp"
#include "press_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

// Positions of `ours` and `theirs` may differ only where the scores tie at the cut.
bool same_up_to_ties(const std::vector<int32_t>& ours,
                     const std::vector<int32_t>& theirs,
                     const std::set<int32_t>& tied) {
  std::vector<int32_t> difference;
  std::set_symmetric_difference(
      ours.begin(), ours.end(), theirs.begin(), theirs.end(), std::back_inserter(difference));
  return std::all_of(
      difference.begin(), difference.end(), [&](int32_t p) { return tied.count(p) > 0; });
}

std::set<int32_t> tied_of(const nlohmann::json& layer, size_t head) {
  if (!layer.contains("tied")) return {};
  const auto positions = layer["tied"][head].get<std::vector<int32_t>>();
  return {positions.begin(), positions.end()};
}

void check_case(const TinyModel& model,
                const std::vector<int32_t>& all_tokens,
                const nlohmann::json& expected) {
  const auto press = expected["press"].get<std::string>();
  const auto n_tokens = expected["n_tokens"].get<int64_t>();
  const auto& given = expected["budget"];  // null: the method decides
  const int64_t budget = given.is_null() ? n_tokens : given.get<int64_t>();
  INFO(press << ", " << n_tokens << " tokens, budget " << budget);
  PressedCache pressed(model, press, {all_tokens.begin(), all_tokens.begin() + n_tokens}, budget);
  const Positions ours = held_positions(pressed.cache);
  for (size_t l = 0; l < ours.size(); ++l)
    for (size_t h = 0; h < ours[l].size(); ++h) {
      const auto& layer = expected["layers"][l];
      INFO("layer " << l << ", KV head " << h << "; regenerate with tests/oracle/kept_golden.py");
      CHECK(same_up_to_ties(
          ours[l][h], layer["kept"][h].get<std::vector<int32_t>>(), tied_of(layer, h)));
    }
}

namespace fs = std::filesystem;

fs::path golden_folder() { return fs::path(KVHOST_TEST_DATA) / "golden/kept"; }

// Each model is a test of its own, so that they run side by side.
const std::vector<std::string> kModels = {"llama_gqa", "llama_mha", "qwen2", "qwen3"};

void check_model(const std::string& name) {
  const TinyModel model(name);
  size_t n_cases = 0;
  for (const char* kind : {".json", ".wrappers.json", ".passes.json"}) {
    const auto golden = read_json(golden_folder() / (name + kind), ExitCode::BadRequest);
    INFO(name << kind);
    REQUIRE(golden["model"] == "tests/golden/models/" + name);
    const auto tokens = golden["tokens"].get<std::vector<int32_t>>();
    for (const auto& expected : golden["cases"]) {
      if (expected.contains("refused")) continue;  // kvpress has no answer there
      check_case(model, tokens, expected);
      ++n_cases;
    }
  }
  CHECK(n_cases > 150);
}

}  // namespace

TEST_CASE("kept sets equal kvpress's up to ties: llama_gqa") { check_model(kModels[0]); }
TEST_CASE("kept sets equal kvpress's up to ties: llama_mha") { check_model(kModels[1]); }
TEST_CASE("kept sets equal kvpress's up to ties: qwen2") { check_model(kModels[2]); }
TEST_CASE("kept sets equal kvpress's up to ties: qwen3") { check_model(kModels[3]); }

TEST_CASE("every file of golden kept sets belongs to a model that is compared") {
  for (const auto& file : fs::directory_iterator(golden_folder())) {
    const std::string name = file.path().filename().string();
    INFO(name);
    CHECK(std::count(kModels.begin(), kModels.end(), name.substr(0, name.find('.'))) == 1);
  }
}
