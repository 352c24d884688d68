// SPDX-License-Identifier: Apache-2.0
#include "cache/kv_cache.hpp"

#include <algorithm>
#include <cassert>
#include <memory>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "cache/layer_cache.hpp"

namespace kvhost {

struct KvCache::State {
  explicit State(const CacheLayout& layout) : layout(layout) {
    layers.reserve(static_cast<size_t>(layout.n_layers));
    for (int64_t layer = 0; layer < layout.n_layers; ++layer) {
      layers.emplace_back(layout, layer, &arena);
    }
  }

  LayerCache& at(int64_t layer) { return layers.at(static_cast<size_t>(layer)); }

  CacheLayout layout;
  int64_t n_seen = 0, n_renumbered = 0, n_first = 0;
  Arena arena;  // outlives the layers
  std::vector<LayerCache> layers;
};

KvCache::KvCache(const CacheLayout& layout) : state_(new State(layout)) {}
KvCache::~KvCache() { delete state_; }
KvCache::KvCache(KvCache&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

KvCache& KvCache::operator=(KvCache&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

const CacheLayout& KvCache::layout() const { return state_->layout; }
int64_t KvCache::n_seen() const { return state_->n_seen; }
int64_t KvCache::n_first() const { return state_->n_first; }
void KvCache::advance(int64_t n_tokens) { state_->n_seen += n_tokens; }

HeadSpan KvCache::head(int64_t layer, int64_t head) const { return state_->at(layer).head(head); }

int64_t KvCache::n_kept(int64_t layer, int64_t head) const {
  return state_->at(layer).n_kept(head);
}

std::vector<int64_t> KvCache::append(int64_t layer, int64_t n, int64_t first_position) {
  if (state_->n_seen == 0) state_->n_first = n;
  return state_->at(layer).append(n, first_position);
}

void KvCache::compact(int64_t layer, const KeepPlan& keep) { state_->at(layer).compact(keep); }

void KvCache::drop_before(int64_t layer, int64_t first_position) {
  state_->at(layer).drop_before(first_position);
}

void KvCache::set_positions(int64_t layer, int64_t head, std::span<const int32_t> positions) {
  state_->at(layer).set_positions(head, positions);
}

void KvCache::prune_channels(int64_t layer, const ChannelPlan& channels) {
  state_->at(layer).prune_channels(channels);
}

void KvCache::set_biases(int64_t layer, const std::vector<std::vector<float>>& biases) {
  state_->at(layer).set_biases(biases);
}

void KvCache::continue_behind_last() {
  state_->n_seen = 0;
  for (int64_t l = 0; l < layout().n_layers; ++l)
    for (int64_t h = 0; h < layout().n_kv_heads; ++h) {
      const HeadSpan span = head(l, h);
      if (span.n > 0)
        state_->n_seen = std::max<int64_t>(state_->n_seen, span.positions[span.n - 1] + 1);
    }
  state_->n_renumbered = state_->n_seen;
}

void KvCache::truncate(int64_t n_seen) {
  const State& state = *state_;
  if (n_seen < state.n_renumbered || n_seen > state.n_seen)
    run_failed("truncate",
               "to " + std::to_string(n_seen) + "; expected " + std::to_string(state.n_renumbered) +
                   " (" + (state.n_renumbered > 0 ? "entries before were renumbered" : "none") +
                   ") to " + std::to_string(state.n_seen) + " (what the cache has seen)");
  for (LayerCache& layer : state_->layers) layer.truncate(n_seen);
  state_->n_seen = n_seen;
  if (n_seen == 0) state_->n_first = 0;
}

LayerRows KvCache::rows(int64_t layer) const { return state_->at(layer).rows(); }

LayerMemory KvCache::restore(int64_t layer, const LayerRows& rows) {
  return state_->at(layer).restore(rows);
}

void KvCache::restore_seen(int64_t n_seen, int64_t n_renumbered, int64_t n_first) {
  assert(state_->n_seen == 0 && 0 <= n_renumbered && n_renumbered <= n_seen);
  state_->n_seen = n_seen;
  state_->n_renumbered = n_renumbered;
  state_->n_first = n_first;
}

int64_t KvCache::n_renumbered() const { return state_->n_renumbered; }

void KvCache::clear() {
  for (LayerCache& layer : state_->layers) {
    layer.clear();
  }
  state_->n_seen = state_->n_renumbered = state_->n_first = 0;
}

int64_t KvCache::bytes_kept() const {
  int64_t bytes = 0;
  for (const LayerCache& layer : state_->layers) bytes += layer.bytes_kept();
  return bytes;
}

int64_t KvCache::bytes_allocated() const { return state_->arena.bytes(); }
int64_t KvCache::bytes_peak() const { return state_->arena.peak(); }
void KvCache::reset_peak() { state_->arena.reset_peak(); }

}  // namespace kvhost
