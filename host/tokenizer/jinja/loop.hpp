// SPDX-License-Identifier: Apache-2.0
// The variable `loop` of {% for %}.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tokenizer/jinja/value.hpp"

namespace kvhost::jinja {

class Loop : public Object {
 public:
  explicit Loop(std::vector<Value> items) : items_(std::move(items)) {
    for (const Value& item : items_) depth_ = std::max(depth_, item.depth() + 1);
  }

  bool more() const { return at_ < items_.size(); }
  void next() { ++at_; }
  const Value& item() const { return items_[at_]; }
  size_t size() const { return items_.size(); }

  std::string type_name() const override { return "LoopContext"; }
  std::optional<Value> attribute(const std::string& name) override;
  int depth() const override { return depth_; }

 private:
  std::vector<Value> items_;
  size_t at_ = 0;
  int depth_ = 1;
};

}  // namespace kvhost::jinja
