// SPDX-License-Identifier: Apache-2.0
// A surrogate of the bundled tiny model, from text to the scorer that reads it.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.hpp"
#include "engine/engine.hpp"
#include "engine/sequence.hpp"
#include "temp_folder.hpp"
#include "train/surrogate_file.hpp"
#include "train/trainer.hpp"

using namespace kvhost;
using namespace kvhost::train;

namespace {

namespace fs = std::filesystem;

const fs::path kText = fs::path(KVHOST_SOURCE_DIR) / "bench/texts/alice_1_2.txt";

const Engine& engine() {
  static const Engine one({{fs::path(KVHOST_TEST_PLUGINS)}}, {});
  return one;
}

Model tiny() {
  return engine().open({fs::path(KVHOST_SOURCE_DIR) / "models/tiny", DType::Float32, true});
}

TrainOptions options(const fs::path& out, SurrogateType type) {
  TrainOptions wanted;
  wanted.method = "kvzap";
  wanted.type = type;
  wanted.data = {kText};
  wanted.out = out;
  wanted.text_tokens = 200;
  wanted.n_samples = 150;
  wanted.max_pairs = 1500;
  wanted.mlp.epochs = 4;
  return wanted;
}

std::string bytes_of(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

std::string refusal(const TrainOptions& wanted) {
  try {
    train::train(engine(), tiny(), wanted, [](std::string_view, double) {});
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

// The scores that a composition gives a text.
std::vector<std::vector<std::vector<float>>> scores_of(const Model& model,
                                                       const std::string& press,
                                                       const std::vector<int32_t>& tokens) {
  PolicyOptions wanted;
  wanted.press = {PressSource::Form::Text, press, "--press", ""};
  wanted.keep_ratio = 1.0;
  SequenceOptions keeping;
  keeping.keep_scores = true;
  Sequence sequence(model, engine().policy(model, wanted), keeping);
  sequence.prefill(tokens);
  return sequence.scores();
}

}  // namespace

TEST_CASE("a trained surrogate is read by its scorer and follows its teacher on text held out") {
  const test::TempFolder folder;
  const Model model = tiny();
  for (const auto type : {SurrogateType::Linear, SurrogateType::Mlp}) {
    const fs::path file = folder.path() / (std::string(type_name(type)) + ".safetensors");
    double last = 0;
    const TrainReport report =
        train::train(engine(), model, options(file, type), [&](std::string_view, double share) {
          last = share;
        });
    INFO(type_name(type));
    CHECK(last > 0);
    CHECK(report.n_pairs >= 1500);
    CHECK_FALSE(fs::exists(file.string() + ".pairs"));
    for (const auto& layer : report.layers) CHECK(layer.fit.spearman > 0.2);
    const auto facts = surrogate_facts(file);
    REQUIRE(facts);
    CHECK(facts->n_parameters == report.n_parameters);
    CHECK(facts->metadata.at("model_hash") == model.weights_hash());
    const auto text =
        model.encode("The rabbit took a watch out of its pocket and ran across the field.");
    const std::string press =
        std::string("kvzap(model_type=") + type_name(type) + ",file=\"" + file.string() + "\")";
    const auto predicted = scores_of(model, press, text);
    const auto taught = scores_of(model, report.teacher, text);
    double error = 0, spread = 0;
    for (size_t l = 0; l < taught.size(); ++l)
      for (size_t h = 0; h < taught[l].size(); ++h)
        for (size_t i = 4; i < text.size(); ++i) {
          error += std::abs(static_cast<double>(predicted[l][h][i]) -
                            std::log(static_cast<double>(taught[l][h][i])));
          spread += std::abs(std::log(static_cast<double>(taught[l][h][i])));
        }
    CHECK(error < 0.5 * spread);  // targets are logarithms: a wrong scale would be far off
  }
}

TEST_CASE("a stopped training goes on and ends with the same bytes") {
  const test::TempFolder folder;
  TrainOptions once = options(folder.path() / "once.safetensors", SurrogateType::Linear);
  train::train(engine(), tiny(), once, [](std::string_view, double) {});
  TrainOptions stopped = options(folder.path() / "stopped.safetensors", SurrogateType::Linear);
  stopped.work = folder.path() / "pairs";
  const auto stop = [](std::string_view, double share) {
    if (share > 0.35) throw Error(ExitCode::Interrupted, "test", "stopped");
  };
  CHECK_THROWS_AS(train::train(engine(), tiny(), stopped, stop), Error);
  CHECK(fs::exists(stopped.work / "state.json"));
  std::ofstream(stopped.work / "layer.0.pairs", std::ios::app) << "half a row";
  double first = -1;
  train::train(engine(), tiny(), stopped, [&](std::string_view, double share) {
    if (first < 0) first = share;
  });
  CHECK(first > 0.2);
  CHECK(bytes_of(stopped.out) == bytes_of(once.out));
  stopped.seed = 1;
  CHECK_THAT(refusal(stopped),
             Catch::Contains("holds pairs of another model, teacher, text or seed"));
}

TEST_CASE("what cannot be learned is refused in a line") {
  const test::TempFolder folder;
  TrainOptions wanted = options(folder.path() / "x.safetensors", SurrogateType::Linear);
  wanted.method = "knorm";
  CHECK_THAT(refusal(wanted), Catch::Contains("'knorm' learns nothing from another's scores"));
  wanted.method = "kvzap";
  wanted.text_tokens = 1 << 20;
  CHECK_THAT(refusal(wanted), Catch::Contains("pieces of 1048576 tokens; expected 2 at least"));
  wanted.data = {folder.path() / "absent.txt"};
  CHECK_THAT(refusal(wanted), Catch::Contains("absent.txt"));
}
