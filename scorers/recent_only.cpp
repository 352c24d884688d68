// SPDX-License-Identifier: Apache-2.0
// The most recent entries and nothing else: a sliding window, the baseline without attention sinks.
// Checked against: kvcompress recent_only.
#include <kvhost/sdk.hpp>

namespace {

using namespace kvhost::sdk;

class RecentOnly {
 public:
  static Description describe() {
    return scorer("recent_only")
        .summary("Keeps the most recent tokens")
        .reference("kvcompress recent_only")
        .notes("kvcompress's window_size is the budget here.")
        .decodes();
  }

  explicit RecentOnly(const Args&) {}

  void score(const Layer& layer, Scores& out) const {
    for (int32_t h = 0; h < layer.n_kv_heads(); ++h) {
      const Head head = layer.head(h);
      for (int64_t i = 0; i < head.n_entries(); ++i) {
        out.row(h)[i] = static_cast<float>(head.position(i));
      }
    }
  }
};

}  // namespace

KVHOST_SCORER(RecentOnly)
