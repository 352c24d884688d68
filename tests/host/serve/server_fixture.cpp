// SPDX-License-Identifier: Apache-2.0
#include "server_fixture.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

namespace kvhost::test {

namespace fs = std::filesystem;

const Engine& serve_engine() {
  static const Engine one({{fs::path(KVHOST_TEST_PLUGINS)}}, {});
  return one;
}

Model bundled() {
  static const Model one = serve_engine().open(
      {fs::path(KVHOST_SOURCE_DIR) / "models/demo", DType::Float32, true});
  return one;
}

ServeOptions usual_options() {
  ServeOptions options;
  options.port = 0;
  options.connections = 32;
  options.press.press = {PressSource::Form::Text, "none", "press", ""};
  options.limits.cache_bytes = 1'000'000'000;
  options.context = 4096;
  return options;
}

TestServer::TestServer(const ServeOptions& options, const std::vector<NamedModel>& models) {
  service_ = std::make_unique<Service>(serve_engine(), models, options);
  http_ = std::make_unique<HttpServer>(*service_);
  port_ = http_->bind();
  listener_ = std::thread([this] { http_->listen(); });
}

TestServer::~TestServer() { stop(std::chrono::milliseconds(0)); }

void TestServer::stop(std::chrono::milliseconds grace) {
  if (!listener_.joinable()) return;
  http_->stop(grace);
  listener_.join();
}

namespace {

TestServer::Reply reply_of(const httplib::Result& result) {
  TestServer::Reply reply;
  if (!result) return reply;
  reply.status = result->status;
  reply.body = result->body;
  reply.headers = result->headers;
  reply.json = Json::parse(result->body, nullptr, /*allow_exceptions=*/false);
  if (reply.json.is_discarded()) reply.json = Json();
  return reply;
}

httplib::Client client_to(int port) {
  httplib::Client client("127.0.0.1", port);
  client.set_read_timeout(120);
  return client;
}

}  // namespace

TestServer::Reply TestServer::get(const std::string& path, const httplib::Headers& headers) const {
  return reply_of(client_to(port_).Get(path, headers));
}

TestServer::Reply TestServer::post(const std::string& path,
                                   const std::string& body,
                                   const httplib::Headers& headers) const {
  return reply_of(client_to(port_).Post(path, headers, body, "application/json"));
}

TestServer::Reply TestServer::remove(const std::string& path) const {
  return reply_of(client_to(port_).Delete(path));
}

Json TestServer::ask(const std::string& path, const Json& body) const {
  const Reply reply = post(path, body);
  INFO(body.dump().substr(0, 300) << " -> " << reply.body.substr(0, 600));
  REQUIRE(reply.status == 200);
  return reply.json;
}

std::vector<Json> TestServer::stream(const std::string& path,
                                     Json body,
                                     std::vector<std::string>* names) const {
  body["stream"] = true;
  const Reply reply = post(path, body);
  INFO(reply.body.substr(0, 600));
  REQUIRE(reply.status == 200);
  CHECK(reply.headers.find("Content-Type")->second == "text/event-stream");
  std::vector<Json> out;
  std::istringstream lines(reply.body);
  for (std::string line; std::getline(lines, line);) {
    if (names && line.starts_with("event: ")) names->push_back(line.substr(7));
    if (line.starts_with("data: ") && line != "data: [DONE]")
      out.push_back(Json::parse(line.substr(6)));
  }
  return out;
}

TestServer& shared_server() {
  static TestServer one;
  return one;
}

std::string long_text() {
  std::ifstream in(fs::path(KVHOST_SOURCE_DIR) / "models/demo/prompts/needle.json");
  return Json::parse(in)["text"].get<std::string>();
}

void check_refused(const TestServer::Reply& reply, int status, const std::string& says) {
  INFO(reply.body);
  CHECK(reply.status == status);
  REQUIRE(reply.json.is_object());
  REQUIRE(reply.json.contains("error"));
  const auto message = reply.json["error"]["message"].get<std::string>();
  CHECK(message.find(says) != std::string::npos);
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.find(KVHOST_SOURCE_DIR) == std::string::npos);
}

bool soon(const std::function<bool()>& so) {
  for (int i = 0; i < 500; ++i) {
    if (so()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

}  // namespace kvhost::test
