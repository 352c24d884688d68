// SPDX-License-Identifier: Apache-2.0
// Layer allocators that need nothing but the prompt's length, and the apportionment of the SDK.
#include <catch2/catch.hpp>
#include <kvhost/maths.hpp>
#include <numeric>

#include "copied_tokens.hpp"
#include "plugin_method.hpp"
#include "resource_files.hpp"

using namespace kvhost::testing;
using kvhost::sdk::apportion;
using kvhost::sdk::Bounds;
using kvhost::sdk::water_fill;

namespace {

std::string library(const std::string& name) { return KVHOST_PLUGINS "/lib" + name + ".so"; }

int64_t sum(const std::vector<int64_t>& v) {
  return std::accumulate(v.begin(), v.end(), int64_t{0});
}

}  // namespace

TEST_CASE("uniform gives equal shares before the prompt is seen") {
  const PluginMethod uniform(library("uniform"));
  CHECK(uniform.when() == KVH_WHEN_BEFORE_PREFILL);
  const auto got = uniform.allocate(3, 2, 100, 60);
  CHECK_FALSE(got.exact);
  CHECK(got.shares == std::vector<double>{1, 1, 1});
}

TEST_CASE("pyramidkv with rule=kvpress gives kvpress's numbers") {
  const PluginMethod pyramid(library("pyramidkv"), {{"rule", std::string("kvpress")}});
  // 32 layers, 4096 tokens, half kept
  const auto half = pyramid.allocate(32, 8, 4096, 32 * 8 * 2048);
  REQUIRE(half.exact);
  CHECK(half.entries[0] == 8 * 3994);
  CHECK(half.entries[1] == 8 * 3868);
  CHECK(half.entries[30] == 8 * 228);
  CHECK(half.entries[31] == 8 * 102);
  // three quarters kept: the first layer is bounded by the prompt
  const auto most = pyramid.allocate(32, 8, 4096, 32 * 8 * 3072);
  CHECK(most.entries.front() == 8 * 4032);
  CHECK(most.entries.back() == 8 * 2112);
  // a quarter kept: the last layer would get less than the window, so all get the same
  const auto flat = pyramid.allocate(32, 8, 4096, 32 * 8 * 1024);
  CHECK(flat.entries == std::vector<int64_t>(32, 8 * 1024));
}

TEST_CASE("pyramidkv with rule=kvpress rounds half to even and works for one layer") {
  const Settings small{
      {"rule", std::string("kvpress")}, {"window_size", int64_t{2}}, {"beta", 2.0}};
  // average 5.5: last 2.75, first 8.25, the step of two layers is the whole way
  const auto two = PluginMethod(library("pyramidkv"), small).allocate(2, 2, 40, 22);
  CHECK(two.entries == std::vector<int64_t>{16, 6});
  const auto one = PluginMethod(library("pyramidkv"), small).allocate(1, 1, 40, 5);
  CHECK(one.entries == std::vector<int64_t>{8});
  // average 2.5 with a window of 2: last 1.25 is below it, so flat; 2.5 rounds to 2
  const auto flat = PluginMethod(library("pyramidkv"), small).allocate(2, 2, 40, 10);
  CHECK(flat.entries == std::vector<int64_t>{4, 4});
}

TEST_CASE("pyramidkv with rule=exact keeps a straight line that averages to the budget") {
  const PluginMethod pyramid(library("pyramidkv"));
  for (const int64_t per_head : {64, 512, 1024, 2048, 3072}) {
    const auto got = pyramid.allocate(32, 8, 4096, 32 * 8 * per_head);
    REQUIRE_FALSE(got.exact);
    const double total = std::accumulate(got.shares.begin(), got.shares.end(), 0.0);
    CHECK(total / 32 == Approx(static_cast<double>(per_head)));
    for (size_t l = 2; l < 32; ++l) {
      CHECK(got.shares[l - 1] - got.shares[l] == Approx(got.shares[0] - got.shares[1]));
    }
    CHECK(got.shares.front() > got.shares.back());
    CHECK(got.shares.back() > 0);
  }
  // No room for a pyramid: nearly everything is kept.
  CHECK(pyramid.allocate(4, 1, 100, 392).shares == std::vector<double>(4, 1.0));
}

TEST_CASE("apportion meets the total between floors and caps, largest remainders first") {
  CHECK(apportion({1, 1, 1}, 10, {{0, 0, 0}, {9, 9, 9}}) == std::vector<int64_t>{4, 3, 3});
  CHECK(apportion({5, 3, 2}, 10, {{0, 0, 0}, {9, 9, 9}}) == std::vector<int64_t>{5, 3, 2});
  CHECK(apportion({0, 0}, 5, {{0, 0}, {9, 9}}) == std::vector<int64_t>{3, 2});
  CHECK(apportion({8, 1, 1}, 10, {{0, 0, 0}, {4, 9, 9}}) == std::vector<int64_t>{4, 3, 3});
  CHECK(apportion({98, 1, 1}, 10, {{0, 2, 0}, {9, 9, 9}}) == std::vector<int64_t>{8, 2, 0});
  CHECK_THROWS_AS(apportion({1, 1}, 20, {{0, 0}, {9, 9}}), kvhost::sdk::Error);

  std::mt19937 rng(1);
  for (int round = 0; round < 200; ++round) {
    const size_t n = 1 + rng() % 12;
    std::vector<double> shares;
    Bounds bounds;
    for (size_t i = 0; i < n; ++i) {
      shares.push_back(rng() % 5 == 0 ? 0.0 : static_cast<double>(rng() % 1000) / 7);
      bounds.min.push_back(static_cast<int64_t>(rng() % 10));
      bounds.max.push_back(bounds.min.back() + static_cast<int64_t>(rng() % 100));
    }
    const int64_t room = sum(bounds.max) - sum(bounds.min);
    const int64_t total =
        sum(bounds.min) + static_cast<int64_t>(rng() % static_cast<uint64_t>(room + 1));
    const auto got = apportion(shares, total, bounds);
    const auto exact = water_fill(shares, static_cast<double>(total), bounds);
    CHECK(sum(got) == total);
    for (size_t i = 0; i < n; ++i) {
      CHECK(got[i] >= bounds.min[i]);
      CHECK(got[i] <= bounds.max[i]);
      CHECK(std::abs(static_cast<double>(got[i]) - exact[i]) < 1.0 + 1e-6);
    }
  }
}

