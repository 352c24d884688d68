// SPDX-License-Identifier: Apache-2.0
// Which weight a tensor's name means. Checkpoints spell one model in several ways: a base model is
// saved without the prefix of the whole ("layers.0..." for "model.layers.0..."), and the text part
// of a model that also sees has one more.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "model/families.hpp"

namespace kvhost {

class TensorNames {
 public:
  // `expected`: the names as the family spells them.
  TensorNames(const Family& family, std::set<std::string> expected);

  struct Meaning {
    std::string name;  // one of the expected
    int distance = 0;  // 0: spelt that way; of two stored tensors the nearer one is meant
  };
  std::optional<Meaning> meaning(const std::string& stored) const;

  // The number of the layer that a tensor belongs to, whatever its prefix; -1: none.
  int64_t layer_of(const std::string& stored) const;

  const std::set<std::string>& expected() const { return expected_; }

 private:
  std::set<std::string> expected_;
  std::string prefix_;       // "model."
  std::string layer_start_;  // "layers.": what stands between the prefix and the layer's number
};

}  // namespace kvhost
