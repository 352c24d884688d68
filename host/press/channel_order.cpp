// SPDX-License-Identifier: Apache-2.0
#include "press/channel_order.hpp"

#include "base/error.hpp"

namespace kvhost {
namespace {

// The method that drops channels in one of the stages; those behind it must leave keys alone.
const Instance* pruner_of(const std::deque<Stage>& stages, const Instance* pruner) {
  for (const Stage& stage : stages) {
    const Instance* press = stage.press();
    if (!press) continue;
    const bool prunes = press->has_own_flag(KVH_METHOD_PRUNES_CHANNELS);
    if (pruner && (prunes || press->has_own_flag(KVH_METHOD_EDITS_KEYS)))
      bad_request(press->where(),
                  "'" + press->name() + "' " + (prunes ? "drops channels" : "rewrites keys") +
                      " behind '" + pruner->name() +
                      "', which drops channels of them; expected the one that drops channels last");
    if (prunes) pruner = press;
  }
  return pruner;
}

}  // namespace

void check_channels_last(const std::deque<Stage>& stages) { (void)pruner_of(stages, nullptr); }

void check_channels_last(const Press& prefill, const Press& decode) {
  (void)pruner_of(decode.stages(), pruner_of(prefill.stages(), nullptr));
}

}  // namespace kvhost
