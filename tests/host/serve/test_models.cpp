// SPDX-License-Identifier: Apache-2.0
// A server of two models.
#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "server_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

Model tiny() {
  static const Model one = serve_engine().open(
      {std::filesystem::path(KVHOST_SOURCE_DIR) / "models/tiny", DType::Float32, true});
  return one;
}

std::vector<NamedModel> both() { return {{bundled(), ""}, {tiny(), "small"}}; }

ServeOptions no_bound() {
  ServeOptions options = usual_options();
  options.context = 0;  // each as it was made
  return options;
}

Json body_for(const std::string& model, const std::string& prompt) {
  Json body = {{"prompt", prompt}, {"max_tokens", 12}, {"temperature", 0}, {"ignore_eos", true}};
  if (!model.empty()) body["model"] = model;
  return body;
}

std::string text_of(const Json& reply) { return reply["choices"][0]["text"]; }

}  // namespace

TEST_CASE("several models are listed, and a request says which is meant") {
  TestServer server(no_bound(), both());
  const Json list = server.get("/v1/models").json["data"];
  REQUIRE(list.size() == 2);
  CHECK(list[0]["id"] == "demo");
  CHECK(list[1]["id"] == "small");
  CHECK(list[0]["kvhost"]["context"] == 4096);
  CHECK(list[1]["kvhost"]["context"] == 1024);
  CHECK(server.get("/v1/models/small").json == list[1]);
  check_refused(server.get("/v1/models/none"), 404, "expected 'demo', 'small', or no model");

  const Json small = server.ask("/v1/completions", body_for("small", "Once upon"));
  CHECK(small["model"] == "small");
  CHECK(server.ask("/v1/completions", body_for("", "Once upon"))["model"] == "demo");
  check_refused(server.post("/v1/completions", body_for("large", "Once")), 404,
                "model: 'large' is not here; expected 'demo', 'small', or no model");
  check_refused(server.post("/v1/completions", Json{{"model", 3}, {"prompt", "x"}}), 400,
                "model: found 3; expected a text");

  const Json here = server.ask("/tokenize", {{"content", "Once upon a time"}}),
             there = server.ask("/tokenize", {{"content", "Once upon a time"}, {"model", "small"}});
  CHECK(there["tokens"] != here["tokens"]);
  CHECK(server.ask("/detokenize", {{"tokens", there["tokens"]}, {"model", "small"}})["content"] ==
        "Once upon a time");
}

TEST_CASE("models that answer at the same time say what each says alone") {
  std::vector<Json> bodies;
  for (int i = 0; i < 8; ++i) {
    bodies.push_back(body_for(i % 2 ? "small" : "demo",
                              long_text().substr(static_cast<size_t>(i) * 50, 400)));
    if (i % 4 > 1) bodies.back().update({{"press", "knorm"}, {"budget", 40}, {"min_entries", 0}});
  }
  std::vector<std::string> alone, together(bodies.size());
  {
    TestServer of_demo(no_bound(), {{bundled(), "demo"}}), of_small(no_bound(), {{tiny(), "small"}});
    for (size_t i = 0; i < bodies.size(); ++i)
      alone.push_back(text_of((i % 2 ? of_small : of_demo).ask("/v1/completions", bodies[i])));
  }
  TestServer server(no_bound(), both());
  std::vector<std::thread> clients;
  for (size_t i = 0; i < bodies.size(); ++i)
    clients.emplace_back([&, i] {
      const auto reply = server.post("/v1/completions", bodies[i]);
      if (reply.status == 200) together[i] = text_of(reply.json);
    });
  for (auto& client : clients) client.join();
  CHECK(together == alone);
  CHECK(soon([&] { return server.service().metrics().now().cache_bytes_promised == 0; }));
}

TEST_CASE("a document belongs to the model that read it") {
  TestServer server(no_bound(), both());
  const std::string text = long_text().substr(0, 900);
  const Json made = server.ask("/v1/documents", {{"text", text}, {"model", "small"}});
  CHECK(made["model"] == "small");
  const Json other = server.ask("/v1/documents", {{"text", text}});
  CHECK(server.get("/v1/documents").json["data"].size() == 2);
  Json question = body_for("", " Then");
  question["document"] = made["id"];
  CHECK(server.ask("/v1/completions", question)["model"] == "small");
  question["model"] = "demo";
  check_refused(server.post("/v1/completions", question), 400,
                "document: was read by the model 'small'");
  const std::string id = made["id"];
  const Json shown = server.get("/v1/documents/" + id + "?kept=positions").json;
  std::string whole;
  for (const auto& token : shown["tokens"]) whole += token.get<std::string>();
  CHECK(whole.find(text.substr(20, 500)) != std::string::npos);
  check_refused(server.post("/v1/compare", {{"documents", {id, other["id"]}},
                                            {"prompt", " Then"}, {"answer", " the"}}),
                400, "was read from another text");
}

TEST_CASE("models share one cache, and no two have one name") {
  ServeOptions options = no_bound();
  options.limits.cache_bytes = 8'000'000;
  TestServer server(options, both());
  const std::string text = long_text();
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i)
    ids.push_back(server.ask("/v1/documents", {{"text", text.substr(0, 2000)},
                                               {"model", i % 2 ? "small" : "demo"},
                                               {"press", "none"}})["id"]);
  CHECK(server.get("/v1/documents/" + ids[0]).status == 404);
  CHECK(server.get("/v1/documents/" + ids[5]).status == 200);
  CHECK(server.service().metrics().now().cache_bytes_stored <= options.limits.cache_bytes);
  CHECK_THROWS_WITH(Service(serve_engine(), {{tiny(), "a"}, {bundled(), "a"}}, usual_options()),
                    Catch::Matchers::Contains("two models that are called 'a'"));
}
