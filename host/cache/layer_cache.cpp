// SPDX-License-Identifier: Apache-2.0
#include "cache/layer_cache.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/parallel.hpp"

namespace kvhost {
namespace {

constexpr int64_t kPositionBytes = static_cast<int64_t>(sizeof(int32_t));

std::string where(const char* what, int64_t layer, size_t head) {
  return std::string(what) + ": layer " + std::to_string(layer) + ", head " + std::to_string(head);
}

void check_heads(const char* what, int64_t layer, size_t found, int64_t expected) {
  if (static_cast<int64_t>(found) != expected)
    run_failed(
        std::string(what) + ": layer " + std::to_string(layer),
        "the plan has " + std::to_string(found) + " heads; expected " + std::to_string(expected));
}

// The kept rows of each head: indices into them.
using KeptRows = std::vector<std::span<const int32_t>>;

KeptRows entries(const KeepPlan& keep) { return {keep.heads.begin(), keep.heads.end()}; }

int32_t length_of(const RaggedRows& rows, size_t h) {
  return static_cast<int32_t>(rows.length(static_cast<int64_t>(h)));
}

// Of rows that only a head's first entries have.
KeptRows first_of(const KeepPlan& keep, const RaggedRows& rows) {
  KeptRows out;
  for (size_t h = 0; h < keep.heads.size(); ++h) {
    const auto& kept = keep.heads[h];
    out.emplace_back(kept.begin(), std::lower_bound(kept.begin(), kept.end(), length_of(rows, h)));
  }
  return out;
}

// Of rows that only the entries behind those have; `memory` holds the indices.
KeptRows behind(const KeepPlan& keep,
                const RaggedRows& rows,
                std::vector<std::vector<int32_t>>& memory) {
  memory.assign(keep.heads.size(), {});
  for (size_t h = 0; h < keep.heads.size(); ++h) {
    const auto& kept = keep.heads[h];
    const int32_t n = length_of(rows, h);
    for (auto it = std::lower_bound(kept.begin(), kept.end(), n); it != kept.end(); ++it)
      memory[h].push_back(*it - n);
  }
  return {memory.begin(), memory.end()};
}

// Wave by wave, all heads of all regions that may move at the same time.
void run(std::span<RowCompaction> compactions) {
  size_t n_waves = 0;
  for (const auto& c : compactions) n_waves = std::max(n_waves, c.n_waves());
  for (size_t wave = 0; wave < n_waves; ++wave) {
    std::vector<std::pair<const RowCompaction*, size_t>> tasks;
    for (const auto& c : compactions)
      if (wave < c.n_waves())
        for (size_t h = c.wave_begin(wave); h < c.wave_end(wave); ++h) tasks.emplace_back(&c, h);
    parallel_for(static_cast<int64_t>(tasks.size()), /*grain=*/1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto& [compaction, h] = tasks[static_cast<size_t>(i)];
        compaction->move_head(h);
      }
    });
  }
  for (auto& c : compactions) c.finish();
}

}  // namespace

LayerCache::LayerCache(const CacheLayout& layout, int64_t layer, Arena* arena)
    : layout_(layout),
      layer_(layer),
      arena_(arena),
      keys_(empty_keys()),
      values_(layout.n_kv_heads, keys_.row_bytes(), kPositionBytes, arena),
      pruned_(empty_keys()),
      biases_(empty_biases()) {}

RaggedRows LayerCache::empty_keys() const {
  return {
      layout_.n_kv_heads, layout_.head_dim * element_size(layout_.dtype), /*side_bytes=*/0, arena_};
}

RaggedRows LayerCache::empty_biases() const {
  return {layout_.n_kv_heads, static_cast<int64_t>(sizeof(float)), /*side_bytes=*/0, arena_};
}

HeadSpan LayerCache::head(int64_t h) const {
  HeadSpan span;
  span.n = values_.length(h);
  if (values_.total() == 0) return span;
  span.values = values_.row(h);
  span.positions = positions(h);
  span.keys = keys_.row(h);
  span.pruned.n = pruned_.length(h);
  if (span.pruned.n > 0) {
    span.pruned.rows = pruned_.row(h);
    span.pruned.channels = channels_[static_cast<size_t>(h)].data();
    span.pruned.width = static_cast<int64_t>(channels_[static_cast<size_t>(h)].size());
  }
  span.bias.n = biases_.length(h);
  if (span.bias.n > 0) span.bias.rows = reinterpret_cast<const float*>(biases_.row(h));
  return span;
}

std::vector<int64_t> LayerCache::append(int64_t n, int64_t first_position) {
  keys_.append(n);
  try {
    values_.append(n);
  } catch (...) {  // no memory: no key without its value
    for (int64_t h = 0; h < layout_.n_kv_heads; ++h) keys_.drop_last(h, n);
    throw;
  }
  std::vector<int64_t> begin;
  for (int64_t h = 0; h < layout_.n_kv_heads; ++h) {
    begin.push_back(values_.length(h) - n);
    for (int64_t i = 0; i < n; ++i)
      positions(h)[begin.back() + i] = static_cast<int32_t>(first_position + i);
  }
  return begin;
}

void LayerCache::check(const KeepPlan& keep) const {
  check_heads("compact", layer_, keep.heads.size(), layout_.n_kv_heads);
  for (size_t h = 0; h < keep.heads.size(); ++h) {
    int64_t last = -1;
    const int64_t n = values_.length(static_cast<int64_t>(h));
    for (const int32_t index : keep.heads[h]) {
      if (index <= last || index >= n)
        run_failed(where("compact", layer_, h),
                   "index " + std::to_string(index) + " after " + std::to_string(last) +
                       "; expected ascending indices below " + std::to_string(n));
      last = index;
    }
  }
}

