// SPDX-License-Identifier: Apache-2.0
// RestoreKV: learned tokens read the whole prompt once more, with a LoRA that is theirs alone,
// before the inner scorer's entries are cut; what they hold stays. Paper: arXiv:2608.01247. Checked
// against: kvpress 0.5.5 RestoreKVPress, and a model with the changes merged into its weights.
#include <cmath>
#include <kvhost/appendix.hpp>
#include <kvhost/torch.hpp>

#include "support/tensor_file.hpp"

namespace {

using namespace kvhost::sdk;
using namespace kvhost::scorers;

constexpr const char* kWanted =
    "a safetensors file for this model of restore_embeddings [n, hidden_size], scale [1], and for "
    "layers i and matrices m (q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj) "
    "layers.i.m.lora_A [rank, n_in] and layers.i.m.lora_B [n_out, rank], which "
    "scripts/restorekv_file.py makes of the published folder";
constexpr const char* kMatrices[] = {"q_proj",
                                     "k_proj",
                                     "v_proj",
                                     "o_proj",
                                     "gate_proj",
                                     "up_proj",
                                     "down_proj"};  // by KVH_WEIGHT_*

class RestoreKv {
 public:
  static Description describe() {
    return wrapper("restorekv")
        .summary("Learned tokens behind the prompt that read all of it before the rest is cut")
        .paper("arXiv:2608.01247")
        .reference("kvpress 0.5.5 RestoreKVPress")
        .notes(
            "Needs embeddings and a LoRA learned for the model (scripts/restorekv_file.py converts "
            "the published ones, huggingface.co/higokri). kvpress's RestoreKV is "
            "joint:restorekv:kvzip, its RestoreKV_plus "
            "joint:restorekv(file=restorekv_plus.safetensors):kvzip(kvzip_plus_normalization=true), "
            "which --press RestoreKV and RestoreKV_plus stand for. The tokens count as part of the "
            "budget; where nothing is cut there are none. The answer begins behind them.")
        .default_inner("kvzip")
        .param(file("file").doc("What was learned, as a path or a name inside the model's folder; "
                                "none: restorekv.safetensors there"))
        .reads_prompt();
  }
  static const void* extension(const char* id) noexcept {
    return appendix_extension<RestoreKv>(id);
  }

  explicit RestoreKv(const Args& args) : inner_(args.child()) {
    if (!args.model()) return;  // described, not run
    const kvh_model& model = *args.model();
    TensorFile file(resource_path(model, args.file("file"), "restorekv.safetensors"), kWanted);
    const int64_t n = file.rows("restore_embeddings");
    appended_.n_rows = n;
    appended_.rows = hold(file, "restore_embeddings", {n, model.hidden_size}, 1);
    const double scale = as_float(file.get("scale", {1})).item<double>();
    for (int32_t i = 0; i < model.n_layers; ++i)
      for (uint32_t weight = 0; weight < std::size(kMatrices); ++weight)
        add_change(file, i, weight, scale);
  }

  const Appended& appended() const { return appended_; }

  void score(const Layer& layer, Scores& out) const { inner_.score(layer, out); }

 private:
  const float* hold(TensorFile& file,
                    const std::string& name,
                    const TensorFile::Shape& shape,
                    double scale) {
    held_.push_back(as_float(file.get(name, shape)).mul(scale).contiguous());
    return held_.back().const_data_ptr<float>();
  }

  void add_change(TensorFile& file, int32_t layer, uint32_t weight, double scale) {
    const std::string name = "layers." + std::to_string(layer) + "." + kMatrices[weight];
    if (!file.has(name + ".lora_A") && !file.has(name + ".lora_B")) return;
    const TensorFile::Shape down = file.dims(name + ".lora_A", 2);
    const TensorFile::Shape up = file.dims(name + ".lora_B", 2);
    if (down[0] < 1 || up[1] != down[0])
      file.refuse("has matrices of ranks " + std::to_string(down[0]) + " and " +
                  std::to_string(up[1]) + " for '" + name + "'");
    appended_.changes.push_back({weight,
                                 layer,
                                 down[0],
                                 down[1],
                                 up[0],
                                 hold(file, name + ".lora_A", down, 1),
                                 hold(file, name + ".lora_B", up, scale)});
  }

  Child inner_;
  std::deque<at::Tensor> held_;
  Appended appended_;
};

}  // namespace

KVHOST_WRAPPER(RestoreKv)
