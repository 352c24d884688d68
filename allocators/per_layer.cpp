// SPDX-License-Identifier: Apache-2.0
// A compression ratio for every layer, given by the user. Checked against: kvpress 0.5.5
// PerLayerCompressionPress.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class PerLayer {
 public:
  static Description describe() {
    return layer_allocator("per_layer")
        .summary("Removes a given share in every layer")
        .reference("kvpress 0.5.5 PerLayerCompressionPress")
        .notes("Every layer keeps max(1, floor(T (1 - ratio))) entries per head, as kvpress does.")
        .param(reals("compression_ratios")
                   .min(0)
                   .max(1)
                   .doc("Share removed in each layer, one number per layer"))
        .own_total();
  }

  explicit PerLayer(const Args& args) : ratios_(args.reals("compression_ratios")) {
    const int32_t n_layers = args.model() ? args.model()->n_layers : 0;
    if (static_cast<int64_t>(ratios_.size()) != n_layers)
      bad_parameter("compression_ratios",
                    "found " + std::to_string(ratios_.size()) + " numbers; expected " +
                        std::to_string(n_layers) + ", one per layer");
  }

  uint32_t when() const { return KVH_WHEN_BEFORE_PREFILL; }

  void allocate(const LayerRequest& request, LayerAnswer& answer) const {
    std::vector<int64_t> entries;
    for (int32_t l = 0; l < request.n_layers(); ++l) {
      const double kept =
          static_cast<double>(request.kv_len()) * (1 - ratios_[static_cast<size_t>(l)]);
      const auto per_head = std::max<int64_t>(1, static_cast<int64_t>(kept));
      entries.push_back(std::min(per_head * request.n_kv_heads(), request.max_entries(l)));
    }
    answer.entries(entries);
  }

 private:
  std::vector<double> ratios_;
};

}  // namespace

KVHOST_LAYER_ALLOCATOR(PerLayer)
