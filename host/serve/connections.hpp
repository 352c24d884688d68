// SPDX-License-Identifier: Apache-2.0
// A watch over the connections of a port: who hung up, who takes too long to send a request, who is
// one too many. The HTTP library tells none of it, so the process's own sockets are looked at.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace kvhost {

class Connections {
 public:
  // A connection by its other end.
  struct Peer {
    std::string address;
    int port = 0;
    auto operator<=>(const Peer&) const = default;
  };

  // `patience`: how long a connection may be without a request being answered.
  Connections(std::chrono::seconds patience, size_t most);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  void watch(int port);  // of this machine; begins

  // Any thread. Its request is complete and is answered until leave().
  void enter(const Peer& peer);
  void leave(const Peer& peer);
  // Whether it has hung up, or will send nothing more: those count as gone.
  bool gone(const Peer& peer) const;

 private:
  void look();

  const std::chrono::seconds patience_;
  const size_t most_;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable over_cv_;
  bool over_ = false;
  std::map<Peer, std::chrono::steady_clock::time_point> waiting_;  // since when
  std::map<Peer, int> answered_;
  std::thread thread_;
};

}  // namespace kvhost
