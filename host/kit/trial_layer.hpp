// SPDX-License-Identifier: Apache-2.0
// What a check shows a method: a layer with all that the method asks for, on pages that nobody can
// write to and that end where nobody can read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kvhost/testing/fake_layer.hpp"
#include "kvhost/testing/plugin_method.hpp"

namespace kvhost {

struct LayerSpec {
  testing::FakeShape shape{};
  int32_t n_tokens = 48;
  bool ragged = false;    // while generating: heads hold different entries
  uint8_t dtype_code = 0;  // KVH_DTYPE_*, 0: float32
  // What keys, values, queries and hidden states hold: numbers drawn by `seed`, as `values` says.
  // Seed 0: those of FakeLayer.
  uint64_t seed = 0;
  enum class Values { Plain, Small, Large, Equal, Ties, Sparse } values = Values::Plain;
};

class TrialLayer {
 public:
  TrialLayer(const LayerSpec& spec, const std::vector<kvh_need>& needs);
  ~TrialLayer();
  TrialLayer(const TrialLayer&) = delete;
  TrialLayer& operator=(const TrialLayer&) = delete;

  kvh_layer& raw() { return layer_->raw(); }
  testing::FakeLayer& fake() { return *layer_; }

 private:
  void deliver(const kvh_need& need);
  void draw(const LayerSpec& spec);
  void seal(testing::FakeTensor& tensor);

  std::unique_ptr<testing::FakeLayer> layer_;
  struct Pages {
    void* begin;
    size_t n_bytes;
  };
  std::vector<Pages> pages_;
};

// Scores and pins with room around every row that nobody may touch.
class FencedScores {
 public:
  explicit FencedScores(const kvh_layer& layer);

  kvh_scores& raw() { return raw_; }
  // What is wrong with what was written; "" when nothing is.
  std::string fault() const;
  const std::vector<float>& scores() const { return scores_; }

 private:
  static constexpr size_t kFence = 32;  // elements before and behind each row

  std::vector<int64_t> counts_;
  std::vector<float> scores_;
  std::vector<int8_t> pins_;
  std::vector<float*> rows_;
  std::vector<int8_t*> pin_rows_;
  kvh_scores raw_{};
};

}  // namespace kvhost
