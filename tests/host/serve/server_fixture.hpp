// SPDX-License-Identifier: Apache-2.0
// A real server on a port of its own, and what a client asks of it.
#pragma once

#include <httplib.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "serve/http_server.hpp"

namespace kvhost::test {

using Json = nlohmann::json;

const Engine& serve_engine();
Model bundled();
ServeOptions usual_options();  // press none, no key

class TestServer {
 public:
  explicit TestServer(const ServeOptions& options = usual_options(),
                      const std::vector<NamedModel>& models = {{bundled(), ""}});
  ~TestServer();

  int port() const { return port_; }
  Service& service() { return *service_; }
  HttpServer& http() { return *http_; }
  void stop(std::chrono::milliseconds grace);

  struct Reply {
    int status = 0;
    std::string body;
    Json json;  // null when it is none
    httplib::Headers headers;
  };
  Reply get(const std::string& path, const httplib::Headers& headers = {}) const;
  Reply post(const std::string& path,
             const std::string& body,
             const httplib::Headers& headers = {}) const;
  Reply post(const std::string& path, const Json& body) const { return post(path, body.dump()); }
  Reply remove(const std::string& path) const;
  // With status 200.
  Json ask(const std::string& path, const Json& body) const;
  // The data of a stream, "[DONE]" left out; `names` gets those of named events.
  std::vector<Json> stream(const std::string& path,
                           Json body,
                           std::vector<std::string>* names = nullptr) const;

 private:
  std::unique_ptr<Service> service_;
  std::unique_ptr<HttpServer> http_;
  int port_ = 0;
  std::thread listener_;
};

// One server for the tests that need nothing special.
TestServer& shared_server();

std::string long_text();  // a bundled prompt, about 1000 tokens

// That `reply` is a refusal in OpenAI's form whose message holds `says`.
void check_refused(const TestServer::Reply& reply, int status, const std::string& says);

// Waits up to some seconds until it is so.
bool soon(const std::function<bool()>& so);

}  // namespace kvhost::test
