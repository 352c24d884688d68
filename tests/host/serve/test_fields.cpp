// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "serve/refusal.hpp"
#include "server_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

TEST_CASE("a wrong field is refused with its name and range") {
  const auto refused = [](const Json& more, const std::string& says, int status = 400) {
    Json body = {{"prompt", "x"}};
    body.update(more);
    check_refused(shared_server().post("/v1/completions", body), status, says);
  };
  refused({{"temperature", -1}}, "temperature: found -1; expected a number in [0, 2]");
  refused({{"temperature", "hot"}}, "temperature: found the text 'hot'");
  refused({{"max_tokens", 2.5}}, "max_tokens: found 2.5; expected a whole number");
  refused({{"max_tokens", 100000}}, "max_tokens: found 100000");
  refused({{"top_p", 0}}, "top_p: found 0; expected a number in (0, 1]");
  refused({{"prompt", Json::array()}}, "prompt: found 0 prompts");
  refused({{"prompt", {1, 99999}}}, "prompt[1]: found 99999; expected a token id, 0 to 4095");
  refused({{"prompt", ""}, {"add_special_tokens", false}}, "prompt: holds no tokens");
  refused({{"stop", {""}}}, "stop: found an empty text");
  refused({{"n", 0}}, "n: found 0");
  refused({{"logit_bias", {{"a", 1}}}}, "logit_bias.a: is no token id");
  refused({{"keep_ratio", 0.5}, {"budget", 7}}, "at most one of keep_ratio");
  refused({{"keep_ratio", 1.5}}, "keep_ratio: found 1.5; expected a number in (0, 1]");
  refused({{"presss", "none"}}, "presss: is no field of this request");
  refused({{"presss", "none"}}, "did you mean 'press'?");
  refused({{"press", "snapk"}}, "snapk");
  refused({{"press", 7}}, "press: found 7; expected a composition");
  refused({{"model", "gpt-4"}}, "model: 'gpt-4' is not here; expected 'demo'", 404);
  refused({{"document", "doc-nowhere"}}, "no document 'doc-nowhere'", 404);
  refused({{"kept", "all"}}, "kept: found 'all'");
  refused({{"stream", 1}}, "stream: found 1; expected true or false");
}

TEST_CASE("a body that is no JSON is refused with its place") {
  for (const std::string body : {"", "{", "[1,", "nonsense", "{\"prompt\": \"\xff\"}", "7", "[]"})
    check_refused(shared_server().post("/v1/completions", body), 400, "body");
  std::string deep(100'000, '[');
  check_refused(shared_server().post("/v1/completions", deep), 400, "body");
}

TEST_CASE("a client cannot have the server open files") {
  check_refused(shared_server().post("/v1/completions",
                                     {{"prompt", "x"}, {"press", "kvzap(file=/etc/passwd)"}}),
                403,
                "which is a file of the server");
}

TEST_CASE("errors tell the names of files and not where they lie") {
  CHECK(without_paths("/opt/models/a/b.json: is no file") == "b.json: is no file");
  CHECK(without_paths("found '/a/b/c'; expected /x") == "found 'c'; expected /x");
  CHECK(without_paths("see http://a/b and 3/4 of it") == "see http://a/b and 3/4 of it");
}
