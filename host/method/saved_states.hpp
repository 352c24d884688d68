// SPDX-License-Identifier: Apache-2.0
// States of methods as bytes, in the order of a composition's methods that keep one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kvhost {

struct SavedState {
  std::string method, version;
  std::vector<uint8_t> bytes;
};

struct SavedStates {
  std::vector<SavedState> all;
  size_t next = 0;   // the one that is read next
  std::string file;  // that they come from, for errors
};

}  // namespace kvhost
