// SPDX-License-Identifier: Apache-2.0
// A request carried to the engine and what comes of it to its client, whole or as a stream; a
// client that goes away is noticed, and its work given up.
#pragma once

#include <httplib.h>

#include <atomic>
#include <memory>
#include <optional>

#include "serve/connections.hpp"
#include "serve/wire.hpp"

namespace kvhost {

Connections::Peer peer_of(const httplib::Request& request);

// Counts a request as answered while it lives.
class Attended {
 public:
  Attended(Connections& connections, Connections::Peer peer)
      : connections_(connections), peer_(std::move(peer)) {
    connections_.enter(peer_);
  }
  ~Attended() { connections_.leave(peer_); }
  Attended(const Attended&) = delete;
  Attended& operator=(const Attended&) = delete;

 private:
  Connections& connections_;
  Connections::Peer peer_;
};

class Exchange {
 public:
  Exchange(Scheduler& scheduler, Connections& connections)
      : scheduler_(scheduler), connections_(connections) {}

  // Throws Refused as long as nothing was sent.
  void carry_out(Call call, const httplib::Request& request, httplib::Response& response);
  int n_streams() const { return n_streams_; }  // under way

 private:
  std::optional<Event> next_event(Outlet& outlet, const Connections::Peer& peer) const;
  void stream(std::shared_ptr<Call> call,
              std::optional<Event> first,
              const Connections::Peer& peer,
              httplib::Response& response);

  Scheduler& scheduler_;
  Connections& connections_;
  std::atomic<int> n_streams_{0};
};

}  // namespace kvhost
