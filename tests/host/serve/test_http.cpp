// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "serve/access.hpp"
#include "server_fixture.hpp"

using namespace kvhost;
using namespace kvhost::test;

namespace {

// A connection that says what it is told to say.
class RawClient {
 public:
  explicit RawClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<uint16_t>(port));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    const timeval patience{10, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~RawClient() { close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool send(const std::string& text) const {
    return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }
  std::string read_all() const {
    std::string out;
    char some[4096];
    for (ssize_t n; (n = recv(socket_, some, sizeof some, 0)) > 0;)
      out.append(some, static_cast<size_t>(n));
    return out;
  }

 private:
  int socket_;
};

bool healthy(const TestServer& server) { return server.get("/health").status == 200; }

}  // namespace

TEST_CASE("health, models, presses and metrics are told") {
  const TestServer& server = shared_server();
  CHECK(server.get("/health").json["status"] == "ok");
  const Json models = server.get("/v1/models").json;
  CHECK(models["data"][0]["id"] == "demo");
  CHECK(models["data"][0]["kvhost"]["context"] == 4096);
  const auto presses = server.get("/v1/presses");
  CHECK(presses.json["data"].size() > 20);
  CHECK(presses.body.find(KVHOST_TEST_PLUGINS) == std::string::npos);
  server.ask("/v1/completions", {{"prompt", "x"}, {"max_tokens", 1}});
  const std::string metrics = server.get("/metrics").body;
  CHECK(metrics.find("kvhost_requests_total{route=\"/v1/completions\",status=\"200\"}") !=
        std::string::npos);
  CHECK(metrics.find("# TYPE kvhost_first_token_seconds histogram") != std::string::npos);
}

TEST_CASE("texts become tokens and back") {
  const std::string text = "The history of the town, 1874";
  const Json tokens = shared_server().ask("/tokenize", {{"content", text}})["tokens"];
  CHECK(tokens == Json(bundled().encode(text)));
  CHECK(shared_server().ask("/detokenize", {{"tokens", tokens}})["content"] == text);
  check_refused(shared_server().post("/detokenize", {{"tokens", {1, -2}}}), 400, "tokens[1]");
}

TEST_CASE("what is not there, and what is too large, is refused in the same form") {
  ServeOptions options = usual_options();
  options.body_bytes = 1000;
  const TestServer server(options);
  check_refused(server.get("/v1/nothing"), 404, "GET /v1/nothing: is no such thing here");
  const auto wrong = server.get("/v1/completions");
  check_refused(wrong, 405, "GET /v1/completions: cannot be had by this method; expected POST");
  CHECK(wrong.headers.find("Allow")->second == "POST");
  check_refused(server.post("/v1/documents/doc-x", Json::object()), 405, "expected GET, HEAD, DELETE");
  check_refused(server.post("/v1/completions", {{"prompt", std::string(2000, 'x')}}), 413,
                "body: is too large");
  CHECK(healthy(server));
}

TEST_CASE("with a key, nobody else may ask") {
  ServeOptions options = usual_options();
  options.api_keys = {"first", "second"};
  const TestServer server(options);
  const std::string body = R"({"prompt": "x", "max_tokens": 1})";
  CHECK(server.get("/health").status == 200);
  check_refused(server.get("/v1/models"), 401, "holds no key");
  check_refused(server.post("/v1/completions", body, {{"Authorization", "Bearer fir"}}), 401,
                "holds no key");
  CHECK(server.post("/v1/completions", body, {{"Authorization", "Bearer second"}}).status == 200);
  CHECK(server.post("/v1/completions", body, {{"x-api-key", "first"}}).status == 200);
}

TEST_CASE("without a key, pages of others cannot use the server of this machine") {
  const TestServer& server = shared_server();
  check_refused(server.get("/v1/models", {{"Origin", "http://evil.example"}}), 403, "Origin");
  const std::string here = "127.0.0.1:" + std::to_string(server.port());
  CHECK(server.get("/v1/models", {{"Origin", "http://" + here}}).status == 200);
  CHECK(comes_from_here("localhost:80", ""));
  CHECK(comes_from_here("[::1]:80", "http://[::1]:80"));
  CHECK_FALSE(comes_from_here("rebound.example", ""));
  CHECK_FALSE(comes_from_here("localhost:80", "http://localhost:81"));
}

TEST_CASE("a client that sends its request drop by drop is cut off, and others are served") {
  ServeOptions options = usual_options();
  options.request_time = std::chrono::seconds(1);
  options.connections = 4;
  const TestServer server(options);
  const RawClient slow(server.port());
  REQUIRE(slow.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"));
  bool cut = false;
  for (int i = 0; i < 50 && !cut; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cut = !slow.send("X: y\r\n");
    if (i % 10 == 0) CHECK(healthy(server));
  }
  CHECK(cut);
  CHECK(healthy(server));
}

TEST_CASE("nonsense in place of HTTP hurts nobody") {
  const TestServer server;
  for (const std::string& text : {std::string("\r\n\r\n"),
                                 std::string("GET / HTTP/9.9\r\n\r\n"),
                                 std::string("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                                             "Content-Length: 99999999999999999999\r\n\r\n"),
                                 std::string("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                                             "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
                                 std::string(100'000, 'A'),
                                 std::string("\x16\x03\x01\x02\x00\x01\x00", 7)}) {
    const RawClient client(server.port());
    client.send(text);
  }
  {
    const RawClient half(server.port());  // promises a body and goes
    half.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{");
  }
  CHECK(healthy(server));
}
