// SPDX-License-Identifier: Apache-2.0
#include "serve/connections.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>
#include <functional>

namespace kvhost {
namespace {

struct End {
  std::string address;
  int port = 0;
};

End end_of(const sockaddr_storage& at) {
  char text[INET6_ADDRSTRLEN] = "";
  if (at.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(at);
    inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    return {text, ntohs(four.sin_port)};
  }
  if (at.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(at);
    inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
    return {text, ntohs(six.sin6_port)};
  }
  return {};
}

// The other end of a connected socket; port 0: it is none.
Connections::Peer peer_of(int fd) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) return {};
  const End end = end_of(at);
  return {end.address, end.port};
}

int local_port(int fd) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) return 0;
  return end_of(at).port;
}

void each_descriptor(const std::function<void(int fd)>& visit) {
  DIR* folder = opendir("/proc/self/fd");
  if (!folder) return;
  while (const dirent* entry = readdir(folder))
    if (entry->d_name[0] != '.') visit(std::atoi(entry->d_name));
  closedir(folder);
}

}  // namespace

Connections::Connections(std::chrono::seconds patience, size_t most)
    : patience_(patience), most_(most) {}

Connections::~Connections() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  over_cv_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Connections::watch(int port) {
  port_ = port;
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!over_cv_.wait_for(lock, std::chrono::milliseconds(500), [this] { return over_; })) look();
  });
}

// The mutex is held.
void Connections::look() {
  const auto now = std::chrono::steady_clock::now();
  std::map<Peer, std::chrono::steady_clock::time_point> waiting;
  size_t n = 0;
  each_descriptor([&](int fd) {
    if (local_port(fd) != port_) return;
    const Peer peer = peer_of(fd);
    if (peer.port == 0) return;  // what listens
    ++n;
    if (answered_.contains(peer)) return;
    const auto known = waiting_.find(peer);
    const auto since = known == waiting_.end() ? now : known->second;
    waiting.emplace(peer, since);
    const bool too_many = n > most_ && known == waiting_.end();
    if ((now - since > patience_ || too_many) && peer_of(fd) == peer) shutdown(fd, SHUT_RDWR);
  });
  waiting_ = std::move(waiting);
}

void Connections::enter(const Peer& peer) {
  const std::lock_guard lock(mutex_);
  ++answered_[peer];
}

void Connections::leave(const Peer& peer) {
  const std::lock_guard lock(mutex_);
  if (--answered_[peer] <= 0) answered_.erase(peer);
}

bool Connections::gone(const Peer& peer) const {
  bool hung_up = false;
  each_descriptor([&](int fd) {
    if (local_port(fd) != port_ || peer_of(fd) != peer) return;
    pollfd events{fd, POLLRDHUP, 0};
    hung_up = poll(&events, 1, 0) > 0 && (events.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  });
  return hung_up;
}

}  // namespace kvhost
