// SPDX-License-Identifier: Apache-2.0
// For tests of a plugin: one layer of one sequence made of plain vectors, shown to a method as the
// host shows it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "../plugin.h"

namespace kvhost::testing {

// Owns a float32 tensor and the view of it.
class FakeTensor {
 public:
  FakeTensor(std::vector<float> data, std::vector<int64_t> shape)
      : data_(std::move(data)), shape_(std::move(shape)), strides_(shape_.size(), 1) {
    for (size_t i = shape_.size(); i-- > 1;) strides_[i - 1] = strides_[i] * shape_[i];
    view_ = {data_.data(),
             {KVH_DEVICE_CPU, 0},
             static_cast<int32_t>(shape_.size()),
             {KVH_DTYPE_FLOAT, 32, 1},
             shape_.data(),
             strides_.data(),
             0};
  }
  FakeTensor(const FakeTensor&) = delete;
  FakeTensor& operator=(const FakeTensor&) = delete;

  const kvh_tensor* view() const { return &view_; }
  std::vector<float>& data() { return data_; }

  // From now on the view is of 16-bit numbers, as a cache of float16 or bfloat16 holds them; data()
  // is what they were rounded from.
  void store_as(uint8_t dtype_code) {
    narrow_.clear();
    for (const float x : data_) narrow_.push_back(narrowed(x, dtype_code));
    view_.data = narrow_.data();
    view_.dtype = {dtype_code, 16, 1};
  }
  // From now on the view is of a copy of its bytes that is the caller's.
  void move_to(void* bytes) {
    std::memcpy(bytes, view_.data, n_bytes());
    view_.data = bytes;
  }
  size_t n_bytes() const { return data_.size() * view_.dtype.bits / 8; }
  float at(int64_t i, int64_t j) const {
    return data_[static_cast<size_t>(i * strides_[0] + j * strides_[1])];
  }
  float at(int64_t i, int64_t j, int64_t k) const {
    return data_[static_cast<size_t>(i * strides_[0] + j * strides_[1] + k * strides_[2])];
  }
  int64_t size(size_t axis) const { return shape_[axis]; }

 private:
  // Rounded towards zero; numbers below float16's normal ones become 0.
  static uint16_t narrowed(float x, uint8_t dtype_code) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    if (dtype_code == KVH_DTYPE_BFLOAT) return static_cast<uint16_t>(bits >> 16);
    const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000u);
    const int32_t exponent = static_cast<int32_t>(bits >> 23 & 0xffu) - 127 + 15;
    if (exponent <= 0) return sign;
    if (exponent >= 31) return static_cast<uint16_t>(sign | 0x7bffu);
    return static_cast<uint16_t>(sign | exponent << 10 | (bits >> 13 & 0x3ffu));
  }

  std::vector<float> data_;
  std::vector<uint16_t> narrow_;
  std::vector<int64_t> shape_, strides_;
  kvh_tensor view_;
};

struct FakeShape {
  int32_t n_heads = 4, n_kv_heads = 2, head_dim = 8, hidden_size = 16, n_layers = 3;
};

inline std::vector<float> random_floats(std::mt19937& rng, int64_t n, float low, float high) {
  std::uniform_real_distribution<float> draw(low, high);
  std::vector<float> out(static_cast<size_t>(n));
  for (float& x : out) x = draw(rng);
  return out;
}

