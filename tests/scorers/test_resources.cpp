// SPDX-License-Identifier: Apache-2.0
// Learned files: what is read, and what is refused in one line that says what was expected.
#include <catch2/catch.hpp>
#include <cmath>

#include "plugin_method.hpp"
#include "resource_files.hpp"

using namespace kvhost::testing;

namespace {

const std::string kQFilter = KVHOST_PLUGINS "/libqfilter.so";
const std::string kKvZap = KVHOST_PLUGINS "/libkvzap.so";

// The message when `file` is given as a Q-filter; "" when it was taken.
std::string refusal(const kvh_model& model, const std::string& file) {
  try {
    PluginMethod(kQFilter, {{"file", file}}, nullptr, &model);
    return "";
  } catch (const CallFailed& e) {
    CHECK(e.code == KVH_E_RESOURCE);
    CHECK(std::string(e.what()).find('\n') == std::string::npos);
    CHECK_THAT(e.what(), Catch::Contains("q_filters [n_layers, n_kv_heads, head_dim]"));
    return e.what();
  }
}

}  // namespace

TEST_CASE("a missing learned file is named with what it should hold") {
  FakeLayer layer({}, FakeLayer::dense(2, 4), 4);
  const TemporaryFolder empty;
  layer.model().model_dir = empty.path();
  CHECK_THAT(refusal(layer.model(), ""), Catch::Contains(empty.file("q_filters.safetensors")));
  CHECK_THAT(refusal(layer.model(), "/no/such/file"), Catch::Contains("/no/such/file"));
  CHECK_THAT(refusal(layer.model(), empty.path()), Catch::Contains("no regular file"));
}

TEST_CASE("a learned file is found in the model's folder by name") {
  const FakeShape shape;
  FakeLayer layer(shape, FakeLayer::dense(2, 4), 4);
  const auto folder = write_resources(shape);
  layer.model().model_dir = folder->path();
  CHECK(refusal(layer.model(), "") == "");
  CHECK(refusal(layer.model(), "q_filters.safetensors") == "");
  CHECK(refusal(layer.model(), folder->file("q_filters.safetensors")) == "");
}

TEST_CASE("malformed learned files are refused") {
  const FakeShape shape;  // q_filters: [3, 2, 8], 192 bytes
  FakeLayer layer(shape, FakeLayer::dense(2, 4), 4);
  const TemporaryFolder folder;
  const std::string path = folder.file("f");
  const auto refused = [&](const std::string& bytes) {
    write_bytes(path, bytes);
    return refusal(layer.model(), path);
  };
  const auto entry =
      [](const std::string& dtype, const std::string& shape_text, const std::string& offsets) {
        return with_length("{\"q_filters\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape_text +
                           ",\"data_offsets\":" + offsets + "}}      ");
      };
  const std::string data(192, '\0');
  CHECK_THAT(refused("abc"), Catch::Contains("3 bytes"));
  CHECK_THAT(refused(std::string(8, '\xff') + "{}"), Catch::Contains("header of"));
  CHECK_THAT(refused(with_length("not json")), Catch::Contains("no JSON header"));
  CHECK_THAT(refused(with_length(std::string(100000, '['))), Catch::Contains("nested"));
  CHECK_THAT(refused(with_length("{}")), Catch::Contains("no tensor 'q_filters'"));
  CHECK_THAT(refused(with_length("{\"q_filters\":[]}")), Catch::Contains("dtype"));
  CHECK_THAT(refused(entry("I64", "[3,2,8]", "[0,192]") + data), Catch::Contains("dtype"));
  CHECK_THAT(refused(entry("F32", "[3,2,7]", "[0,192]") + data), Catch::Contains("[3,2,7]"));
  CHECK_THAT(refused(entry("F32", "[3,2,8]", "[0,999]") + data), Catch::Contains("data_offsets"));
  CHECK_THAT(refused(entry("F32", "[3,2,8]", "[-8,184]") + data), Catch::Contains("data_offsets"));
  CHECK_THAT(refused(entry("F32", "[3,2,8]", "[0,96]") + data), Catch::Contains("data_offsets"));
  CHECK_THAT(refused(entry("F32", "[3,2,8]", "[0,192]") + "short"), Catch::Contains("of 5 bytes"));
}

TEST_CASE("a surrogate of the other kind is refused") {
  const FakeShape shape;
  FakeLayer layer(shape, FakeLayer::dense(2, 4), 4);
  const auto folder = write_resources(shape);
  const std::string linear = folder->file("kvzap_linear.safetensors");
  try {
    PluginMethod(kKvZap, {{"file", linear}}, nullptr, &layer.model());
    FAIL("taken");
  } catch (const CallFailed& e) {
    CHECK(e.code == KVH_E_RESOURCE);
    CHECK_THAT(e.what(), Catch::Contains("layers.0.0.weight"));
  }
}

TEST_CASE("kvzap is its linear map of the hidden states") {
  const FakeShape shape;
  FakeLayer layer(shape, FakeLayer::dense(2, 5), 5);
  layer.add_hidden();
  const auto folder = write_resources(shape);
  layer.model().model_dir = folder->path();
  const PluginMethod kvzap(
      kKvZap, {{"model_type", std::string("linear")}}, nullptr, &layer.model());
  const ScoreTable got = kvzap.score(layer.raw());
  std::mt19937 rng(3);  // as the file was written: layer 0's weight, then its bias
  const std::vector<float> weight = random_floats(rng, 2 * 16, -1, 1);
  const std::vector<float> bias = random_floats(rng, 2, -1, 1);
  for (size_t h = 0; h < 2; ++h) {
    for (int64_t t = 0; t < 5; ++t) {
      double want = bias[h];
      for (int64_t j = 0; j < 16; ++j) {
        want +=
            static_cast<double>(weight[h * 16 + static_cast<size_t>(j)]) * layer.extra(0).at(t, j);
      }
      CHECK(got.scores[h][static_cast<size_t>(t)] == Approx(want).margin(1e-5));
    }
  }
}

TEST_CASE("a sketch of the wrong size is refused") {
  FakeLayer layer({}, FakeLayer::dense(2, 4), 4);
  const TemporaryFolder folder;
  write_bytes(folder.file("sketch.f32"), std::string(100, '\0'));
  layer.model().model_dir = folder.path();
  try {
    PluginMethod(KVHOST_PLUGINS "/libleverage.so",
                 {{"sketch", std::string("sketch.f32")}},
                 nullptr,
                 &layer.model());
    FAIL("taken");
  } catch (const CallFailed& e) {
    CHECK(e.code == KVH_E_RESOURCE);
    CHECK_THAT(e.what(), Catch::Contains("expected 9216"));  // 3 layers * 2 heads * 8 * 48 * 4
  }
}
