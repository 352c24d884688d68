// SPDX-License-Identifier: Apache-2.0
#include "cache_model.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <utility>

namespace kvhost::test {
namespace {

// What a byte of an entry's row should be; salt 1: keys, 2: values.
uint8_t stamp(int64_t layer, int64_t head, int32_t id, int64_t byte, int salt) {
  return static_cast<uint8_t>(layer * 31 + head * 17 + id * 7 + byte * 3 + salt);
}

}  // namespace

CacheModel::CacheModel(const CacheLayout& layout) : CacheModel(layout, KvCache(layout)) {}

CacheModel::CacheModel(const CacheLayout& layout, KvCache cache)
    : cache_(std::move(cache)),
      held_(static_cast<size_t>(layout.n_layers * layout.n_kv_heads)),
      channels_(static_cast<size_t>(layout.n_layers)) {}

std::vector<Entry>& CacheModel::at(int64_t layer, int64_t head) {
  return held_[static_cast<size_t>(layer * layout().n_kv_heads + head)];
}

const std::vector<Entry>& CacheModel::held(int64_t layer, int64_t head) const {
  return held_[static_cast<size_t>(layer * layout().n_kv_heads + head)];
}

int64_t CacheModel::row_bytes() const { return layout().head_dim * element_size(layout().dtype); }

int64_t CacheModel::n_pruned(int64_t layer, int64_t head) const {
  const auto& all = held(layer, head);
  return std::count_if(all.begin(), all.end(), [](const Entry& e) { return e.pruned; });
}

void CacheModel::append(int64_t layer, int64_t n, int64_t first) {
  const std::vector<int64_t> begin = cache_.append(layer, n, first);
  REQUIRE(std::ssize(begin) == layout().n_kv_heads);
  for (int64_t h = 0; h < layout().n_kv_heads; ++h) {
    REQUIRE(begin[static_cast<size_t>(h)] == std::ssize(held(layer, h)));
    const HeadSpan span = cache_.head(layer, h);
    for (int64_t i = 0; i < n; ++i) {
      const int32_t id = next_id_ + static_cast<int32_t>(i);
      const int64_t index = std::ssize(held(layer, h));
      at(layer, h).push_back({static_cast<int32_t>(first + i), id});
      auto* key = static_cast<uint8_t*>(span.keys) + (index - span.pruned.n) * row_bytes();
      auto* value = static_cast<uint8_t*>(span.values) + index * row_bytes();
      for (int64_t b = 0; b < row_bytes(); ++b) {
        key[b] = stamp(layer, h, id, b, 1);
        value[b] = stamp(layer, h, id, b, 2);
      }
    }
  }
  next_id_ += static_cast<int32_t>(n);
}

void CacheModel::advance(int64_t n) {
  cache_.advance(n);
  n_seen_ += n;
}

void CacheModel::compact(int64_t layer, const KeepPlan& plan) {
  for (int64_t h = 0; h < layout().n_kv_heads; ++h) {
    std::vector<Entry> kept;
    for (const int32_t index : plan.heads[static_cast<size_t>(h)])
      kept.push_back(held(layer, h)[static_cast<size_t>(index)]);
    at(layer, h) = kept;
  }
  cache_.compact(layer, plan);
}

void CacheModel::drop_before(int64_t layer, int64_t first) {
  cache_.drop_before(layer, first);
  for (int64_t h = 0; h < layout().n_kv_heads; ++h)
    std::erase_if(at(layer, h), [&](const Entry& e) { return e.position < first; });
}

void CacheModel::prune(int64_t layer, std::mt19937& rng) {
  int64_t before = 0;
  for (int64_t h = 0; h < layout().n_kv_heads; ++h) before += n_pruned(layer, h);
  ChannelPlan plan;
  const auto n_kept = 1 + static_cast<size_t>(rng() % static_cast<uint32_t>(layout().head_dim - 1));
  for (int64_t h = 0; h < layout().n_kv_heads; ++h) {
    std::vector<int32_t> all(static_cast<size_t>(layout().head_dim));
    std::iota(all.begin(), all.end(), 0);
    plan.heads.emplace_back();
    std::sample(all.begin(), all.end(), std::back_inserter(plan.heads.back()), n_kept, rng);
  }
  if (before > 0) {
    CHECK_THROWS_WITH(cache_.prune_channels(layer, plan), Catch::Contains("expected whole keys"));
    return;
  }
  cache_.prune_channels(layer, plan);
  channels_[static_cast<size_t>(layer)] = plan.heads;
  for (int64_t h = 0; h < layout().n_kv_heads; ++h)
    for (Entry& entry : at(layer, h)) entry.pruned = true;
}

void CacheModel::bias(int64_t layer, bool zeros) {
  std::vector<std::vector<float>> biases;
  for (int64_t h = 0; h < layout().n_kv_heads; ++h) {
    biases.emplace_back();
    for (Entry& entry : at(layer, h)) {
      biases.back().push_back(zeros ? 0.0f : static_cast<float>(entry.id + 1));
      entry.biased = !zeros;
    }
  }
  cache_.set_biases(layer, biases);
}

bool CacheModel::same_bias(const HeadSpan& span, const std::vector<Entry>& expected) const {
  const auto n = std::count_if(
      expected.begin(), expected.end(), [](const Entry& entry) { return entry.biased; });
  if (span.bias.n != n) return false;
  for (int64_t i = 0; i < n; ++i) {
    const Entry& entry = expected[static_cast<size_t>(i)];
    if (!entry.biased || span.bias.rows[i] != static_cast<float>(entry.id + 1)) return false;
  }
  return true;
}

void CacheModel::renumber() {
  n_seen_ = 0;
  for (int64_t l = 0; l < layout().n_layers; ++l)
    for (int64_t h = 0; h < layout().n_kv_heads; ++h) {
      std::vector<int32_t> positions(held(l, h).size());
      std::iota(positions.begin(), positions.end(), 0);
      for (size_t i = 0; i < positions.size(); ++i) at(l, h)[i].position = positions[i];
      cache_.set_positions(l, h, positions);
      n_seen_ = std::max(n_seen_, static_cast<int64_t>(positions.size()));
    }
  cache_.continue_behind_last();
  n_renumbered_ = n_seen_;
}

void CacheModel::truncate(int64_t n_seen) {
  cache_.truncate(n_seen);
  for (auto& entries : held_)
    std::erase_if(entries, [&](const Entry& e) { return e.position >= n_seen; });
  n_seen_ = n_seen;
}

CacheModel CacheModel::clone() const {
  CacheModel copy(layout(), cache_.clone());
  copy.held_ = held_;
  copy.channels_ = channels_;
  copy.n_seen_ = n_seen_;
  copy.n_renumbered_ = n_renumbered_;
  copy.next_id_ = next_id_;
  return copy;
}

bool CacheModel::same_key(int64_t layer, int64_t h, const HeadSpan& span, int64_t i) const {
  const int64_t size = element_size(layout().dtype);
  const int32_t id = held(layer, h)[static_cast<size_t>(i)].id;
  if (i >= span.pruned.n) {
    const auto* row = static_cast<const uint8_t*>(span.keys) + (i - span.pruned.n) * row_bytes();
    for (int64_t b = 0; b < row_bytes(); ++b)
      if (row[b] != stamp(layer, h, id, b, 1)) return false;
    return true;
  }
  const auto& kept = channels_[static_cast<size_t>(layer)][static_cast<size_t>(h)];
  const auto n_kept = std::ssize(kept);
  if (span.pruned.width != n_kept + n_kept % 2) return false;
  const auto* row = static_cast<const uint8_t*>(span.pruned.rows) + i * span.pruned.width * size;
  for (int64_t c = 0; c < span.pruned.width; ++c)
    for (int64_t b = 0; b < size; ++b) {
      const int32_t channel = c < n_kept ? kept[static_cast<size_t>(c)] : -1;
      const uint8_t expected = channel < 0 ? 0 : stamp(layer, h, id, channel * size + b, 1);
      if (span.pruned.channels[c] != channel || row[c * size + b] != expected) return false;
    }
  return true;
}

bool CacheModel::same(int64_t layer, int64_t h) const {
  const HeadSpan span = cache_.head(layer, h);
  const auto& expected = held(layer, h);
  if (span.n != std::ssize(expected) || cache_.n_kept(layer, h) != span.n ||
      span.pruned.n != n_pruned(layer, h) || !same_bias(span, expected))
    return false;
  for (int64_t i = 0; i < span.n; ++i) {
    const Entry& entry = expected[static_cast<size_t>(i)];
    if (span.positions[i] != entry.position || entry.pruned != (i < span.pruned.n) ||
        !same_key(layer, h, span, i))
      return false;
    const auto* value = static_cast<const uint8_t*>(span.values) + i * row_bytes();
    for (int64_t b = 0; b < row_bytes(); ++b)
      if (value[b] != stamp(layer, h, entry.id, b, 2)) return false;
  }
  return true;
}

bool CacheModel::same() const {
  for (int64_t l = 0; l < layout().n_layers; ++l)
    for (int64_t h = 0; h < layout().n_kv_heads; ++h)
      if (!same(l, h)) {
        UNSCOPED_INFO("layer " << l << ", head " << h);
        return false;
      }
  return cache_.n_seen() == n_seen_ && cache_.n_renumbered() == n_renumbered_ &&
         cache_.bytes_kept() == bytes_kept() &&
         cache_.bytes_allocated() >= bytes_kept() + 4 * n_entries() &&
         cache_.bytes_peak() >= cache_.bytes_allocated();
}

int64_t CacheModel::bytes_kept() const {
  int64_t bytes = 0;
  for (int64_t l = 0; l < layout().n_layers; ++l)
    for (int64_t h = 0; h < layout().n_kv_heads; ++h) {
      const int64_t few = n_pruned(l, h);
      bytes += (2 * std::ssize(held(l, h)) - few) * row_bytes();
      for (const Entry& entry : held(l, h)) bytes += entry.biased ? 4 : 0;
      if (few > 0) bytes += few * cache_.head(l, h).pruned.width * element_size(layout().dtype);
    }
  return bytes;
}

int64_t CacheModel::n_entries() const {
  int64_t n = 0;
  for (const auto& entries : held_) n += std::ssize(entries);
  return n;
}

KeepPlan CacheModel::random_plan(int64_t layer, std::mt19937& rng) const {
  KeepPlan plan;
  for (int64_t h = 0; h < layout().n_kv_heads; ++h) {
    const uint32_t kind = rng() % 4;  // none, all, few, many
    plan.heads.emplace_back();
    for (size_t i = 0; i < held(layer, h).size(); ++i)
      if (kind == 1 || (kind == 2 && rng() % 8 == 0) || (kind == 3 && rng() % 8 != 0))
        plan.heads.back().push_back(static_cast<int32_t>(i));
  }
  return plan;
}

void CacheModel::step(std::mt19937& rng) {
  const uint32_t kind = rng() % 13;
  if (kind == 10 && rng() % 3 == 0) return renumber();
  if (kind == 11)
    return truncate(n_seen_ - static_cast<int64_t>(rng()) % (1 + n_seen_ - n_renumbered_));
  const int64_t n = kind == 0 ? 1 + rng() % 200 : 1 + rng() % 3;
  const int64_t dropped = n_seen_ - static_cast<int64_t>(rng() % 300);
  for (int64_t layer = 0; layer < layout().n_layers; ++layer) {
    if (kind == 7)
      compact(layer, random_plan(layer, rng));
    else if (kind == 8)
      drop_before(layer, dropped);
    else if (kind == 9)
      prune(layer, rng);
    else if (kind == 12)
      bias(layer, /*zeros=*/rng() % 4 == 0);
    else
      append(layer, n, n_seen_);
  }
  if (kind < 7 || kind == 10) advance(n);
}

}  // namespace kvhost::test