// Keys and values are random; positions per head are given, so that ragged caches can be made.
class FakeLayer {
 public:
  FakeLayer(FakeShape shape, std::vector<std::vector<int32_t>> positions, int64_t n_seen)
      : shape_(shape), positions_(std::move(positions)), rng_(7) {
    make_model();
    int64_t longest = 0;
    for (const auto& p : positions_) {
      const auto n = static_cast<int64_t>(p.size());
      longest = std::max(longest, n);
      keys_.emplace_back(random_floats(rng_, n * shape.head_dim, -1, 1),
                         std::vector<int64_t>{n, shape.head_dim});
      values_.emplace_back(random_floats(rng_, n * shape.head_dim, -1, 1),
                           std::vector<int64_t>{n, shape.head_dim});
      heads_.push_back({sizeof(kvh_head),
                        0,
                        n,
                        *keys_.back().view(),
                        *values_.back().view(),
                        p.data(),
                        nullptr,
                        nullptr,
                        KVH_T_COUNT,
                        0});
    }
    for (const kvh_head& head : heads_) head_pointers_.push_back(&head);
    delivered_.resize(heads_.size() + 1);
    exec_ = {sizeof(kvh_exec), 2, /*seed=*/5, nullptr, never, run_on_two_threads};
    raw_.struct_size = sizeof raw_;
    raw_.phase = KVH_PHASE_PREFILL;
    raw_.n_kv_heads = shape.n_kv_heads;
    raw_.n_seen = raw_.q_len = raw_.n_prompt = n_seen;
    raw_.kv_len = longest;
    raw_.layer_budget = raw_.total_entries = -1;
    raw_.keep_ratio = 1;
    raw_.model = &model_;
    raw_.shape = &shapes_[0];
    raw_.exec = &exec_;
    raw_.heads = head_pointers_.data();
    raw_.n_tensors = KVH_T_COUNT;
    show_delivered();
  }
  FakeLayer(const FakeLayer&) = delete;
  FakeLayer& operator=(const FakeLayer&) = delete;

  // Prefill of `n` tokens: all heads hold all of them.
  static std::vector<std::vector<int32_t>> dense(int32_t n_kv_heads, int32_t n) {
    std::vector<int32_t> all;
    for (int32_t i = 0; i < n; ++i) all.push_back(i);
    return std::vector<std::vector<int32_t>>(static_cast<size_t>(n_kv_heads), all);
  }

  // Random rows that sum to one, 0 where causality masks: row w is the query at n_seen - W + w.
  void add_window_attention(int64_t window) {
    const int64_t rows = std::min(window, raw_.n_seen);
    const int64_t group = shape_.n_heads / shape_.n_kv_heads;
    for (size_t h = 0; h < heads_.size(); ++h) {
      const auto n = heads_[h].n_entries;
      std::vector<float> data = random_floats(rng_, group * rows * n, 0.01f, 1);
      for (int64_t r = 0; r < group * rows; ++r) {
        float* row = data.data() + r * n;
        const int64_t query = raw_.n_seen - rows + r % rows;
        float sum = 0;
        for (int64_t i = 0; i < n; ++i) {
          if (positions_[h][static_cast<size_t>(i)] > query) row[i] = 0;
          sum += row[i];
        }
        for (int64_t i = 0; i < n; ++i) row[i] /= sum;
      }
      attention_.emplace_back(std::move(data), std::vector<int64_t>{group, rows, n});
      deliver(KVH_T_WINDOW_ATTENTION, attention_.back(), h);
    }
    show_delivered();
  }

  // Column sums of random rows.
  void add_attention_sum() {
    const int64_t group = shape_.n_heads / shape_.n_kv_heads;
    for (size_t h = 0; h < heads_.size(); ++h) {
      const int64_t n = heads_[h].n_entries;
      sums_.emplace_back(random_floats(rng_, group * n, 0.01f, 1), std::vector<int64_t>{group, n});
      deliver(KVH_T_ATTENTION_SUM, sums_.back(), h);
    }
    show_delivered();
  }

  void add_tensor(uint32_t id, std::vector<float> data, std::vector<int64_t> shape) {
    extra_.emplace_back(std::move(data), std::move(shape));
    deliver(id, extra_.back(), heads_.size());
    show_delivered();
  }
  // Of a need that is not met.
  void add_nothing() {
    add_need();
    show_delivered();
  }

