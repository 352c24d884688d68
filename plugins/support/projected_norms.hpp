// SPDX-License-Identifier: Apache-2.0
// How much an entry's value can move the layer's output: the L1 norm of the value through the
// output projection (CriticalKV, arXiv:2502.03805).
#pragma once

#include <kvhost/torch.hpp>

namespace kvhost::plugins {

// -> [n_kv_heads, kv_len] float32, row-major: mean over the group of ||V_t W_head||_1. Needs
// KVH_T_OUTPUT_WEIGHT. One chunk of one head per task: inside the host's loop libtorch runs on one
// thread, without barriers.
inline std::vector<float> projected_norms(const sdk::Layer& layer) {
  // entries at a time: [kChunk, hidden_size] float32 of scratch per thread
  constexpr int64_t kChunk = 256;
  // [hidden_size, n_heads * d] -> [n_kv_heads, group_size, d, hidden_size] float32
  const at::Tensor weight =
      sdk::as_float(layer.get(KVH_T_OUTPUT_WEIGHT))
          .t()
          .reshape({layer.n_kv_heads(), layer.group_size(), layer.head_dim(), -1});
  std::vector<float> norms(static_cast<size_t>(layer.n_kv_heads() * layer.kv_len()));
  const int64_t n_chunks = (layer.kv_len() + kChunk - 1) / kChunk;
  sdk::parallel_for(layer, layer.n_kv_heads() * n_chunks, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      layer.check_cancelled();
      const int64_t h = task / n_chunks;
      // [n, d]
      const at::Tensor values = sdk::as_tensor(layer.head(static_cast<int32_t>(h)).values().raw());
      const int64_t first = std::min(task % n_chunks * kChunk, values.size(0));
      const int64_t last = std::min(first + kChunk, values.size(0));
      const at::Tensor rows = values.slice(0, first, last).to(at::kFloat);  // [c, d]
      at::Tensor sum = at::zeros({last - first}, at::kFloat);               // [c]
      for (int64_t g = 0; g < weight.size(1); ++g)
        sum += rows.matmul(weight[h][g]).abs_().sum(/*dim=*/-1);
      sum /= static_cast<double>(weight.size(1));
      std::copy_n(sum.data_ptr<float>(), last - first, norms.begin() + h * layer.kv_len() + first);
    }
  });
  return norms;
}

}  // namespace kvhost::plugins
