// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <catch2/catch.hpp>

#include "server_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

Metrics::Now now_of(TestServer& server) { return server.service().metrics().now(); }

bool idle(TestServer& server) {
  const Metrics::Now now = now_of(server);
  return now.queued == 0 && now.reading == 0 && now.answering == 0;
}

std::string text_of(const Json& reply) { return reply["choices"][0]["text"]; }

}  // namespace

TEST_CASE("answers made at the same time are what each would be alone") {
  TestServer server;
  const std::string text = long_text();
  std::vector<Json> bodies;
  for (int i = 0; i < 12; ++i) {
    const std::string prompt = i % 3 == 0 ? text : text.substr(static_cast<size_t>(i) * 40, 300);
    Json body = {{"prompt", prompt}, {"max_tokens", 10 + i}, {"temperature", 0},
                 {"cache_prompt", false}};
    if (i % 2 == 0) body.update({{"press", "snapkv"}, {"keep_ratio", 0.3}, {"min_entries", 0}});
    if (i == 5) body.update({{"press", "knorm"}, {"decode_press", "knorm"}, {"decode_every", 4},
                             {"budget", 64}, {"min_entries", 0}});
    bodies.push_back(body);
  }
  std::vector<std::string> alone, together(bodies.size());
  for (const auto& body : bodies) alone.push_back(text_of(server.ask("/v1/completions", body)));
  std::vector<std::thread> clients;
  for (size_t i = 0; i < bodies.size(); ++i)
    clients.emplace_back([&, i] {
      const auto reply = server.post("/v1/completions", bodies[i]);
      if (reply.status == 200) together[i] = text_of(reply.json);
    });
  for (auto& client : clients) client.join();
  for (size_t i = 0; i < bodies.size(); ++i) CHECK(together[i] == alone[i]);
  CHECK(soon([&] { return idle(server); }));
  CHECK(now_of(server).cache_bytes_promised == 0);
}

TEST_CASE("a client that goes away in mid-stream gives its memory back") {
  TestServer server;
  const std::string body = Json{{"prompt", long_text()}, {"max_tokens", 3000}, {"temperature", 0},
                                {"ignore_eos", true}, {"stream", true}}
                               .dump();
  httplib::Client client("127.0.0.1", server.port());
  client.set_read_timeout(120);  // a busy machine reads the prompt for longer than five seconds
  size_t n_bytes = 0;
  httplib::Request request;
  request.method = "POST";
  request.path = "/v1/completions";
  request.body = body;
  request.content_receiver = [&](const char*, size_t n, uint64_t, uint64_t) {
    n_bytes += n;
    return n_bytes < 2000;  // then it hangs up
  };
  httplib::Response response;
  auto error = httplib::Error::Success;
  client.send(request, response, error);
  client.stop();
  CHECK(n_bytes > 0);
  CHECK(soon([&] { return idle(server); }));
  CHECK(now_of(server).cache_bytes_promised == 0);
  CHECK(server.get("/metrics").body.find("kvhost_cancelled_total 1") != std::string::npos);
}