  // Half of the channels rotate.
  void add_rope(double attention_scaling = 1) {
    inv_freq_.clear();
    for (int32_t j = 0; j < shape_.head_dim / 4; ++j) {
      inv_freq_.push_back(1.0f / static_cast<float>(1 + 7 * j));
    }
    const auto rotary_dim = 2 * static_cast<int32_t>(inv_freq_.size());
    rope_ = {sizeof(kvh_rope), rotary_dim, inv_freq_.data(), attention_scaling};
    for (kvh_layer_shape& shape : shapes_) shape.rope = &rope_;
  }
  // Queries and hidden states of the last `window` tokens, 0: of all.
  void add_queries(int64_t window = 0) {
    const int64_t rows = rows_of(window);
    add_tensor(KVH_T_QUERY_WINDOW,
               random_floats(rng_, shape_.n_heads * rows * shape_.head_dim, -1, 1),
               {shape_.n_heads, rows, shape_.head_dim});
  }
  void add_hidden(int64_t window = 0) {
    const int64_t rows = rows_of(window);
    add_tensor(KVH_T_HIDDEN,
               random_floats(rng_, rows * shape_.hidden_size, -1, 1),
               {rows, shape_.hidden_size});
  }
  void add_output_weight() {
    const int64_t width = int64_t{shape_.n_heads} * shape_.head_dim;
    add_tensor(KVH_T_OUTPUT_WEIGHT,
               random_floats(rng_, shape_.hidden_size * width, -0.5f, 0.5f),
               {shape_.hidden_size, width});
  }
  // Causal softmax rows of all tokens: `n_maps` of them, without that axis where it is 0.
  void add_attention_maps(uint32_t id, int64_t n_maps) {
    const int64_t n = raw_.n_seen, maps = std::max<int64_t>(n_maps, 1);
    std::vector<float> data = random_floats(rng_, maps * n * n, 0.01f, 1);
    for (int64_t r = 0; r < maps * n; ++r) {
      float* row = data.data() + r * n;
      float sum = 0;
      for (int64_t i = 0; i < n; ++i) sum += row[i] = i > r % n ? 0 : row[i];
      for (int64_t i = 0; i < n; ++i) row[i] /= sum;
    }
    add_tensor(id,
               std::move(data),
               n_maps > 0 ? std::vector<int64_t>{n_maps, n, n} : std::vector<int64_t>{n, n});
  }

  // Everything that is shown, with whether the model's dtype is its own: keys, values, queries,
  // hidden states and weights, but not attention. Call refresh() after views were moved.
  void each_tensor(const std::function<void(FakeTensor&, bool of_model)>& use) {
    for (FakeTensor& tensor : keys_) use(tensor, true);
    for (FakeTensor& tensor : values_) use(tensor, true);
    for (FakeTensor& tensor : attention_) use(tensor, false);
    for (FakeTensor& tensor : sums_) use(tensor, false);
    for (size_t i = 0; i < extra_.size(); ++i)
      use(extra_[i], extra_[i].view() != raw_.tensors[KVH_T_ATTENTION] &&
                         extra_[i].view() != raw_.tensors[KVH_T_ATTENTION_MEAN]);
  }
  void refresh() {
    for (size_t h = 0; h < heads_.size(); ++h) {
      heads_[h].keys = *keys_[h].view();
      heads_[h].values = *values_[h].view();
    }
  }
  // What the model and its cache hold, in 16 bits.
  void store_as(uint8_t dtype_code) {
    each_tensor([&](FakeTensor& tensor, bool of_model) {
      if (of_model) tensor.store_as(dtype_code);
    });
    model_.dtype = {dtype_code, 16, 1};
    for (kvh_layer_shape& shape : shapes_) shape.entry_bytes = 4 * int64_t{shape_.head_dim};
    refresh();
  }

  kvh_layer& raw() { return raw_; }
  kvh_model& model() { return model_; }
  const FakeShape& shape() const { return shape_; }
  std::mt19937& rng() { return rng_; }
  const std::vector<int32_t>& positions(size_t h) const { return positions_[h]; }
  FakeTensor& keys(size_t h) { return keys_[h]; }
  FakeTensor& values(size_t h) { return values_[h]; }
  FakeTensor& attention(size_t h) { return attention_[h]; }
  FakeTensor& extra(size_t i) { return extra_[i]; }
  int64_t n_entries(size_t h) const { return heads_[h].n_entries; }

