// SPDX-License-Identifier: Apache-2.0
// Gives what it keeps a bias that follows from the entry's position, on top of what it had.
#include <kvhost/bias.hpp>
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class ZooBias {
 public:
  static Description describe() {
    return press("zoo_bias").summary("Biases by position").decodes();
  }
  static const void* extension(const char* id) noexcept { return bias_extension<ZooBias>(id); }
  explicit ZooBias(const Args&) {}

  void edit(const Layer&, Edit&) const { needs_biases(); }
  void edit(const Layer& layer, Edit& edit, Biases& biases) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h)
      for (int64_t i = 0; i < edit.n_kept(h); ++i) {
        const int32_t entry = edit.kept(h)[i];
        const float before = biases.held(h) ? biases.held(h)[entry] : 0;
        if (biases.kept(h)[i] != before)
          throw Error(KVH_E_INTERNAL, "", "a kept entry's bias is not what the entry holds");
        biases.kept(h)[i] +=
            2 * std::sin(0.7f * static_cast<float>(layer.head(h).position(entry) + h));
      }
  }
};

}  // namespace

KVHOST_PRESS(ZooBias)
