// SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <stdexcept>

namespace kvhost::test {

namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string read_header(int socket) {
  std::string text;
  char byte = 0;
  while (!text.ends_with("\r\n\r\n") && recv(socket, &byte, 1, 0) == 1) text += byte;
  return text;
}

Asked parse(const std::string& header) {
  Asked asked;
  std::istringstream lines(header);
  lines >> asked.method >> asked.target;
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && line != "\r") {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    asked.fields[lower(line.substr(0, colon))] = line.substr(colon + 2, line.size() - colon - 3);
  }
  return asked;
}

void send_all(int socket, const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<size_t>(n);
  }
}

}  // namespace

std::string Asked::field(const std::string& name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

Server::Server(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, any, length) != 0 || listen(listener_, 16) != 0 ||
      getsockname(listener_, any, &length) != 0)
    throw std::runtime_error("no server on 127.0.0.1");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

Server::~Server() {
  over_ = true;
  thread_.join();
  close(listener_);
}

void Server::serve() {
  while (!over_) {
    pollfd waiting = {listener_, POLLIN, 0};
    if (poll(&waiting, 1, /*ms=*/20) != 1) continue;
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    answer(socket);
    shutdown(socket, SHUT_WR);
    char rest[256];
    while (recv(socket, rest, sizeof rest, MSG_DONTWAIT) > 0) {
    }
    close(socket);
  }
}

void Server::answer(int socket) {
  const Asked asked = parse(read_header(socket));
  if (asked.method.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(asked);
  }
  Reply reply = handler_(asked);
  reply.fields.emplace("Content-Length", std::to_string(reply.body.size()));
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " x\r\nConnection: close\r\n";
  for (const auto& [name, value] : reply.fields) text += name + ": " + value + "\r\n";
  send_all(socket, text + "\r\n");
  if (asked.method != "HEAD") send_all(socket, reply.body.substr(0, reply.sends));
}

std::vector<Asked> Server::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

int Server::count(const std::string& method, const std::string& begins) const {
  const auto all = asked();
  return static_cast<int>(std::count_if(all.begin(), all.end(), [&](const Asked& one) {
    return one.method == method && one.target.starts_with(begins);
  }));
}

void Server::forget() {
  const std::lock_guard lock(mutex_);
  asked_.clear();
}

}  // namespace kvhost::test
