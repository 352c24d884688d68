// SPDX-License-Identifier: Apache-2.0
// One prompt and all who compress it: read once for as many of them as memory holds, since the
// attention of a prompt is the same for all.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "engine/policy.hpp"
#include "engine/sequence.hpp"

namespace kvhost::eval {

class SharedPrompt {
 public:
  SharedPrompt(const Model& model, std::vector<int32_t> tokens);

  // Somebody who will take the prompt.
  void add(const Policy& policy, uint64_t seed);

  // The next one's sequence, right behind the prompt, in the order of add(). Reads it for those who
  // follow, too. When one of them fails, each is read alone from then on, so that it is the one who
  // fails that throws, and in its turn.
  Sequence take(const Sequence::Progress& progress);

 private:
  struct Reader {
    const Policy* policy;
    uint64_t seed;
  };
  Sequence start(const Reader& reader) const;
  size_t room() const;  // for how many, at least 1
  bool read_together(const Sequence::Progress& progress);

  const Model& model_;
  std::vector<int32_t> tokens_;
  std::deque<Reader> readers_;  // that have not been read
  std::deque<Sequence> read_;
  bool alone_ = false;
};

}  // namespace kvhost::eval
