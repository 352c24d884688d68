// SPDX-License-Identifier: Apache-2.0
// What methods learn of the tiny model from a text, beside what kvpress and transformers have of the
// same text (tests/oracle/calibrate_golden.py).
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.hpp"
#include "engine/engine.hpp"
#include "engine/sequence.hpp"
#include "temp_folder.hpp"
#include "train/calibrator.hpp"

using namespace kvhost;
using namespace kvhost::train;

namespace {

namespace fs = std::filesystem;

const Engine& engine() {
  static const Engine one({{fs::path(KVHOST_TEST_PLUGINS)}}, {});
  return one;
}

Model tiny() {
  return engine().open({fs::path(KVHOST_SOURCE_DIR) / "models/tiny", DType::Float32, true});
}

std::string bytes_of(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

// The text of the golden file: the first 3000 bytes of a book.
struct Folder {
  test::TempFolder folder;
  fs::path path = folder.path();
  Folder() {
    std::ofstream(text()) << bytes_of(fs::path(KVHOST_SOURCE_DIR) / "bench/texts/alice_1_2.txt")
                                 .substr(0, 3000);
  }
  fs::path text() const { return path / "text.txt"; }
};

struct Stored {
  std::map<std::string, std::pair<std::vector<int64_t>, std::vector<float>>> tensors;
  nlohmann::json metadata;
};

Stored stored_in(const fs::path& file) {
  const std::string bytes = bytes_of(file);
  uint64_t length = 0;
  REQUIRE(bytes.size() > sizeof length);
  std::memcpy(&length, bytes.data(), sizeof length);
  Stored out;
  const auto header = nlohmann::json::parse(bytes.substr(8, length));
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      out.metadata = entry;
      continue;
    }
    const auto begin = entry["data_offsets"][0].get<size_t>();
    const auto end = entry["data_offsets"][1].get<size_t>();
    std::vector<float> values((end - begin) / sizeof(float));
    std::memcpy(values.data(), bytes.data() + 8 + length + begin, end - begin);
    out.tensors[name] = {entry["shape"].get<std::vector<int64_t>>(), values};
  }
  return out;
}

CalibrateOptions wanted(const Folder& folder, const std::string& method) {
  CalibrateOptions options;
  options.method = method;
  options.data = {folder.text()};
  options.out = folder.path / "learned.safetensors";
  options.text_tokens = 200;
  return options;
}

