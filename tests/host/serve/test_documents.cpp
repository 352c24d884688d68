// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "server_fixture.hpp"
#include "temp_folder.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace fs = std::filesystem;

namespace {

const Json kPressed = {{"press", "adakv:snapkv"}, {"keep_ratio", 0.25}, {"min_entries", 0}};

Json with(Json body, const Json& more) {
  body.update(more);
  return body;
}

}  // namespace

TEST_CASE("a document is read once and asked by many") {
  TestServer server;
  const Json made =
      server.ask("/v1/documents", with({{"text", long_text()}, {"title", "a town"}}, kPressed));
  const std::string id = made["id"];
  CHECK(made["kvhost"]["press"] == "adakv:snapkv");
  CHECK(made["kvhost"]["cache_bytes_kept"].get<double>() <
        0.3 * made["kvhost"]["cache_bytes_full"].get<double>());
  const Json question = {{"prompt", " The harbour"}, {"max_tokens", 10}, {"temperature", 0},
                         {"document", id}};
  const Json a = server.ask("/v1/completions", question);
  const Json b = server.ask("/v1/completions", question);
  CHECK(a["choices"][0]["text"] == b["choices"][0]["text"]);
  CHECK(a["kvhost"]["n_cached_tokens"] == made["kvhost"]["n_prompt_tokens"]);
  CHECK(a["kvhost"]["prefill_ms"].get<double>() < made["kvhost"]["prefill_ms"].get<double>());
  const Json list = server.get("/v1/documents").json;
  REQUIRE(list["data"].size() == 1);
  CHECK(list["data"][0]["title"] == "a town");
  CHECK(list["data"][0]["n_uses"] == 2);
  const Json chat = server.ask("/v1/chat/completions",
                               {{"messages", {{{"role", "user"}, {"content", " The harbour"}}}},
                                {"max_tokens", 10}, {"temperature", 0}, {"document", id}});
  CHECK(chat["choices"][0]["message"]["content"] == a["choices"][0]["text"]);
  CHECK(server.remove("/v1/documents/" + id).json["deleted"] == true);
  check_refused(server.post("/v1/completions", question), 404, "no document");
  check_refused(server.remove("/v1/documents/" + id), 404, "no document");
  CHECK(server.service().metrics().now().cache_bytes_stored == 0);
}

TEST_CASE("a document's kept positions are told with its tokens") {
  TestServer server;
  const Json made = server.ask("/v1/documents", with({{"text", long_text()}}, kPressed));
  const Json shown =
      server.get("/v1/documents/" + made["id"].get<std::string>() + "?kept=positions").json;
  CHECK(shown["tokens"].size() == made["kvhost"]["n_prompt_tokens"]);
  size_t n = 0;
  for (const auto& layer : shown["kept_positions"])
    for (const auto& head : layer) n += head.size();
  CHECK(n == made["kvhost"]["n_kept"]);
}

TEST_CASE("a document is saved, and loaded by another server") {
  const TempFolder folder;
  ServeOptions options = usual_options();
  options.documents = folder.path();
  std::string answer;
  const Json question = {{"prompt", " The harbour"}, {"max_tokens", 10}, {"temperature", 0}};
  {
    TestServer server(options);
    const std::string id =
        server.ask("/v1/documents", with({{"text", long_text()}, {"title", "t"}}, kPressed))["id"];
    answer = server.ask("/v1/completions", with(question, {{"document", id}}))["choices"][0]["text"];
    const Json saved = server.ask("/v1/documents/" + id + "/save", {{"file", "town"}});
    CHECK(saved["file"] == "town.kv.safetensors");
    for (const std::string name : {"../x", "/etc/x", ".x", "", "a/b", "a b"})
      check_refused(server.post("/v1/documents/" + id + "/save", {{"file", name}}), 400, "file");
  }
  TestServer server(options);
  const Json loaded = server.ask("/v1/documents/load", {{"file", "town"}});
  CHECK(loaded["title"] == "t");
  CHECK(loaded["kvhost"]["press"] == "adakv:snapkv");
  const Json again = server.ask("/v1/completions", with(question, {{"document", loaded["id"]}}));
  CHECK(again["choices"][0]["text"] == answer);
  check_refused(server.post("/v1/documents/load", {{"file", "none"}}), 404, "no file");
  std::ofstream(folder.path() / "torn.kv.safetensors") << "nothing of the kind";
  const auto torn = server.post("/v1/documents/load", {{"file", "torn"}});
  CHECK(torn.status >= 400);
  CHECK(torn.body.find(folder.path().string()) == std::string::npos);
}

TEST_CASE("documents that were not used for longest go when bytes are needed") {
  ServeOptions options = usual_options();
  options.limits.cache_bytes = 20'000'000;  // about 3,200 tokens
  TestServer server(options);
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i)
    ids.push_back(server.ask("/v1/documents", {{"text", long_text()}, {"press", "none"}})["id"]);
  CHECK(server.get("/v1/documents/" + ids[0]).status == 404);
  CHECK(server.get("/v1/documents/" + ids[3]).status == 200);
  CHECK(server.service().metrics().now().cache_bytes_stored <= options.limits.cache_bytes);
}

TEST_CASE("what a document cannot do is refused") {
  TestServer server;
  const std::string id = server.ask("/v1/documents", {{"text", "A short text."}})["id"];
  const auto refused = [&](const Json& more, const std::string& says) {
    check_refused(server.post("/v1/completions",
                              with({{"prompt", "x"}, {"document", id}}, more)), 400, says);
  };
  refused({{"press", "knorm"}}, "found beside document");
  refused({{"echo", true}, {"logprobs", 1}}, "echo: found with logprobs beside document");
  check_refused(server.post("/v1/documents", {{"title", "x"}}), 400, "text: not given");
  check_refused(server.post("/v1/documents/" + id + "/save", {{"file", "x"}}), 403,
                "this server keeps no files");
}
