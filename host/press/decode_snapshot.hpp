// SPDX-License-Identifier: Apache-2.0
// A compression while generating, at rest: what a saved cache must hold so that the next cut is the one
// that it would have been.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cache/named_tensor.hpp"

namespace kvhost {

struct DecodeSnapshot {
  // decode_since_cut, and decode_states: a line for each state, "BYTES METHOD VERSION".
  std::map<std::string, std::string> facts;
  // decode.cuts I64 [n, 3]; decode.states U8 [sum of bytes]; decode.layer.<i>.queries and .hidden:
  // the last rows, in the cache's dtype.
  std::vector<NamedTensor> tensors;

  bool empty() const { return facts.empty(); }
};

}  // namespace kvhost