// Two layers of two KV heads of two query heads.
std::string head_scores(const std::string& last) {
  std::string text = "{";
  const char* lists[] = {"[0.1, 0.3]", "[0.4]", "[0]", "[0, 0]", "[0.1]", "[0.2, 0.2, 0.2]", "[0.8]"};
  for (int i = 0; i < 7; ++i)
    text += "\"" + std::to_string(i / 4) + "-" + std::to_string(i % 4) + "\": " + lists[i] + ", ";
  return text + last + "}";
}

TEST_CASE("headkv: a common base and a part of the pool by the most important query head") {
  const TemporaryFolder folder;
  const std::string path = folder.file("head_score.json");
  FakeLayer layer({4, 2, 8, 16, 2}, FakeLayer::dense(2, 4), 4);
  const auto allocate = [&](const Settings& more, int64_t per_head) {
    Settings settings = {{"scores", path}, {"window_size", int64_t{4}}};
    for (const auto& [name, value] : more) settings.insert_or_assign(name, value);
    const PluginMethod headkv(library("headkv"), settings, nullptr, &layer.model());
    CHECK(headkv.when() == KVH_WHEN_BEFORE_PREFILL);
    const auto got = headkv.allocate(2, 2, 100, 4 * per_head);
    REQUIRE(got.exact);
    CHECK(sum(got.entries) == 4 * per_head);
    return got.entries;
  };
  write_bytes(path, head_scores("\"1-3\": [0.6]"));
  // Heads are worth 0.4, 0, 0.2, 0.8: shares 2, 0, 1, 4 of 7. 24 a head, half of 20 in the pool of 40.
  CHECK(allocate({{"beta", 2.0}}, 24) == std::vector<int64_t>{14 + 14 + 11, 14 + 14 + 29});
  // Squares: 0.16, 0, 0.04, 0.64 of 0.84.
  CHECK(allocate({{"beta", 2.0}, {"temperature", 2.0}}, 24) ==
        std::vector<int64_t>{14 + 14 + 8, 14 + 14 + 32});
  // Below the window nothing is left to divide.
  CHECK(allocate({{"beta", 2.0}}, 3) == std::vector<int64_t>{6, 6});

  const auto refusal = [&](const std::string& last) {
    write_bytes(path, head_scores(last));
    try {
      allocate({}, 24);
    } catch (const CallFailed& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  using Catch::Contains;
  CHECK_THAT(refusal("\"1-2\": [1]"), Contains("has no list of scores for head \"1-3\""));
  CHECK_THAT(refusal("\"1-3\": [-1]"), Contains("no score, 0 or more, for head \"1-3\""));
  CHECK_THAT(refusal("\"1-3\": 1"), Contains("has no list of scores"));
  CHECK_THAT(refusal("\"1-3\": [1"), Contains("is no JSON object"));

  // The same scores as a file that was made here.
  const std::string made = folder.file("head_scores.safetensors");
  const std::vector<float> scores = {0.2f, 0.4f, 0, 0, 0.1f, 0.2f, 0.8f, 0.6f};
  const std::string header =
      R"({"head_scores":{"dtype":"F32","shape":[2,4],"data_offsets":[0,32]}}     )";  // a multiple of 8 bytes
  write_bytes(made, with_length(header) + std::string(reinterpret_cast<const char*>(scores.data()), 32));
  CHECK(allocate({{"beta", 2.0}, {"scores", made}}, 24) ==
        std::vector<int64_t>{14 + 14 + 11, 14 + 14 + 29});
}

TEST_CASE("headkv: what a head that copies looks at, and how much of its attention lies there") {
  using kvhost::allocators::attention_on;
  using kvhost::allocators::copied_from;
  //                        0  1  2  3  4  5  6  7  8
  const int32_t tokens[] = {7, 5, 6, 5, 6, 1, 5, 6, 9};
  using Places = std::vector<int64_t>;
  CHECK(copied_from(tokens, 9, 6, 0) == Places{2, 4});  // behind the 5s at 1 and 3
  CHECK(copied_from(tokens, 9, 6, 2) == Places{2});
  CHECK(copied_from(tokens, 9, 6, 9).empty());
  CHECK(copied_from(tokens, 9, 7, 0).empty());  // no 9 before
  CHECK(copied_from(tokens, 9, 0, 0).empty());
  const float row[] = {0.5f, 0, 0.2f, 0.1f, 0.15f, 0.05f};
  CHECK(attention_on({2, 4}, row, 6) == Approx(0.1));    // of the highest two only one is there
  CHECK(attention_on({0}, row, 6) == Approx(0.5));
  CHECK(attention_on({3}, row, 6) == 0);
  CHECK(attention_on({0, 2, 4}, row, 6) == Approx(0.85 / 3));
}
