// SPDX-License-Identifier: Apache-2.0
// The same number of entries for every layer.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class Uniform {
 public:
  static Description describe() {
    return layer_allocator("uniform")
        .summary("The same number of entries for every layer")
        .reference("kvpress 0.5.5, which gives every layer the same count");
  }

  explicit Uniform(const Args&) {}

  uint32_t when() const { return KVH_WHEN_BEFORE_PREFILL; }

  void allocate(const LayerRequest& request, LayerAnswer& answer) const {
    answer.shares(std::vector<double>(static_cast<size_t>(request.n_layers()), 1.0));
  }
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(Uniform)
