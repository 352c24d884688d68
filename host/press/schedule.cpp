// SPDX-License-Identifier: Apache-2.0
#include "press/schedule.hpp"

#include "base/error.hpp"
#include "press/held_layers.hpp"

namespace kvhost {
namespace {

// Budgets are known before the prefill: each layer is cut right after its own forward.
class AtOnce final : public Schedule {
 public:
  explicit AtOnce(PrefillWork& work) : work_(work) { work.divide_known(); }

  void on_layer(LayerData& data, const LayerInputs& in) override {
    work_.apply(0, data);
    work_.apply_later_stages(in);
  }
  void finish() override {}

 private:
  PrefillWork& work_;
};

// A layer's share can only shrink as later layers are seen: provisional cuts on the way, the exact
// ones at the end.
class Progressive final : public Schedule {
 public:
  explicit Progressive(PrefillWork& work) : work_(work), held_(work) {}

  void on_layer(LayerData& data, const LayerInputs& in) override {
    const int64_t layer = in.layer;
    held_.score(data, layer);
    held_.count_entries(data, layer);
    if (work_.press().stages().size() > 1) held_.retain_windows(in);
    if (layer + 1 == work_.n_layers()) return;  // finish() follows at once
    const LayerBudgets provisional = work_.divide_first(layer + 1);
    held_.cut(layer, provisional.entries[layer] + slack());
    shrink_earlier(layer, provisional);
  }
  void finish() override { held_.cut_all(); }
  int64_t extra_bytes() const override { return held_.bytes(); }

 private:
  // Earlier layers are cut again only when what is held exceeds the total by this share: each pass
  // moves every layer.
  static constexpr double kOvershoot = 1.05;

  // Entries beyond the provisional share that a layer keeps while later layers are still unseen:
  // selections by head allocators with floors are not nested (a floor that jumps by one in every
  // head takes n_kv_heads entries), so the final set may need entries that a slightly larger budget
  // would have dropped.
  int64_t slack() const { return 8 * work_.n_kv_heads(); }

  void shrink_earlier(int64_t layer, const LayerBudgets& provisional) {
    int64_t held = 0;
    for (int64_t l = 0; l <= layer; ++l) held += held_.entries(l);
    if (static_cast<double>(held) <= kOvershoot * static_cast<double>(work_.first_total())) return;
    for (int64_t l = 0; l < layer; ++l) held_.cut(l, provisional.entries[l] + slack());
  }

  PrefillWork& work_;
  HeldLayers held_;
};

// All layers must be seen first: the full cache is held until then. Scores are made as layers go
// by, unless they need the final budgets or further passes; then the windows wait with the layers.
class AtEnd final : public Schedule {
 public:
  AtEnd(PrefillWork& work, bool score_last) : work_(work), held_(work), score_last_(score_last) {}

  void on_layer(LayerData& data, const LayerInputs& in) override {
    if (!score_last_) held_.score(data, in.layer);
    if (score_last_ || work_.press().stages().size() > 1) held_.retain_windows(in);
  }
  void finish() override { held_.cut_all(); }
  LayerInputs held_inputs(int64_t layer) const override { return held_.inputs(layer); }
  int64_t extra_bytes() const override { return held_.bytes(); }

 private:
  PrefillWork& work_;
  HeldLayers held_;
  bool score_last_;
};

}  // namespace

LayerInputs Schedule::held_inputs(int64_t layer) const {
  run_failed("layer " + std::to_string(layer), "is not held until the end; expected passes to wait");
}

std::unique_ptr<Schedule> make_schedule(PrefillWork& work) {
  switch (work.press().cut_time()) {
    case CutTime::AtOnce:
      return std::make_unique<AtOnce>(work);
    case CutTime::Progressive:
      return std::make_unique<Progressive>(work);
    case CutTime::AtEnd:
      return std::make_unique<AtEnd>(work, /*score_last=*/false);
    case CutTime::AtEndScored:
    case CutTime::AfterPasses:
      return std::make_unique<AtEnd>(work, /*score_last=*/true);
  }
  return nullptr;
}

}  // namespace kvhost
