// SPDX-License-Identifier: Apache-2.0
// When the layers of a prompt are cut. Three ways, by what the composition's allocators must have
// seen before they can say how much stays (CutTime).
#pragma once

#include <memory>

#include "press/prefill_work.hpp"

namespace kvhost {

class Schedule {
 public:
  virtual ~Schedule() = default;
  // After a layer's forward and observation, in layer order. `data` shows the layer as it is now
  // and was made from `in`, whose windows are gone when this returns.
  virtual void on_layer(LayerData& data, const LayerInputs& in) = 0;
  // After the last layer: the final cuts.
  virtual void finish() = 0;
  // How a layer was when its forward ended, where windows wait with the layers.
  virtual LayerInputs held_inputs(int64_t layer) const;
  // Held beside the cache until then: retained scores and windows, now.
  virtual int64_t extra_bytes() const { return 0; }
};

// The one that `work`'s press asks for. `work` must outlive it.
std::unique_ptr<Schedule> make_schedule(PrefillWork& work);

}  // namespace kvhost
