// SPDX-License-Identifier: Apache-2.0
// Key re-rotation: kept entries move together, as if nothing had been between them: positions
// inside the cache count, as StreamingLLM (arXiv:2309.17453) and FINCH (doi:10.1162/tacl_a_00716)
// have it. Checked against: kvpress 0.5.5 KeyRerotationPress.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class KeyRerotation {
 public:
  static Description describe() {
    return press("key_rerotation")
        .summary("Rotates kept keys to positions 0, 1, 2, ... and lets the sequence go on there")
        .paper("arXiv:2309.17453")
        .default_inner("streaming_llm")
        .reference("kvpress 0.5.5 KeyRerotationPress")
        .notes(
            "Every head counts for itself; where heads keep different numbers of entries the "
            "sequence goes on behind the longest. key_rerotation:streaming_llm is StreamingLLM as "
            "published, and with --decode-press it generates for ever inside the trained length.")
        .edits_keys()
        .edits_positions()
        .decodes();
  }

  explicit KeyRerotation(const Args&) {}

  void edit(const Layer& layer, Edit& edit) const {
    const RopeTable table(layer, 0, layer.n_seen());
    const int64_t d = layer.head_dim();
    for_each_head(layer, [&](int32_t h) {
      for (int64_t i = 0; i < edit.n_kept(h); ++i) {
        float* key = edit.keys(h) + i * d;
        int32_t& position = edit.positions(h)[i];
        if (position != i) {
          table.unrotate(key, d, position, key);
          table.rotate(key, d, i, key);
        }
        position = static_cast<int32_t>(i);
      }
    });
  }
};

}  // namespace

KVHOST_PRESS(KeyRerotation)