void LayerCache::compact(const KeepPlan& keep) {
  check(keep);
  std::vector<std::vector<int32_t>> rebased;
  std::vector<RowCompaction> all;
  all.emplace_back(keys_, pruned_.total() > 0 ? behind(keep, pruned_, rebased) : entries(keep));
  all.emplace_back(values_, entries(keep));
  if (pruned_.total() > 0) all.emplace_back(pruned_, first_of(keep, pruned_));
  if (biases_.total() > 0) all.emplace_back(biases_, first_of(keep, biases_));
  run(all);
}

// A decoding step drops one entry per head: holes are closed when room is made for new entries, or
// here when they have become large.
void LayerCache::drop_before(int64_t first_position) {
  for (int64_t h = 0; h < layout_.n_kv_heads; ++h) {
    const HeadSpan span = head(h);
    const int32_t* kept = std::lower_bound(
        span.positions, span.positions + span.n, static_cast<int32_t>(first_position));
    const int64_t dropped = kept - span.positions,
                  dropped_pruned = std::min(dropped, span.pruned.n);
    values_.drop_first(h, dropped);
    pruned_.drop_first(h, dropped_pruned);
    biases_.drop_first(h, std::min(dropped, span.bias.n));
    keys_.drop_first(h, dropped - dropped_pruned);
  }
  for (RaggedRows* rows : {&values_, &pruned_, &keys_, &biases_}) rows->close_holes();
}

void LayerCache::truncate(int64_t n_seen) {
  for (int64_t h = 0; h < layout_.n_kv_heads; ++h) {
    const HeadSpan span = head(h);
    const int64_t kept =
        std::lower_bound(span.positions, span.positions + span.n, n_seen) - span.positions;
    const int64_t kept_pruned = std::min(kept, span.pruned.n);
    values_.drop_last(h, span.n - kept);
    pruned_.drop_last(h, span.pruned.n - kept_pruned);
    biases_.drop_last(h, span.bias.n - std::min(kept, span.bias.n));
    keys_.drop_last(h, (span.n - span.pruned.n) - (kept - kept_pruned));
  }
  for (RaggedRows* rows : {&values_, &pruned_, &keys_, &biases_}) rows->close_holes();
}

// A layer that adds nothing keeps nothing: attention then runs as if there were no such thing.
void LayerCache::set_biases(const std::vector<std::vector<float>>& biases) {
  check_heads("set_biases", layer_, biases.size(), layout_.n_kv_heads);
  bool any = false;
  std::vector<int64_t> lengths;
  for (size_t h = 0; h < biases.size(); ++h) {
    const int64_t n = values_.length(static_cast<int64_t>(h));
    if (std::ssize(biases[h]) != n)
      run_failed(where("set_biases", layer_, h),
                 std::to_string(biases[h].size()) + " biases; expected " + std::to_string(n) +
                     ", one of every entry held");
    for (const float bias : biases[h])
      if (!std::isfinite(bias))
        run_failed(where("set_biases", layer_, h),
                   "the bias " + std::to_string(bias) + "; expected finite numbers");
    any = any || std::any_of(biases[h].begin(), biases[h].end(), [](float b) { return b != 0; });
    lengths.push_back(n);
  }
  RaggedRows rows = empty_biases();
  if (any) rows.lay_out(lengths);
  for (int64_t h = 0; any && h < layout_.n_kv_heads; ++h) {
    const std::vector<float>& from = biases[static_cast<size_t>(h)];
    if (!from.empty()) std::memcpy(rows.row(h), from.data(), from.size() * sizeof(float));
  }
  biases_.swap(rows);
}

void LayerCache::set_positions(int64_t h, std::span<const int32_t> values) {
  assert(static_cast<int64_t>(values.size()) == values_.length(h));
  if (!values.empty()) std::copy(values.begin(), values.end(), positions(h));
}

void LayerCache::check(const ChannelPlan& plan) const {
  check_heads("prune_channels", layer_, plan.heads.size(), layout_.n_kv_heads);
  if (pruned_.total() > 0)
    run_failed("prune_channels: layer " + std::to_string(layer_),
               "its keys hold " + std::to_string(channels_[0].size()) + " of " +
                   std::to_string(layout_.head_dim) + " channels already; expected whole keys");
  for (size_t h = 0; h < plan.heads.size(); ++h) {
    const auto& kept = plan.heads[h];
    if (kept.empty() || kept.size() != plan.heads[0].size())
      run_failed(where("prune_channels", layer_, h),
                 std::to_string(kept.size()) + " channels; expected as many as in head 0 (" +
                     std::to_string(plan.heads[0].size()) + "), and at least one");
    int32_t last = -1;
    for (const int32_t channel : kept) {
      if (channel <= last || channel >= layout_.head_dim)
        run_failed(where("prune_channels", layer_, h),
                   "channel " + std::to_string(channel) + " after " + std::to_string(last) +
                       "; expected ascending channels below " + std::to_string(layout_.head_dim));
      last = channel;
    }
  }
}

void LayerCache::prune_channels(const ChannelPlan& plan) {
  check(plan);
  if (static_cast<int64_t>(plan.heads[0].size()) == layout_.head_dim || keys_.total() == 0) return;
  channels_ = plan.heads;
  for (auto& kept : channels_)
    if (kept.size() % 2 != 0) kept.push_back(-1);  // the bf16 kernels read channels in pairs
  RaggedRows rows = empty_keys();
  rows.swap(keys_);
  rows.keep_columns(channels_, element_size(layout_.dtype));
  pruned_.swap(rows);
}

void LayerCache::clear() {
  for (RaggedRows* rows : {&keys_, &values_, &pruned_, &biases_}) rows->clear();
  channels_.clear();
}

}  // namespace kvhost
