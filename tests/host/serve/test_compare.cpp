// SPDX-License-Identifier: Apache-2.0
// What caches of one text think of an answer, beside the same asked of the engine.
#include <cmath>

#include "engine/engine.hpp"
#include "engine/sequence.hpp"

#include <catch2/catch.hpp>

#include "serve/requests.hpp"
#include "server_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

const std::string kQuestion = " The harbour";
const Json kPress = {{"press", "snapkv"}, {"keep_ratio", 0.1}, {"min_entries", 0}};

Json document_body(const Json& press) {
  Json body = {{"text", long_text()}};
  body.update(press);
  return body;
}

// Log-probabilities of every token before each of the answer's, [n][vocab_size].
std::vector<std::vector<float>> rows_of(const std::string& press,
                                        const std::vector<int32_t>& answer) {
  PolicyOptions options;
  options.press = {PressSource::Form::Text, press, "press", ""};
  if (press != "none") options.keep_ratio = 0.1;
  options.min_entries = 0;
  Sequence sequence(bundled(), serve_engine().policy(bundled(), options));
  sequence.prefill(bundled().encode(long_text()));
  sequence.append(bundled().encode(kQuestion, false));
  std::vector<std::vector<float>> rows;
  sequence.force(answer, [&](size_t, std::span<const float> logits) {
    rows.push_back(log_softmax(logits));
  });
  return rows;
}

double mean_kl(const std::vector<std::vector<float>>& p, const std::vector<std::vector<float>>& q) {
  double sum = 0;
  for (size_t t = 0; t < p.size(); ++t)
    for (size_t i = 0; i < p[t].size(); ++i)
      sum += std::exp(p[t][i]) * (static_cast<double>(p[t][i]) - q[t][i]);
  return sum / static_cast<double>(p.size());
}

}  // namespace

TEST_CASE("compared documents give the engine's own divergence and log-probabilities") {
  TestServer server;
  const std::string full = server.ask("/v1/documents", document_body({{"press", "none"}}))["id"],
                    pressed = server.ask("/v1/documents", document_body(kPress))["id"];
  const Json answered =
      server.ask("/v1/completions", {{"prompt", kQuestion}, {"document", full}, {"max_tokens", 12},
                                     {"temperature", 0}, {"logprobs", 0}});
  const std::string answer = answered["choices"][0]["text"];
  const Json out = server.ask("/v1/compare", {{"documents", {full, pressed}},
                                              {"prompt", kQuestion}, {"answer", answer}});
  const auto tokens = bundled().encode(answer, false);
  REQUIRE(out["n_tokens"] == tokens.size());
  const auto p = rows_of("none", tokens), q = rows_of("snapkv", tokens);
  REQUIRE(out["pairs"].size() == 1);
  CHECK(out["pairs"][0]["kl"].get<double>() == Approx(mean_kl(p, q)).epsilon(1e-3));
  CHECK(out["pairs"][0]["kl"].get<double>() > 1e-4);
  CHECK(out["documents"][0]["top1"] == 1.0);  // its own greedy answer
  for (size_t t = 0; t < tokens.size(); ++t) {
    const auto token = static_cast<size_t>(tokens[t]);
    CHECK(out["documents"][0]["token_logprobs"][t].get<double>() ==
          Approx(p[t][token]).margin(1e-3));
    CHECK(out["documents"][1]["token_logprobs"][t].get<double>() ==
          Approx(q[t][token]).margin(1e-3));
    CHECK(answered["choices"][0]["logprobs"]["token_logprobs"][t].get<double>() ==
          Approx(p[t][token]).margin(1e-3));
  }
  // The documents are as they were, and nothing stays promised.
  CHECK(soon([&] { return server.service().metrics().now().cache_bytes_promised == 0; }));
  const Json again = server.ask("/v1/compare", {{"documents", {pressed, full, pressed}},
                                                {"prompt", kQuestion}, {"answer", tokens}});
  REQUIRE(again["pairs"].size() == 3);
  CHECK(again["pairs"][1]["of"] == 0);
  CHECK(again["pairs"][1]["beside"] == 2);
  CHECK(again["pairs"][1]["kl"].get<double>() == Approx(0).margin(1e-6));
  CHECK(again["pairs"][1]["top1_agreement"] == 1.0);
  CHECK(again["documents"][1]["token_logprobs"][3].get<double>() ==
        Approx(out["documents"][0]["token_logprobs"][3].get<double>()).margin(1e-4));
}

TEST_CASE("logits stay promised as long as they are held, and no longer") {
  TestServer server;
  const std::string a = server.ask("/v1/documents", {{"text", "A short text."}})["id"];
  ServedModel& served = *server.service().models().front();
  Call call = compare_call({{"documents", {a, a}}, {"prompt", "x"}, {"answer", {5, 6, 7}}}, served);
  const auto rows_bytes = int64_t{2 * 3 * 4} * served.model().vocab_size();
  const auto promised = [&] { return server.service().metrics().now().cache_bytes_promised; };
  server.service().scheduler().submit(std::move(call.tasks));
  CHECK(soon([&] { return server.service().scheduler().idle() && promised() == rows_bytes; }));
  call.wire.reset();
  CHECK(soon([&] { return promised() == 0; }));
}

TEST_CASE("what cannot be compared is refused") {
  TestServer server;
  const std::string a = server.ask("/v1/documents", {{"text", "A short text."}})["id"],
                    b = server.ask("/v1/documents", {{"text", "Another text."}})["id"];
  const auto refused = [&](Json body, const std::string& says, int status = 400) {
    check_refused(server.post("/v1/compare", body), status, says);
  };
  refused({{"documents", {a}}, {"prompt", "x"}, {"answer", "y"}}, "documents: found 1; expected");
  refused({{"documents", {a, b}}, {"prompt", "x"}, {"answer", "y"}}, "was read from another text");
  refused({{"documents", {a, "doc-x"}}, {"prompt", "x"}, {"answer", "y"}}, "no document", 404);
  refused({{"documents", {a, a}}, {"prompt", "x"}}, "answer: not given");
  refused({{"documents", {a, a}}, {"prompt", "x"}, {"answer", ""}}, "answer: holds 0 tokens");
  refused({{"documents", {a, a}}, {"answer", "y"}}, "expected either messages or prompt");
  refused({{"documents", {a, a}}, {"prompt", "x"}, {"answer", {1, 99999}}}, "expected a token id");
  refused({{"documents", {a, a}}, {"prompt", "x"}, {"answer", 3}}, "answer: found 3");
  refused({{"documents", {a, a}}, {"prompt", "x"}, {"answer", "y"}, {"press", "none"}}, "press");
}
