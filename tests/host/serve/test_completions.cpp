// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/generate.hpp"
#include "server_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

Policy policy_of(const std::string& press, double keep_ratio) {
  PolicyOptions options;
  options.press = {PressSource::Form::Text, press, "press", ""};
  if (keep_ratio > 0) options.keep_ratio = keep_ratio;
  options.min_entries = 0;
  return serve_engine().policy(bundled(), options);
}

std::string text_by_engine(const std::string& prompt, const Policy& policy, int64_t n) {
  Sequence sequence(bundled(), policy);
  sequence.prefill(bundled().encode(prompt));
  GenerationLimits limits;
  limits.max_new_tokens = n;
  return generate(sequence, limits).text;
}

}  // namespace

TEST_CASE("a completion is what the engine generates, and says what it took") {
  const std::string prompt = "The history of the town begins with";
  const Json out = shared_server().ask(
      "/v1/completions", {{"prompt", prompt}, {"max_tokens", 12}, {"temperature", 0}});
  CHECK(out["object"] == "text_completion");
  CHECK(out["model"] == "demo");
  const Json& choice = out["choices"][0];
  CHECK(choice["text"] == text_by_engine(prompt, policy_of("none", 0), 12));
  CHECK(choice["logprobs"].is_null());
  const auto n_prompt = bundled().encode(prompt).size();
  CHECK(out["usage"]["prompt_tokens"] == n_prompt);
  CHECK(out["usage"]["completion_tokens"].get<int>() <= 12);
  CHECK(out["usage"]["total_tokens"] == out["usage"]["prompt_tokens"].get<int>() +
                                            out["usage"]["completion_tokens"].get<int>());
  CHECK(out["kvhost"]["press"] == "none");
  CHECK(out["kvhost"]["cache_bytes_full"] == out["kvhost"]["cache_bytes_kept"]);
}

TEST_CASE("a request's press and budget are what its prompt is compressed by") {
  const std::string text = long_text();
  const Json out = shared_server().ask("/v1/completions",
                                       {{"prompt", text},
                                        {"max_tokens", 8},
                                        {"temperature", 0},
                                        {"press", "adakv:snapkv"},
                                        {"keep_ratio", 0.25},
                                        {"min_entries", 0},
                                        {"kept", "counts"}});
  const Json& facts = out["kvhost"];
  CHECK(facts["press"] == "adakv:snapkv");
  CHECK(out["choices"][0]["text"] == text_by_engine(text, policy_of("adakv:snapkv", 0.25), 8));
  const double share = facts["cache_bytes_kept"].get<double>() /
                       facts["cache_bytes_full"].get<double>();
  CHECK(share == Approx(0.25).epsilon(0.01));
  int64_t counted = 0;
  for (const auto& layer : facts["n_kept_per_head"])
    for (const auto& n : layer) counted += n.get<int64_t>();
  CHECK(facts["n_kept"] == counted);
  CHECK(facts["n_kept_per_head"].size() == 6);
}

TEST_CASE("prompts in a list, as texts and as ids, are answered in order") {
  const Model model = bundled();
  const std::vector<std::string> texts = {"One day", "In the city of", "She said that the"};
  Json ids = Json::array();
  for (const auto& text : texts) ids.push_back(model.encode(text));
  const Json by_text = shared_server().ask(
      "/v1/completions", {{"prompt", texts}, {"max_tokens", 6}, {"temperature", 0}});
  const Json by_ids = shared_server().ask(
      "/v1/completions", {{"prompt", ids}, {"max_tokens", 6}, {"temperature", 0}});
  REQUIRE(by_text["choices"].size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(by_text["choices"][i]["index"] == i);
    CHECK(by_text["choices"][i]["text"] == text_by_engine(texts[i], policy_of("none", 0), 6));
    CHECK(by_ids["choices"][i]["text"] == by_text["choices"][i]["text"]);
  }
  CHECK(by_text["kvhost"]["prompts"].size() == 3);
  const Json one = shared_server().ask(
      "/v1/completions", {{"prompt", ids[0]}, {"max_tokens", 6}, {"temperature", 0}});
  CHECK(one["choices"][0]["text"] == by_text["choices"][0]["text"]);
}

TEST_CASE("echo with log-probabilities scores the prompt as the engine does") {
  const Model model = bundled();
  const std::vector<int32_t> tokens = model.encode(long_text().substr(0, 1500));
  Sequence sequence(model, policy_of("none", 0));
  sequence.prefill({tokens.data(), 1});
  const std::vector<double> expected = sequence.force(std::span(tokens).subspan(1));
  for (const int max_tokens : {0, 1}) {
    const Json out = shared_server().ask("/v1/completions",
                                         {{"prompt", {tokens}},
                                          {"max_tokens", max_tokens},
                                          {"temperature", 0},
                                          {"echo", true},
                                          {"logprobs", 1}});
    const Json& lists = out["choices"][0]["logprobs"];
    REQUIRE(lists["token_logprobs"].size() == tokens.size() + static_cast<size_t>(max_tokens));
    CHECK(lists["tokens"].size() == lists["token_logprobs"].size());
    CHECK(lists["text_offset"].size() == lists["token_logprobs"].size());
    CHECK(lists["token_logprobs"][0].is_null());
    CHECK(lists["top_logprobs"][0].is_null());
    double worst = 0;
    for (size_t i = 1; i < tokens.size(); ++i)
      worst = std::max(worst,
                       std::abs(lists["token_logprobs"][i].get<double>() - expected[i - 1]));
    CHECK(worst < 1e-4);
    for (size_t i = 1; i < tokens.size(); ++i) {
      double best = -1e9;
      for (const auto& [text, logprob] : lists["top_logprobs"][i].items())
        best = std::max(best, logprob.get<double>());
      CHECK(best >= lists["token_logprobs"][i].get<double>());
    }
  }
}

