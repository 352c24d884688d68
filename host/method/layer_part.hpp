// SPDX-License-Identifier: Apache-2.0
// Some entries of a layer, copied out so that a scorer can look at them as if there were no others.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "method/layer_data.hpp"

namespace kvhost {

class LayerPart {
 public:
  // Throws Error when `part` names entries that the layer does not hold.
  LayerPart(const LayerInputs& whole, const std::vector<HeadSpan>& spans, const kvh_part& part);

  const std::vector<HeadSpan>& spans() const { return spans_; }
  // As of the part's end. `window_rows` is what the scorer inside asks for.
  LayerInputs inputs(int64_t window_rows) const;

 private:
  struct Rows {
    std::vector<char> keys, values;
    std::vector<int32_t> positions;
    std::vector<float> biases;
  };
  void copy_head(const HeadSpan& from, const kvh_part& part, int32_t h);

  LayerInputs whole_;
  std::vector<Rows> rows_;
  std::vector<HeadSpan> spans_;
  at::Tensor queries_, hidden_;
  int64_t n_seen_ = 0;
};

}  // namespace kvhost