std::string refusal(const CalibrateOptions& options) {
  try {
    calibrate(engine(), tiny(), options, [](std::string_view, double) {});
  } catch (const Error& e) {
    return e.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("what methods learn of a text is what kvpress and transformers have of it") {
  const Folder folder;
  const Stored golden =
      stored_in(fs::path(KVHOST_SOURCE_DIR) / "tests/golden/calibrate/tiny.safetensors");
  const std::map<std::string, std::vector<std::string>> methods = {
      {"expected_attention_stats", {"query_mean", "query_cov"}},
      {"qfilter", {"q_filters"}},
      {"triattention", {"q_mean_real", "q_mean_imag", "q_abs_mean"}},
      {"headkv", {"head_scores"}}};
  for (const auto& [method, names] : methods) {
    const auto report = calibrate(
        engine(), tiny(), wanted(folder, method), [](std::string_view, double) {});
    CHECK(report.n_tokens == 1170);
    CHECK(report.n_texts == 6);
    CHECK(report.tensors.size() == names.size());
    const Stored learned = stored_in(report.file);
    CHECK(learned.metadata["model_hash"] == tiny().weights_hash());
    for (const auto& name : names) {
      INFO(method << ' ' << name);
      REQUIRE(learned.tensors.contains(name));
      const auto& [shape, values] = learned.tensors.at(name);
      const auto& [golden_shape, golden_values] = golden.tensors.at(name);
      CHECK(shape == golden_shape);
      REQUIRE(values.size() == golden_values.size());
      float largest = 0, difference = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        largest = std::max(largest, std::fabs(golden_values[i]));
        difference = std::max(difference, std::fabs(values[i] - golden_values[i]));
      }
      CHECK(difference <= 1e-4f * largest);
    }
  }
}

TEST_CASE("duo_attention: the mean of what it finds out of each text") {
  const Folder folder;
  const auto scores = [&](const std::string& method) {
    return stored_in(
               calibrate(engine(), tiny(), wanted(folder, method), [](std::string_view, double) {})
                   .file)
        .tensors.at("full_attention_heads");
  };
  const auto [shape, values] = scores("duo_attention");
  CHECK(shape == std::vector<int64_t>{4, 2});
  for (const float score : values) {
    CHECK(score > 0);
    CHECK(score < 1);
  }
  CHECK(scores("duo_attention(scoring_length=50)").second != values);
}

TEST_CASE("lukv: curves drop what was asked for over all heads, and more with every percent") {
  const Folder folder;
  const auto file = calibrate(engine(), tiny(), wanted(folder, "lukv"), [](std::string_view, double) {
                    }).file;
  const auto [shape, values] = stored_in(file).tensors.at("curves");
  REQUIRE(shape == std::vector<int64_t>{99, 4, 2});
  bool differ = false;
  for (size_t percent = 1; percent <= 99; ++percent) {
    double sum = 0;
    for (size_t h = 0; h < 8; ++h) {
      const float share = values[(percent - 1) * 8 + h];
      sum += share;
      CHECK(share >= (percent > 1 ? values[(percent - 2) * 8 + h] : 0));
      differ = differ || std::fabs(share - static_cast<float>(percent) / 100) > .05;
    }
    CHECK(sum / 8 == Approx(static_cast<double>(percent) / 100).margin(1e-3));
  }
  CHECK(differ);  // heads are not all alike
}

TEST_CASE("a parameter that the method and its observer share counts for both") {
  const Folder folder;
  const auto mean_with = [&](const std::string& method) {
    return stored_in(calibrate(engine(), tiny(), wanted(folder, method), [](std::string_view, double) {})
                         .file)
        .tensors.at("query_mean")
        .second;
  };
  CHECK(mean_with("expected_attention_stats(n_sink=4)") == mean_with("expected_attention_stats"));
  CHECK(mean_with("expected_attention_stats(n_sink=50)") != mean_with("expected_attention_stats"));
}

TEST_CASE("a method runs with the file that was made for it") {
  const Folder folder;
  const std::map<std::string, std::string> files = {{"qfilter", "file"},
                                                    {"expected_attention_stats", "file"},
                                                    {"triattention", "file"},
                                                    {"duo_attention", "pattern"},
                                                    {"lukv", "curves"},
                                                    {"headkv", "scores"}};
  for (const auto& [method, parameter] : files) {
    INFO(method);
    auto options = wanted(folder, method);
    calibrate(engine(), tiny(), options, [](std::string_view, double) {});
    PolicyOptions policy;
    policy.press = {PressSource::Form::Text,
                    method + "(" + parameter + "=\"" + options.out.string() + "\")" +
                        (method == "lukv" ? ":knorm" : ""),
                    "--press", ""};
    if (method != "duo_attention" && method != "lukv") policy.keep_ratio = 0.25;  // the others have their own
    policy.min_entries = 0;
    const Model model = tiny();
    Sequence sequence(model, engine().policy(model, policy));
    sequence.prefill(model.encode("Alice was beginning to get very tired of sitting by her sister."));
    CHECK(sequence.logits().size() > 0);
  }
}

TEST_CASE("what cannot be calibrated is refused in a line that names what can") {
  const Folder folder;
  CHECK_THAT(refusal(wanted(folder, "knorm")),
             Catch::Contains("'knorm' makes no file of its own from texts") &&
                 Catch::Contains("expected_attention_stats, ") && Catch::Contains("triattention"));
  CHECK_THAT(refusal(wanted(folder, "knorm+qfilter")), Catch::Contains("is no single method"));
  auto options = wanted(folder, "qfilter");
  options.data = {folder.path / "absent.txt"};
  CHECK_THAT(refusal(options), Catch::Contains("absent.txt"));
  std::ofstream(folder.path / "short.txt") << "One.";
  options.data = {folder.path / "short.txt"};
  CHECK_THAT(refusal(options), Catch::Contains("gives 0 pieces of 200 tokens"));
  options = wanted(folder, "headkv");
  options.data = {folder.folder.write("numbers.txt", "One two three four five six.")};
  options.text_tokens = 5;
  CHECK_THAT(refusal(options), Catch::Contains("the texts repeat no two tokens; expected longer pieces"));
  CHECK_FALSE(fs::exists(options.out));
}
