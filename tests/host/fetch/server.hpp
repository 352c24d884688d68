// SPDX-License-Identifier: Apache-2.0
// A web server in the test's own process that can do what good ones do not: break off, lie about
// sizes, send other bytes. Plain sockets, so that nothing is shared with what is tested.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace kvhost::test {

struct Asked {
  std::string method, target;
  std::map<std::string, std::string> fields;  // names in lower case

  std::string field(const std::string& name) const;
};

struct Reply {
  int status = 200;
  std::map<std::string, std::string> fields;
  std::string body;
  size_t sends = std::string::npos;  // so many bytes of the body, then the connection ends
  // Content-Length is that of the body unless `fields` has one.
};

class Server {
 public:
  using Handler = std::function<Reply(const Asked&)>;

  explicit Server(Handler handler);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<Asked> asked() const;
  int count(const std::string& method, const std::string& begins) const;  // of targets
  void forget();

 private:
  void serve();
  void answer(int socket);

  Handler handler_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> over_{false};
  mutable std::mutex mutex_;
  std::vector<Asked> asked_;
  std::thread thread_;
};

}  // namespace kvhost::test
