// SPDX-License-Identifier: Apache-2.0
// Compaction of one layer, in place: kept entries move down in ascending order, so no move
// overtakes its source.
#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "cache/layer_cache.hpp"

namespace kvhost {
namespace {

// Moves the kept rows to the front of `to`; neighbours go together.
void move_rows(std::byte* to, const std::byte* from, std::span<const int32_t> kept, int64_t bytes) {
  for (size_t i = 0; i < kept.size();) {
    size_t end = i + 1;
    while (end < kept.size() && kept[end] == kept[end - 1] + 1) {
      ++end;
    }
    const std::byte* source = from + kept[i] * bytes;
    if (source != to) {
      std::memmove(to, source, (end - i) * static_cast<size_t>(bytes));
    }
    to += static_cast<int64_t>(end - i) * bytes;
    i = end;
  }
}

template <class Head>
std::string where(int64_t layer, Head head) {
  return "compact: layer " + std::to_string(layer) + ", head " + std::to_string(head);
}

}  // namespace

void LayerCache::check(const KeepPlan& keep) const {
  if (keep.heads.size() != slots_.size()) {
    run_failed("compact: layer " + std::to_string(layer_),
               "the plan has " + std::to_string(keep.heads.size()) + " heads; expected " +
                   std::to_string(slots_.size()));
  }
  for (size_t h = 0; h < slots_.size(); ++h) {
    int64_t last = -1;
    for (const int32_t index : keep.heads[h]) {
      if (index <= last || index >= slots_[h].length) {
        run_failed(where(layer_, h),
                   "index " + std::to_string(index) + " after " + std::to_string(last) +
                       "; expected ascending indices below " + std::to_string(slots_[h].length));
      }
      last = index;
    }
  }
}

void LayerCache::compact(const KeepPlan& keep) {
  check(keep);
  std::vector<Slot> target(slots_.size());
  int64_t offset = 0;
  for (size_t h = 0; h < slots_.size(); ++h) {
    const auto kept = static_cast<int64_t>(keep.heads[h].size());
    target[h] = {offset, kept, kept};
    offset += kept;
  }
  if (offset == entries_) {
    return;  // ascending and complete: everything is in its place already
  }
  move_kept(keep, target);
  slots_ = target;
  shrink(offset);
}

// Heads move in waves: in a wave of several heads every destination lies below the first source of
// the wave, so its heads (and always keys and values) can move at the same time.
void LayerCache::move_kept(const KeepPlan& keep, const std::vector<Slot>& target) {
  const size_t n_heads = slots_.size();
  for (size_t begin = 0; begin < n_heads;) {
    size_t end = begin + 1;
    while (end < n_heads && target[end].offset + target[end].length <= slots_[begin].offset) {
      ++end;
    }
    const auto n_tasks = static_cast<int64_t>(2 * (end - begin));
    parallel_for(n_tasks, /*grain=*/1, [&](int64_t first, int64_t last) {
      for (int64_t task = first; task < last; ++task) {
        const size_t h = begin + static_cast<size_t>(task / 2);
        const int64_t from = slots_[h].offset, to = target[h].offset;
        if (task % 2 == 0) {
          move_rows(keys_at(to), keys_at(from), keep.heads[h], row_bytes_);
        } else {
          move_rows(values_at(to), values_at(from), keep.heads[h], row_bytes_);
          move_rows(reinterpret_cast<std::byte*>(positions_at(to)),
                    reinterpret_cast<const std::byte*>(positions_at(from)),
                    keep.heads[h],
                    static_cast<int64_t>(sizeof(int32_t)));
        }
      }
    });
    begin = end;
  }
}

}  // namespace kvhost
