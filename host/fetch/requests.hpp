// SPDX-License-Identifier: Apache-2.0
// Requests that get through: redirects followed, breaks and refusals for now tried again, all else
// one clear error.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/context.hpp"
#include "fetch/web.hpp"

namespace kvhost {

// One server's ways.
struct Peer {
  std::string origin;
  std::string authorization;  // what only this origin may see; "" for none
  // What to do about an answer that is an error: "; "-joined parts, "" for none.
  std::function<std::string(const Answer&)> cure;
};

struct Patience {
  int tries = 5;
  std::chrono::milliseconds first_wait{500};  // doubled after each try
  std::chrono::seconds longest_wait{60};      // a server that asks for more is an error
};

// Takes a body. Bodies of errors and redirects do not come here.
class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual int64_t from() const { return 0; }  // bytes that are there already
  virtual void begin(const Answer& answer) = 0;
  virtual void take(const char* bytes, size_t n) = 0;
  virtual void restart() {}                 // what is there is of no use
  virtual std::string missing() const = 0;  // after an answer that came whole: "" when all is there
};

class Requests {
 public:
  Requests(Peer peer, const Context& context, Patience patience);

  const Context& context() const { return context_; }

  void get(const std::string& url,
           const std::map<std::string, std::string>& fields,
           Receiver& receiver);
  // As `get`, with the whole body. Bodies of more than 64 MB are refused.
  std::string text(const std::string& url, const std::map<std::string, std::string>& fields = {});
  // The header of `url`. Redirects are followed within its server; the fields of each answer on
  // the way stay unless a later one has them too, and a redirect elsewhere is the end.
  Answer head(const std::string& url);

 private:
  struct Trouble;
  Trouble try_get(const Url& url,
                  const std::map<std::string, std::string>& fields,
                  Receiver& receiver);
  Trouble try_head(const Url& url, Answer& answer);
  Trouble judge(const Url& url, const Answer& answer) const;
  Request request_for(const Url& url, bool trusted) const;
  void persist(const Url& url,
               const std::function<Trouble()>& attempt,
               const std::function<int64_t()>& arrived);
  void wait(std::chrono::milliseconds time) const;

  Peer peer_;
  Context context_;
  Patience patience_;
  Web web_;
};

}  // namespace kvhost
