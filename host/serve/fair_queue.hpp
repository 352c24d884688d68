// SPDX-License-Identifier: Apache-2.0
// Tasks in wait: those of one client in their order, the clients in turn, so that whoever asks for
// much delays nobody but himself.
#pragma once

#include <deque>
#include <list>
#include <string>
#include <utility>

#include "serve/task.hpp"

namespace kvhost {

class FairQueue {
 public:
  bool empty() const { return clients_.empty(); }
  size_t size() const { return size_; }

  void add(Task task) {
    ++size_;
    for (auto& [client, tasks] : clients_)
      if (client == task.client) return tasks.push_back(std::move(task));
    std::string client = task.client;
    clients_.emplace_back(std::move(client), std::deque<Task>());
    clients_.back().second.push_back(std::move(task));
  }

  // The next one; it stays the next until it is taken.
  Task& front() { return clients_.front().second.front(); }

  Task take() {
    --size_;
    auto& tasks = clients_.front().second;
    Task task = std::move(tasks.front());
    tasks.pop_front();
    if (tasks.empty())
      clients_.pop_front();
    else
      clients_.splice(clients_.end(), clients_, clients_.begin());
    return task;
  }

  // Takes out every task that `which` says yes to, and hands it to `gone`.
  template <typename Which, typename Gone>
  void remove(Which which, Gone gone) {
    for (auto client = clients_.begin(); client != clients_.end();) {
      auto& tasks = client->second;
      for (auto task = tasks.begin(); task != tasks.end();) {
        if (which(*task)) {
          gone(*task);
          task = tasks.erase(task);
          --size_;
        } else {
          ++task;
        }
      }
      client = tasks.empty() ? clients_.erase(client) : std::next(client);
    }
  }

 private:
  std::list<std::pair<std::string, std::deque<Task>>> clients_;
  size_t size_ = 0;
};

}  // namespace kvhost
