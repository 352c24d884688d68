// SPDX-License-Identifier: Apache-2.0
// A layer's shape, taken and made again, and what is built of the two: the copy of a cache.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/parallel.hpp"
#include "cache/layer_cache.hpp"

namespace kvhost {
namespace {

constexpr int64_t kMostEntries = INT32_MAX;  // positions are int32 and ascend

std::string fault_of_lengths(const CacheLayout& layout, const LayerRows& rows) {
  const auto n_heads = static_cast<size_t>(layout.n_kv_heads);
  if (rows.lengths.size() != n_heads)
    return std::to_string(rows.lengths.size()) + " heads; expected " + std::to_string(n_heads);
  if (rows.pruned.size() != rows.channels.size() ||
      (!rows.pruned.empty() && rows.pruned.size() != n_heads))
    return std::to_string(rows.pruned.size()) + " heads with pruned keys and channels of " +
           std::to_string(rows.channels.size()) + "; expected " + std::to_string(n_heads) +
           " or none of both";
  if (!rows.biased.empty() && rows.biased.size() != n_heads)
    return std::to_string(rows.biased.size()) + " heads with biases; expected " +
           std::to_string(n_heads) + " or none";
  for (size_t h = 0; h < n_heads; ++h) {
    if (rows.lengths[h] < 0 || rows.lengths[h] > kMostEntries)
      return "head " + std::to_string(h) + ": " + std::to_string(rows.lengths[h]) +
             " entries; expected 0 to " + std::to_string(kMostEntries);
    if (!rows.pruned.empty() && (rows.pruned[h] < 0 || rows.pruned[h] > rows.lengths[h]))
      return "head " + std::to_string(h) + ": " + std::to_string(rows.pruned[h]) +
             " entries with pruned keys; expected 0 to " + std::to_string(rows.lengths[h]);
    if (!rows.biased.empty() && (rows.biased[h] < 0 || rows.biased[h] > rows.lengths[h]))
      return "head " + std::to_string(h) + ": " + std::to_string(rows.biased[h]) +
             " entries with a bias; expected 0 to " + std::to_string(rows.lengths[h]);
  }
  return "";
}

// Ascending channels, as many in every head, an even number of them: -1 may fill up the last.
std::string fault_of_channels(const CacheLayout& layout, const LayerRows& rows) {
  for (size_t h = 0; h < rows.channels.size(); ++h) {
    const std::vector<int32_t>& channels = rows.channels[h];
    const std::string head = "head " + std::to_string(h) + ": ";
    if (channels.empty() || channels.size() % 2 != 0 || channels.size() != rows.channels[0].size())
      return head + std::to_string(channels.size()) +
             " channels; expected an even number, as many in every head";
    int32_t last = -1;
    for (size_t c = 0; c < channels.size(); ++c) {
      const bool padding = c > 0 && c + 1 == channels.size() && channels[c] == -1;
      if (!padding && (channels[c] <= last || channels[c] >= layout.head_dim))
        return head + "channel " + std::to_string(channels[c]) + " after " + std::to_string(last) +
               "; expected ascending channels below " + std::to_string(layout.head_dim);
      last = channels[c];
    }
  }
  return "";
}

// One head's rows, behind those of the heads before it.
void copy_head(const HeadSpan& from, int64_t row_bytes, int64_t element_bytes, LayerMemory& to) {
  const auto put = [](auto*& target, const void* source, int64_t bytes) {
    if (bytes == 0) return;
    std::memcpy(target, source, static_cast<size_t>(bytes));
    target = reinterpret_cast<std::remove_reference_t<decltype(target)>>(
        reinterpret_cast<std::byte*>(target) + bytes);
  };
  put(to.keys, from.keys, (from.n - from.pruned.n) * row_bytes);
  put(to.pruned_keys, from.pruned.rows, from.pruned.n * from.pruned.width * element_bytes);
  put(to.values, from.values, from.n * row_bytes);
  put(to.positions, from.positions, from.n * static_cast<int64_t>(sizeof(int32_t)));
  put(to.biases, from.bias.rows, from.bias.n * static_cast<int64_t>(sizeof(float)));
}

}  // namespace

std::string fault(const CacheLayout& layout, const LayerRows& rows) {
  const std::string lengths = fault_of_lengths(layout, rows);
  return lengths.empty() ? fault_of_channels(layout, rows) : lengths;
}

LayerRows LayerCache::rows() const {
  LayerRows rows;
  for (int64_t h = 0; h < layout_.n_kv_heads; ++h) rows.lengths.push_back(values_.length(h));
  if (biases_.total() > 0)
    for (int64_t h = 0; h < layout_.n_kv_heads; ++h) rows.biased.push_back(biases_.length(h));
  if (pruned_.total() == 0) return rows;
  for (int64_t h = 0; h < layout_.n_kv_heads; ++h) rows.pruned.push_back(pruned_.length(h));
  rows.channels = channels_;
  return rows;
}

LayerMemory LayerCache::restore(const LayerRows& rows) {
  const std::string where = "restore: layer " + std::to_string(layer_);
  if (n_entries() != 0)
    run_failed(where, "holds " + std::to_string(n_entries()) + " entries; expected an empty layer");
  const std::string wrong = fault(layout_, rows);
  if (!wrong.empty()) run_failed(where, wrong);
  clear();  // room that truncated entries left
  std::vector<int64_t> whole = rows.lengths;
  for (size_t h = 0; h < rows.pruned.size(); ++h) whole[h] -= rows.pruned[h];
  try {
    keys_.lay_out(whole);
    values_.lay_out(rows.lengths);
    if (!rows.pruned.empty()) {
      const auto width = static_cast<int64_t>(rows.channels[0].size());
      RaggedRows narrow(
          layout_.n_kv_heads, width * element_size(layout_.dtype), /*side_bytes=*/0, arena_);
      narrow.lay_out(rows.pruned);
      pruned_.swap(narrow);
    }
    if (!rows.biased.empty()) biases_.lay_out(rows.biased);
  } catch (...) {
    clear();
    throw;
  }
  channels_ = rows.channels;
  return {keys_.row(0),
          pruned_.row(0),
          values_.row(0),
          positions(0),
          reinterpret_cast<float*>(biases_.row(0))};
}

KvCache KvCache::clone() const {
  const CacheLayout& layout = this->layout();
  KvCache copy(layout);
  std::vector<LayerMemory> memory;
  for (int64_t l = 0; l < layout.n_layers; ++l) memory.push_back(copy.restore(l, rows(l)));
  const int64_t element_bytes = element_size(layout.dtype);
  parallel_for(layout.n_layers, /*grain=*/1, [&](int64_t begin, int64_t end) {
    for (int64_t l = begin; l < end; ++l)
      for (int64_t h = 0; h < layout.n_kv_heads; ++h)
        copy_head(head(l, h),
                  layout.head_dim * element_bytes,
                  element_bytes,
                  memory[static_cast<size_t>(l)]);
  });
  copy.restore_seen(n_seen(), n_renumbered(), n_first());
  return copy;
}

}  // namespace kvhost
