// SPDX-License-Identifier: Apache-2.0
#include "analysis/text_ranks.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "analysis/attention_maps.hpp"
#include "analysis/effective_rank.hpp"
#include "base/parallel.hpp"

namespace kvhost::analysis {

namespace {

// `measure` of each head's map, heads beside each other: libtorch runs on one thread inside.
std::vector<double> of_each_head(const at::Tensor& maps,
                                 const Context& context,
                                 double (*measure)(const at::Tensor&)) {
  std::vector<double> out(static_cast<size_t>(maps.size(0)));
  parallel_for(maps.size(0), 1, [&](int64_t begin, int64_t end) {
    const c10::InferenceMode inference;
    for (int64_t h = begin; h < end; ++h) {
      context.check();
      out[static_cast<size_t>(h)] = measure(maps.select(0, h));
    }
  });
  return out;
}

}  // namespace

TextRanks exact_ranks(const Model& model,
                      std::span<const int32_t> tokens,
                      bool of_heads,
                      const Context& context,
                      const std::function<void(double)>& progress) {
  TextRanks out;
  const auto n_layers = static_cast<double>(model.facts().n_layers);
  read_maps(model, tokens, context, [&](int64_t layer, const at::Tensor& maps) {
    context.check();
    const at::Tensor mean = maps.mean(/*dim=*/0, /*keepdim=*/false, at::kDouble);
    out.ranks.push_back(effective_rank(mean));
    out.entropies.push_back(of_each_head(maps, context, &mean_row_entropy));
    if (of_heads) out.head_ranks.push_back(of_each_head(maps, context, &effective_rank));
    if (progress) progress(static_cast<double>(layer + 1) / n_layers);
  });
  return out;
}

}  // namespace kvhost::analysis