TEST_CASE("a client that waits for a whole answer and goes away is noticed") {
  TestServer server;
  {
    httplib::Client client("127.0.0.1", server.port());
    client.set_read_timeout(0, 300'000);
    CHECK_FALSE(client.Post("/v1/completions",
                            Json{{"prompt", long_text()}, {"max_tokens", 3000},
                                 {"temperature", 0}, {"ignore_eos", true}}
                                .dump(),
                            "application/json"));
  }
  CHECK(soon([&] { return idle(server) && now_of(server).cache_bytes_promised == 0; }));
}

TEST_CASE("a client that does not fetch holds up nobody") {
  TestServer server;
  std::atomic<bool> go_on{false};
  std::thread lazy([&] {
    httplib::Client client("127.0.0.1", server.port());
    client.set_read_timeout(60);
    httplib::Request request;
    request.method = "POST";
    request.path = "/v1/completions";
    request.body = Json{{"prompt", "Once"}, {"max_tokens", 3000}, {"ignore_eos", true},
                        {"logprobs", 20}, {"stream", true}}
                       .dump();
    request.content_receiver = [&](const char*, size_t, uint64_t, uint64_t) {
      while (!go_on) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return false;
    };
    httplib::Response response;
    auto error = httplib::Error::Success;
    client.send(request, response, error);
  });
  CHECK(soon([&] { return now_of(server).answering == 1; }));
  for (int i = 0; i < 3; ++i) {
    const Json out = server.ask("/v1/completions", {{"prompt", "The"}, {"max_tokens", 20}});
    CHECK(out["choices"].size() == 1);
  }
  go_on = true;
  lazy.join();
  CHECK(soon([&] { return idle(server); }));
}

TEST_CASE("what does not fit into the cache is refused or waits") {
  ServeOptions options = usual_options();
  options.limits.cache_bytes = 30'000'000;  // about 4,800 tokens
  TestServer server(options);
  check_refused(server.post("/v1/completions",
                            {{"prompt", long_text()}, {"max_tokens", 4000}, {"n", 4}}),
                400,
                "of cache with its answer; expected no more than 30.0 MB");
  std::atomic<int> n_right{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 6; ++i)
    clients.emplace_back([&] {
      if (server.post("/v1/completions",
                      {{"prompt", long_text()}, {"max_tokens", 1000}, {"stop", {"e", " "}},
                       {"temperature", 0}})
              .status == 200)
        ++n_right;
    });
  int64_t most = 0;
  CHECK(soon([&] {
    most = std::max(most, now_of(server).cache_bytes_promised);
    return n_right == 6;
  }));
  for (auto& client : clients) client.join();
  CHECK(most > 0);
  CHECK(most <= options.limits.cache_bytes);
}

TEST_CASE("a full queue is refused with the time to try again") {
  ServeOptions options = usual_options();
  options.limits.queued = 2;
  const TestServer server(options);
  const auto reply =
      server.post("/v1/completions", {{"prompt", {"a", "b", "c"}}, {"max_tokens", 1}});
  check_refused(reply, 429, "expected fewer than 2");
  CHECK(reply.headers.find("Retry-After")->second == "1");
}

TEST_CASE("prompts that begin alike are read once") {
  TestServer server;
  const std::string text = long_text();
  const auto ask = [&](Json more) {
    Json body = {{"prompt", text + " Then"}, {"max_tokens", 8}, {"temperature", 0}};
    body.update(more);
    return server.ask("/v1/completions", body);
  };
  const Json first = ask({{"prompt", text}});
  CHECK(first["kvhost"]["n_cached_tokens"] == 0);
  const Json second = ask(Json::object());
  CHECK(second["kvhost"]["n_cached_tokens"].get<size_t>() > 500);
  CHECK(second["usage"]["prompt_tokens_details"]["cached_tokens"] ==
        second["kvhost"]["n_cached_tokens"]);
  const Json anew = ask({{"cache_prompt", false}});
  CHECK(anew["kvhost"]["n_cached_tokens"] == 0);
  CHECK(text_of(second) == text_of(anew));
  // A compressed prompt was looked at as a whole: only the very same one counts.
  const Json pressed = {{"press", "snapkv"}, {"keep_ratio", 0.2}, {"min_entries", 0}};
  const Json a = ask(pressed), b = ask(pressed);
  CHECK(a["kvhost"]["n_cached_tokens"] == 0);
  CHECK(b["kvhost"]["n_cached_tokens"] == b["kvhost"]["n_prompt_tokens"]);
  CHECK(text_of(a) == text_of(b));
}

TEST_CASE("a server that stops lets what runs end, or cuts it off with a word") {
  const auto long_answer = [](TestServer& server, int n, std::string& last) {
    return std::thread([&server, n, &last] {
      const auto reply = server.post("/v1/completions",
                                     {{"prompt", "Once"}, {"max_tokens", n}, {"ignore_eos", true},
                                      {"stream", true}});
      last = reply.body;
    });
  };
  std::string ended, cut;
  {
    TestServer server;
    std::thread client = long_answer(server, 60, ended);
    CHECK(soon([&] { return now_of(server).answering == 1; }));
    server.stop(std::chrono::seconds(60));
    client.join();
  }
  CHECK(ended.find("data: [DONE]") != std::string::npos);
  {
    TestServer server;
    std::thread client = long_answer(server, 4000, cut);
    CHECK(soon([&] { return now_of(server).answering == 1; }));
    server.stop(std::chrono::milliseconds(0));
    client.join();
  }
  CHECK(cut.find("is shutting down") != std::string::npos);
  CHECK(cut.find("[DONE]") == std::string::npos);
}
