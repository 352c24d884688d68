// SPDX-License-Identifier: Apache-2.0
#include "model/layer_kinds.hpp"

#include "model/config_limits.hpp"

namespace kvhost {

namespace {

using LayerRope = ModelConfig::LayerRope;

// SmolLM3: no_rope_layers holds 1 for the layers that do rotate, in spite of its name; without it
// each no_rope_layer_interval-th does not.
std::vector<bool> read_rotating(const JsonFields& fields, int64_t n_layers) {
  const auto n = static_cast<size_t>(n_layers);
  std::vector<bool> rotating(n, true);
  if (fields.has("no_rope_layers")) {
    const auto flags = fields.integers("no_rope_layers", 0, 1);
    if (flags.size() != n) fields.refuse("no_rope_layers", std::to_string(n) + " of 0 or 1");
    for (size_t i = 0; i < n; ++i) rotating[i] = flags[i] == 1;
  } else if (fields.has("no_rope_layer_interval")) {
    const int64_t interval = fields.integer("no_rope_layer_interval", 1, kMostPositions);
    for (int64_t i = 0; i < n_layers; ++i)
      rotating[static_cast<size_t>(i)] = (i + 1) % interval != 0;
  }
  return rotating;
}

std::vector<bool> sliding_by_type(const JsonFields& fields, int64_t n_layers) {
  std::vector<bool> sliding;
  for (const auto& type : fields.texts("layer_types")) {
    if (type != "sliding_attention" && type != "full_attention")
      fields.refuse("layer_types", "full_attention or sliding_attention for each layer");
    sliding.push_back(type == "sliding_attention");
  }
  if (static_cast<int64_t>(sliding.size()) != n_layers)
    fields.refuse("layer_types", std::to_string(n_layers) + " entries, one per layer");
  return sliding;
}

// Which layers slide where config.json lists no types.
std::vector<bool> sliding_by_rule(const Family& family,
                                  const JsonFields& fields,
                                  const std::vector<bool>& rotating) {
  std::vector<bool> sliding(rotating.size(), family.sliding != Sliding::Never);
  const auto n_layers = static_cast<int64_t>(rotating.size());
  if (family.sliding == Sliding::ByType && fields.has("sliding_window_pattern")) {
    const int64_t pattern = fields.integer("sliding_window_pattern", 1, kMostPositions);
    for (int64_t i = 0; i < n_layers; ++i)
      sliding[static_cast<size_t>(i)] = (i + 1) % pattern != 0;
  }
  const bool even = family.sliding == Sliding::EvenWhenAsked;
  if (!even && family.sliding != Sliding::WhenAsked) return sliding;
  const int64_t first = fields.integer_or("max_window_layers", 0, kMostLayers, n_layers);
  for (int64_t i = 0; i < n_layers; ++i)
    sliding[static_cast<size_t>(i)] =
        even ? i % 2 == 0 && i < first : i >= first || !rotating[static_cast<size_t>(i)];
  return sliding;
}

std::vector<int64_t> read_windows(const Family& family,
                                  const JsonFields& fields,
                                  const std::vector<bool>& rotating) {
  std::vector<int64_t> windows(rotating.size(), 0);
  const bool asked = family.sliding == Sliding::WhenAsked ||
                     family.sliding == Sliding::AllWhenAsked ||
                     family.sliding == Sliding::EvenWhenAsked;
  // Qwen2-MoE's says 0 where nobody asks.
  const int64_t window =
      fields.integer_or("sliding_window", asked ? 0 : 1, kMostPositions, 0);
  const bool on = window > 0 && (!asked || fields.flag_or("use_sliding_window", false));
  const bool typed = (asked && family.sliding != Sliding::AllWhenAsked) ||
                     family.sliding == Sliding::ByType;
  const bool listed = typed && fields.has("layer_types");
  const std::vector<bool> sliding =
      listed ? sliding_by_type(fields, static_cast<int64_t>(rotating.size()))
             : sliding_by_rule(family, fields, rotating);
  for (size_t i = 0; i < windows.size(); ++i) {
    if (sliding[i] && listed && !on)
      fields.refuse("sliding_window", "a window for the sliding layers");
    if (sliding[i] && on) windows[i] = window;
  }
  return windows;
}

// Whether sliding layers have a rotation of their own.
bool has_local_rope(const JsonFields& fields) {
  if (fields.has("rope_local_base_freq")) return true;
  const auto parameters = fields.object("rope_parameters");
  return parameters && parameters->has("sliding_attention");
}

}  // namespace

void read_layer_kinds(const Family& family, const JsonFields& fields, ModelConfig& config) {
  const std::vector<bool> rotating = read_rotating(fields, config.n_layers);
  config.sliding_window = read_windows(family, fields, rotating);
  const bool local = has_local_rope(fields);
  for (size_t i = 0; i < rotating.size(); ++i)
    config.layer_rope.push_back(!rotating[i]                             ? LayerRope::None
                                : local && config.sliding_window[i] > 0 ? LayerRope::Local
                                                                         : LayerRope::Main);
}

}  // namespace kvhost