 private:
  // Everything that was asked for of one head, or of the layer.
  struct Delivered {
    std::vector<const kvh_tensor*> tensors = std::vector<const kvh_tensor*>(KVH_T_COUNT, nullptr);
    std::vector<const kvh_tensor*> needs;
  };

  void make_model() {
    const int32_t d = shape_.head_dim;
    kvh_layer_shape layer{};
    layer.struct_size = sizeof layer;
    layer.kind = KVH_LAYER_ATTENTION;
    layer.shares_with = -1;
    layer.n_heads = shape_.n_heads;
    layer.n_kv_heads = shape_.n_kv_heads;
    layer.key_dim = layer.value_dim = d;
    layer.entry_bytes = 8 * int64_t{d};
    layer.scale = 1 / std::sqrt(static_cast<double>(d));
    shapes_.assign(static_cast<size_t>(shape_.n_layers), layer);
    for (size_t l = 0; l < shapes_.size(); ++l) {
      shapes_[l].model_layer = static_cast<int32_t>(l);
      shape_pointers_.push_back(&shapes_[l]);
    }
    model_ = {sizeof(kvh_model),
              shape_.n_layers,
              shape_.n_heads,
              shape_.n_kv_heads,
              d,
              shape_.hidden_size,
              {KVH_DTYPE_FLOAT, 32, 1},
              0,
              {KVH_DEVICE_CPU, 0},
              "llama",
              "",
              shape_pointers_.data()};
  }

  // A need more, met by nothing yet.
  void add_need() {
    for (Delivered& one : delivered_) one.needs.push_back(nullptr);
  }
  // `place`: a head, or heads_.size() for the layer. Of heads, the first one adds the need.
  void deliver(uint32_t id, const FakeTensor& tensor, size_t place) {
    if (place == 0 || place == heads_.size()) add_need();
    Delivered& to = delivered_[place];
    to.needs.back() = tensor.view();
    if (!to.tensors[id]) to.tensors[id] = tensor.view();
  }
  void show_delivered() {
    const auto n_needs = static_cast<uint32_t>(delivered_.back().needs.size());
    for (size_t h = 0; h < heads_.size(); ++h) {
      heads_[h].tensors = delivered_[h].tensors.data();
      heads_[h].needs = delivered_[h].needs.data();
      heads_[h].n_needs = n_needs;
    }
    raw_.tensors = delivered_.back().tensors.data();
    raw_.needs = delivered_.back().needs.data();
    raw_.n_needs = n_needs;
  }

  int64_t rows_of(int64_t window) const {
    return window <= 0 ? raw_.n_seen : std::min(window, raw_.n_seen);
  }

  static int never(const kvh_exec*) noexcept { return 0; }
  static void run_on_two_threads(const kvh_exec*,
                                 int64_t n,
                                 void (*fn)(void*, int64_t, int64_t, uint32_t) noexcept,
                                 void* arg) noexcept {
    std::thread other([&] { fn(arg, 0, n / 2, 1); });
    fn(arg, n / 2, n, 0);
    other.join();
  }

  FakeShape shape_;
  std::vector<std::vector<int32_t>> positions_;
  std::mt19937 rng_;
  std::deque<FakeTensor> keys_, values_, attention_, sums_, extra_;
  std::vector<kvh_head> heads_;
  std::vector<const kvh_head*> head_pointers_;
  std::vector<Delivered> delivered_;  // of each head, and of the layer last
  std::vector<kvh_layer_shape> shapes_;
  std::vector<const kvh_layer_shape*> shape_pointers_;
  kvh_model model_{};
  kvh_rope rope_{};
  std::vector<float> inv_freq_;
  kvh_exec exec_{};
  kvh_layer raw_{};
};

}  // namespace kvhost::testing
