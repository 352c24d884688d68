// SPDX-License-Identifier: Apache-2.0
// The server: routes, who may ask, limits, and requests carried to the engine and back.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "serve/service.hpp"

namespace kvhost {

class HttpServer {
 public:
  explicit HttpServer(Service& service);
  ~HttpServer();

  // Throws Error(RunFailed) when the place is taken. Returns the port.
  int bind();
  void listen();  // until stop(); on a thread of the caller's
  // [any thread] Refuses what comes, gives what runs so long to end, cuts the rest off with a
  // message, and ends listen(). `cutting` is called before something is cut off.
  void stop(std::chrono::milliseconds grace, const std::function<void()>& cutting = {});
  void hurry();  // [any thread] stop() waits no longer

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kvhost
