// SPDX-License-Identifier: Apache-2.0
// TriAttention's centres of queries as a file holds them, and what they make of a head's keys.
#pragma once

#include "tensor_file.hpp"
#include "trigonometric_scores.hpp"

namespace kvhost::scorers {

// Which queries are thought of, and over which of them an entry counts.
struct FutureQueries {
  std::vector<int64_t> offsets;  // how much later than now
  bool largest = false;          // over them; else the mean

  // 1, 2, 4, ... up to `farthest`.
  FutureQueries(int64_t farthest, bool largest_of_all) : largest(largest_of_all) {
    for (int64_t offset = 1; offset <= farthest; offset *= 2) offsets.push_back(offset);
  }
};

class CentreFile {
 public:
  // [create] `given`: a path or a name inside the model's folder; "": triattention.safetensors there.
  CentreFile(const kvh_model& model, const std::string& given)
      : file_(sdk::resource_path(model, given, "triattention.safetensors"),
              "the safetensors file of query centres of this model, q_mean_real, q_mean_imag and "
              "q_abs_mean, each [n_layers, n_heads, rotary pairs]; `kvhost calibrate triattention` "
              "makes one") {
    const int64_t n_pairs = file_.dims("q_mean_real", 3)[2];
    const std::vector<int64_t> shape = {model.n_layers, model.n_heads, n_pairs};
    real_ = file_.get("q_mean_real", shape);
    imag_ = file_.get("q_mean_imag", shape);
    abs_mean_ = file_.get("q_abs_mean", shape);
  }

  void check(const sdk::Layer& layer) const {
    const kvh_rope* rope = layer.rope();
    if (!rope || rope->rotary_dim / 2 != real_.shape[2])
      sdk::bad_shape("this layer rotates " + std::to_string(rope ? rope->rotary_dim / 2 : 0) +
                     " pairs; expected the " + std::to_string(real_.shape[2]) + " of the file");
  }

  // The entries of KV head `head` from `first` on as query head j has them among themselves:
  // standardised.
  std::vector<float> standardised(const sdk::Layer& layer,
                                  const sdk::Head& head,
                                  int64_t j,
                                  int64_t first,
                                  const FutureQueries& queries) const {
    std::vector<float> scratch[3], key_scratch, scores;
    const QueryCentre centre = {sdk::Cube(real_).row(layer.index(), j, scratch[0]),
                                sdk::Cube(imag_).row(layer.index(), j, scratch[1]),
                                sdk::Cube(abs_mean_).row(layer.index(), j, scratch[2])};
    const TrigonometricSeries series(
        centre, *layer.rope(), layer.n_seen(), queries.offsets, queries.largest);
    const sdk::Matrix keys = head.keys();  // [n, d]
    for (int64_t i = first; i < keys.rows(); ++i)
      scores.push_back(series.score(keys.row(i, key_scratch)));
    standardise(scores);
    return scores;
  }

 private:
  TensorFile file_;
  kvh_tensor real_{}, imag_{}, abs_mean_{};  // [n_layers, n_heads, n_pairs], in the file
};

// Entries of the prompt, which stay while generating.
inline int64_t n_of_prompt(const sdk::Layer& layer, const sdk::Head& head) {
  return layer.decoding() && layer.n_prompt() > 0 ? head.count_before(layer.n_prompt()) : 0;
}

}  // namespace kvhost::scorers
