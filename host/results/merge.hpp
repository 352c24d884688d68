// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "results/store.hpp"

namespace kvhost::results {

struct Merged {
  int64_t n_new = 0;    // cells that were not there before
  int64_t n_same = 0;   // were there, with the same figures
  int64_t n_other = 0;  // were there with other figures, which stay
};

// All of `cells` or, when it throws, none.
Merged merge(Store& into, std::span<const DoneCell> cells);

}  // namespace kvhost::results