TEST_CASE("of a scored prompt under compression the last tokens see what was kept") {
  const Model model = bundled();
  const std::vector<int32_t> tokens = model.encode(long_text());
  const Json asked = {{"prompt", {tokens}}, {"max_tokens", 0},   {"echo", true},
                      {"logprobs", 0},      {"press", "snapkv"}, {"keep_ratio", 0.1},
                      {"min_entries", 0}};
  const auto check = [&](const Json& out, size_t n_context) {
    Sequence exact(model, policy_of("none", 0));
    exact.prefill({tokens.data(), 1});
    const auto before = exact.force(std::span(tokens).subspan(1, n_context - 1));
    Sequence kept(model, policy_of("snapkv", 0.1));
    kept.prefill({tokens.data(), n_context});
    const auto behind = kept.force(std::span(tokens).subspan(n_context));
    const Json& lists = out["choices"][0]["logprobs"]["token_logprobs"];
    double worst = 0;
    for (size_t i = 1; i < tokens.size(); ++i) {
      const double expected = i < n_context ? before[i - 1] : behind[i - n_context];
      worst = std::max(worst, std::abs(lists[i].get<double>() - expected));
    }
    CHECK(worst < 1e-4);
  };
  check(shared_server().ask("/v1/completions", asked), tokens.size() - 64);
  Json earlier = asked;
  earlier["n_context"] = 300;
  check(shared_server().ask("/v1/completions", earlier), 300);
}

TEST_CASE("a stream's pieces make the whole text, and usage comes last where it was asked for") {
  const Json body = {{"prompt", "The river flows through"},
                     {"max_tokens", 20},
                     {"temperature", 0},
                     {"stream_options", {{"include_usage", true}}}};
  const std::vector<Json> chunks = shared_server().stream("/v1/completions", body);
  std::string text, reason;
  for (const auto& chunk : chunks)
    for (const auto& choice : chunk["choices"]) {
      text += choice["text"].get<std::string>();
      if (!choice["finish_reason"].is_null()) reason = choice["finish_reason"];
    }
  Json whole_body = body;
  whole_body.erase("stream_options");
  const Json whole = shared_server().ask("/v1/completions", whole_body);
  CHECK(text == whole["choices"][0]["text"]);
  CHECK(reason == whole["choices"][0]["finish_reason"]);
  CHECK(chunks.back()["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]);
  CHECK(chunks.back()["choices"].empty());
  CHECK(chunks.front()["kvhost"]["press"] == "none");
}

TEST_CASE("a stop text ends an answer before itself") {
  const Json full = shared_server().ask(
      "/v1/completions", {{"prompt", "The history of"}, {"max_tokens", 40}, {"temperature", 0}});
  const auto text = full["choices"][0]["text"].get<std::string>();
  REQUIRE(text.size() > 20);
  const std::string stop = text.substr(10, 4);
  const Json out = shared_server().ask(
      "/v1/completions",
      {{"prompt", "The history of"}, {"max_tokens", 40}, {"temperature", 0}, {"stop", stop}});
  CHECK(out["choices"][0]["text"] == text.substr(0, text.find(stop)));
  CHECK(out["choices"][0]["finish_reason"] == "stop");
}

TEST_CASE("seeds decide what is drawn, and several answers differ") {
  const Json body = {
      {"prompt", "Once upon a time"}, {"max_tokens", 16}, {"temperature", 1.2}, {"n", 3},
      {"seed", 7}};
  const Json a = shared_server().ask("/v1/completions", body);
  const Json b = shared_server().ask("/v1/completions", body);
  REQUIRE(a["choices"].size() == 3);
  for (int i = 0; i < 3; ++i) CHECK(a["choices"][i]["text"] == b["choices"][i]["text"]);
  CHECK(a["choices"][0]["text"] != a["choices"][1]["text"]);
  CHECK(a["usage"]["prompt_tokens"] == bundled().encode("Once upon a time").size());
}

TEST_CASE("a bias on a token rules it in or out") {
  const Json out = shared_server().ask("/v1/completions",
                                       {{"prompt", "The"},
                                        {"max_tokens", 5},
                                        {"temperature", 0},
                                        {"logprobs", 2},
                                        {"logit_bias", {{"77", 100}}}});
  for (const auto& token : out["choices"][0]["logprobs"]["tokens"])
    CHECK(token == shared_server().service().models().front()->token_text(77));
}
