// SPDX-License-Identifier: Apache-2.0
// Single requests over HTTP and HTTPS: no redirect is followed, nothing is tried again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "fetch/url.hpp"

namespace kvhost {

struct Answer {
  int status = 0;                             // 0: none came
  std::map<std::string, std::string> fields;  // names in lower case
  std::string broken;  // why it ended early: "" when it came whole; never what a caller did

  std::string field(const std::string& name) const;  // "" when absent
  // Of fields that hold a number: -1 when absent or something else.
  int64_t number(const std::string& name) const;
};

struct Request {
  bool head = false;  // HEAD instead of GET
  Url url;
  std::map<std::string, std::string> fields;
};

// Holds a connection to each server it spoke to. One thread at a time.
class Web {
 public:
  // `cancelled` may be empty; once true, whatever waits for a server ends.
  explicit Web(std::function<bool()> cancelled);
  ~Web();
  Web(const Web&) = delete;
  Web& operator=(const Web&) = delete;

  // `begin` is called once the header is there and says whether the body is wanted; then `take`
  // gets it in pieces. What either throws comes out of here.
  Answer send(const Request& request,
              const std::function<bool(const Answer&)>& begin,
              const std::function<void(const char*, size_t)>& take);

 private:
  struct Connections;
  std::unique_ptr<Connections> connections_;
};

}  // namespace kvhost
