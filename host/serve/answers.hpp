// SPDX-License-Identifier: Apache-2.0
// The answers under way: each step gives all of them their next token, read in one pass for each
// model.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "serve/answer.hpp"
#include "serve/metrics.hpp"
#include "serve/reading.hpp"

namespace kvhost {

// An answer, and what must live as long.
struct Running {
  std::shared_ptr<Reading> reading;  // its task
  std::unique_ptr<Promise> promise;
  Answer answer;
};

class Answers {
 public:
  enum class End { Done, Failed, Gone };
  // It said its last word, and is not of use afterwards.
  using OnEnd = std::function<void(Running&, End)>;

  Answers(Metrics& metrics, OnEnd on_end) : metrics_(metrics), on_end_(std::move(on_end)) {}

  bool empty() const { return running_.empty(); }
  size_t size() const { return running_.size(); }
  void add(std::unique_ptr<Running> one) { running_.push_back(std::move(one)); }

  // False: nobody could go on, since none of the clients fetches what there is.
  bool step();
  void drop_cancelled();
  void end_all(const Refusal& why);

 private:
  struct Next {
    Running* one;
    int32_t token;
  };
  std::vector<Next> choose();
  bool choose(Running& one, std::vector<Next>& next);  // false: it is over
  void read(const std::vector<Next>& next);  // of one model

  Metrics& metrics_;
  OnEnd on_end_;
  std::vector<std::unique_ptr<Running>> running_;
};

}  // namespace kvhost
