// SPDX-License-Identifier: @license@
// @name@: says in a sentence how it divides the budget over layers. Paper: -. Checked against: -.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class @Class@ {
 public:
  static Description describe() {
    return layer_allocator("@name@")
        .summary("Lower layers get more, by a constant factor from layer to layer")
        .default_inner("snapkv")
        .param(real("decay", 0.9).above(0).max(1).doc("A layer's share of the one before it"));
  }

  explicit @Class@(const Args& args) : decay_(args.real("decay")) {}

  // Nothing of the prompt but its length is needed, so that every layer is cut as soon as it was
  // read. Allocators that look at layers first have observe() and answer KVH_WHEN_MONOTONE or
  // KVH_WHEN_AFTER_PREFILL.
  uint32_t when() const { return KVH_WHEN_BEFORE_PREFILL; }

  // Shares on any scale; the host rounds them so that the total is met exactly.
  void allocate(const LayerRequest& request, LayerAnswer& answer) const {
    std::vector<double> shares;
    double share = 1;
    for (int32_t l = 0; l < request.n_layers(); ++l, share *= decay_) shares.push_back(share);
    answer.shares(shares);
  }

 private:
  double decay_;
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(@Class@)
