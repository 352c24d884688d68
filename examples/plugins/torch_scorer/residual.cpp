// SPDX-License-Identifier: Apache-2.0
// A scorer with libtorch inside: an entry is kept when its value lies far from the main directions
// of its head's values, because what the others cannot stand in for is lost when it goes.
#include <kvhost/torch.hpp>

namespace {

using namespace kvhost::sdk;

class Residual {
 public:
  static Description describe() {
    return scorer("torch_residual")
        .summary("Keeps values that the head's first principal directions do not explain")
        .param(integer("rank", 4)
                   .min(0)
                   .unit("directions")
                   .doc("How many directions count as explained; more of them leave smaller "
                        "differences"))
        .decodes();
  }

  explicit Residual(const Args& args) : rank_(args.integer("rank")) {}

  void score(const Layer& layer, Scores& out) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const at::Tensor values = as_float(layer.head(h).values().raw());                   // [n, d]
      const at::Tensor scores = residual(values).norm(/*p=*/2, /*dim=*/-1).contiguous();  // [n]
      const auto* from = scores.const_data_ptr<float>();
      std::copy(from, from + scores.numel(), out.row(h));
    }
  }

 private:
  // values without their first `rank` right singular directions, [n, d]
  at::Tensor residual(const at::Tensor& values) const {
    const int64_t rank = std::min({rank_, values.size(0), values.size(1)});
    if (rank == 0) return values;
    const at::Tensor gram = at::matmul(values.transpose(0, 1), values);  // [d, d]
    const at::Tensor vectors = std::get<1>(at::linalg_eigh(gram));       // [d, d], ascending
    const at::Tensor top = vectors.narrow(/*dim=*/1, values.size(1) - rank, rank);  // [d, rank]
    return values - at::matmul(at::matmul(values, top), top.transpose(0, 1));
  }

  int64_t rank_;
};

}  // namespace

KVHOST_PLUGIN("org.example.torch_residual", scorer_method<Residual>)
