// SPDX-License-Identifier: Apache-2.0
#include "kit/trial_layer.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace kvhost {

using testing::FakeLayer;
using testing::FakeTensor;

namespace {

constexpr float kUntouched = -7.25e33f;
constexpr int8_t kUntouchedPin = -101;

std::vector<std::vector<int32_t>> positions_of(const LayerSpec& spec) {
  if (!spec.ragged) return FakeLayer::dense(spec.shape.n_kv_heads, spec.n_tokens);
  std::vector<std::vector<int32_t>> out;
  for (int32_t h = 0; h < spec.shape.n_kv_heads; ++h) {
    out.emplace_back();
    for (int32_t p = 0; p < spec.n_tokens; ++p)
      if ((p + h) % (2 + h) == 0 || p >= spec.n_tokens - 4) out.back().push_back(p);
  }
  return out;
}

}  // namespace

TrialLayer::TrialLayer(const LayerSpec& spec, const std::vector<kvh_need>& needs)
    : layer_(std::make_unique<FakeLayer>(spec.shape, positions_of(spec), spec.n_tokens)) {
  if (spec.ragged) layer_->raw().phase = KVH_PHASE_DECODE;
  layer_->add_rope();
  for (const kvh_need& need : needs) deliver(need);
  // Of queries that see no entry of a head, a host shows rows of 0.
  layer_->each_tensor([](FakeTensor& tensor, bool of_model) {
    if (of_model) return;
    for (float& x : tensor.data())
      if (std::isnan(x)) x = 0;
  });
  if (spec.seed != 0) draw(spec);
  if (spec.dtype_code != 0) layer_->store_as(spec.dtype_code);
  layer_->each_tensor([this](FakeTensor& tensor, bool) { seal(tensor); });
  layer_->refresh();
}

TrialLayer::~TrialLayer() {
  for (const Pages& pages : pages_) munmap(pages.begin, pages.n_bytes);
}

void TrialLayer::deliver(const kvh_need& need) {
  switch (need.tensor) {
    case KVH_T_HIDDEN:
      return layer_->add_hidden(need.window);
    case KVH_T_QUERY_WINDOW:
      return layer_->add_queries(need.window);
    case KVH_T_WINDOW_ATTENTION:
      return layer_->add_window_attention(need.window > 0 ? need.window : layer_->raw().n_seen);
    case KVH_T_ATTENTION_SUM:
      return layer_->add_attention_sum();
    case KVH_T_ATTENTION_MEAN:
      return layer_->add_attention_maps(KVH_T_ATTENTION_MEAN, 0);
    case KVH_T_ATTENTION:
      return layer_->add_attention_maps(KVH_T_ATTENTION, layer_->shape().n_heads);
    case KVH_T_OUTPUT_WEIGHT:
      return layer_->add_output_weight();
    default:
      return layer_->add_nothing();
  }
}

void TrialLayer::draw(const LayerSpec& spec) {
  using Values = LayerSpec::Values;
  std::mt19937_64 rng(spec.seed);
  const float scale = spec.values == Values::Small ? 1e-6f : spec.values == Values::Large ? 1e3f : 1.0f;
  const auto number = [&] {  // in [-1, 1)
    const float x = static_cast<float>(rng() >> 40) / static_cast<float>(1 << 23) - 1;
    if (spec.values == Values::Equal) return 0.5f;
    if (spec.values == Values::Ties) return std::round(x);
    if (spec.values == Values::Sparse) return x > 0.9f ? x : 0.0f;
    return x;
  };
  layer_->each_tensor([&](FakeTensor& tensor, bool of_model) {
    if (!of_model) return;  // rows of a softmax stay such
    for (float& x : tensor.data()) x = scale * number();
  });
}

// The last byte lies before a page that cannot be read.
void TrialLayer::seal(FakeTensor& tensor) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t n = tensor.n_bytes(), n_pages = (n + page - 1) / page;
  if (n == 0) return;
  auto* begin = static_cast<char*>(mmap(nullptr,
                                        (n_pages + 1) * page,
                                        PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS,
                                        -1,
                                        0));
  if (begin == MAP_FAILED) throw std::bad_alloc();
  tensor.move_to(begin + n_pages * page - n);
  mprotect(begin, n_pages * page, PROT_READ);
  mprotect(begin + n_pages * page, page, PROT_NONE);
  pages_.push_back({begin, (n_pages + 1) * page});
}

FencedScores::FencedScores(const kvh_layer& layer) {
  size_t n = kFence;
  std::vector<size_t> begins;
  for (int32_t h = 0; h < layer.n_kv_heads; ++h) {
    counts_.push_back(layer.heads[h]->n_entries);
    begins.push_back(n);
    n += static_cast<size_t>(counts_.back()) + kFence;
  }
  scores_.assign(n, kUntouched);
  pins_.assign(n, kUntouchedPin);
  for (size_t h = 0; h < begins.size(); ++h) {
    rows_.push_back(scores_.data() + begins[h]);
    pin_rows_.push_back(pins_.data() + begins[h]);
    std::fill_n(rows_.back(), counts_[h], std::numeric_limits<float>::quiet_NaN());
    std::fill_n(pin_rows_.back(), counts_[h], int8_t{0});
  }
  raw_ = {sizeof(kvh_scores), layer.n_kv_heads, counts_.data(), rows_.data(), pin_rows_.data()};
}

std::string FencedScores::fault() const {
  size_t at = 0;
  for (size_t h = 0; h <= rows_.size(); ++h) {
    for (size_t i = 0; i < kFence; ++i, ++at)
      if (scores_[at] != kUntouched || pins_[at] != kUntouchedPin)
        return "wrote outside of the scores, " +
               (h < rows_.size() ? "before those of head " + std::to_string(h)
                                 : std::string("behind those of the last head"));
    if (h == rows_.size()) break;
    for (int64_t i = 0; i < counts_[h]; ++i, ++at) {
      const std::string where = "head " + std::to_string(h) + ", entry " + std::to_string(i);
      if (std::isnan(scores_[at])) return where + ": left unwritten, or NaN";
      if (!std::isfinite(scores_[at])) return where + ": infinite; expected a finite score";
    }
  }
  return "";
}

}  // namespace kvhost
