// SPDX-License-Identifier: Apache-2.0
#include "results/merge.hpp"

#include <map>

namespace kvhost::results {

Merged merge(Store& into, std::span<const DoneCell> cells) {
  std::map<CellKey, std::vector<Measurement>> before;
  for (auto& done : into.cells()) before[done.cell] = std::move(done.measurements);
  Merged out;
  for (const auto& done : cells) {
    const auto found = before.find(done.cell);
    if (found == before.end()) continue;
    ++(found->second == done.measurements ? out.n_same : out.n_other);
  }
  out.n_new = into.add_all(cells);
  return out;
}

}  // namespace kvhost::results
