// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "server_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

TEST_CASE("a chat on a model without a template reads the messages as they are and says so") {
  const Json out = shared_server().ask(
      "/v1/chat/completions",
      {{"messages", {{{"role", "user"}, {"content", "The history of the town begins with"}}}},
       {"max_tokens", 12},
       {"temperature", 0}});
  const Json plain = shared_server().ask("/v1/completions",
                                         {{"prompt", "The history of the town begins with"},
                                          {"max_tokens", 12},
                                          {"temperature", 0}});
  CHECK(out["object"] == "chat.completion");
  CHECK(out["choices"][0]["message"]["role"] == "assistant");
  CHECK(out["choices"][0]["message"]["content"] == plain["choices"][0]["text"]);
  CHECK(out["kvhost"]["warnings"].size() == 1);
}

TEST_CASE("a chat streams its answer in deltas") {
  const Json body = {{"messages",
                      {{{"role", "user"},
                        {"content", {{{"type", "text"}, {"text", "The river flows"}}}}}}},
                     {"max_completion_tokens", 10},
                     {"temperature", 0},
                     {"logprobs", true},
                     {"top_logprobs", 2}};
  const std::vector<Json> chunks = shared_server().stream("/v1/chat/completions", body);
  CHECK(chunks.front()["choices"][0]["delta"]["role"] == "assistant");
  std::string text;
  size_t n_scored = 0;
  for (const auto& chunk : chunks)
    for (const auto& choice : chunk["choices"]) {
      if (choice["delta"].contains("content")) text += choice["delta"]["content"];
      if (!choice["logprobs"].is_null()) {
        n_scored += choice["logprobs"]["content"].size();
        CHECK(choice["logprobs"]["content"][0]["top_logprobs"].size() == 2);
      }
    }
  const Json whole = shared_server().ask("/v1/chat/completions", body);
  CHECK(text == whole["choices"][0]["message"]["content"]);
  CHECK(n_scored == whole["usage"]["completion_tokens"]);
  CHECK(whole["choices"][0]["logprobs"]["content"].size() == n_scored);
}

TEST_CASE("what is wrong with messages is told by their place") {
  const auto refused = [](const Json& messages, const std::string& says) {
    check_refused(shared_server().post("/v1/chat/completions", {{"messages", messages}}), 400, says);
  };
  refused(Json(), "messages: found nothing");
  refused(Json::array(), "messages: found an empty list");
  refused({{{"role", "judge"}, {"content", "x"}}}, "messages[0].role: found 'judge'");
  refused({{{"role", "user"}, {"content", 3}}}, "messages[0].content: found 3");
  refused({{{"role", "user"}, {"content", {{{"type", "image_url"}}}}}}, "messages[0].content[0]");
}
