// SPDX-License-Identifier: Apache-2.0
// Standard normal draws for random projections: from a seed, or as given in a file.
#pragma once

#include <kvhost/resources.hpp>

namespace kvhost::scorers {

// Box-Muller over counter-based bits: element i depends on seed, layer and i alone.
inline std::vector<float> draw_normal(uint64_t seed, int32_t layer, int64_t n) {
  constexpr double two_pi = 6.283185307179586;
  std::vector<float> out(static_cast<size_t>(n));
  for (size_t i = 0; i < out.size(); i += 2) {
    const auto uniform = [&](uint64_t which) {  // in (0, 1)
      const uint64_t bits = sdk::random_bits(seed, static_cast<uint64_t>(layer), i, which);
      return (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53;
    };
    const double radius = std::sqrt(-2 * std::log(uniform(0))), angle = two_pi * uniform(1);
    out[i] = static_cast<float>(radius * std::cos(angle));
    if (i + 1 < out.size()) out[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  return out;
}

class Sketch {
 public:
  static sdk::Param param(const char* doc) { return sdk::file("sketch").doc(doc); }

  // [create] `per_layer`: floats of one layer.
  Sketch(const sdk::Args& args, int64_t per_layer) : per_layer_(per_layer) {
    const std::string given = args.file("sketch");
    if (given.empty() || !args.model()) return;
    const std::string path = sdk::resource_path(*args.model(), given, "");
    file_ = open(path);
    const auto expected = static_cast<size_t>(args.model()->n_layers * per_layer) * sizeof(float);
    if (file_->size() != expected) {
      sdk::bad_resource("/params/sketch",
                        "'" + path + "' has " + std::to_string(file_->size()) +
                            " bytes; expected " + std::to_string(expected) + ", " +
                            std::to_string(per_layer) + " float32 for each layer");
    }
    const auto* all = reinterpret_cast<const float*>(file_->data());
    const int64_t bad = sdk::first_not_finite(all, args.model()->n_layers * per_layer);
    if (bad >= 0) {
      sdk::bad_resource("/params/sketch",
                        "number " + std::to_string(bad) + " of '" + path +
                            "' is NaN or infinite; expected finite float32");
    }
  }

  // [per_layer] of the layer that is being scored.
  std::vector<float> of(const sdk::Layer& layer) const {
    if (!file_) return draw_normal(layer.seed(), layer.index(), per_layer_);
    const auto* all = reinterpret_cast<const float*>(file_->data());
    return {all + layer.index() * per_layer_, all + (layer.index() + 1) * per_layer_};
  }

 private:
  static std::unique_ptr<sdk::MappedFile> open(const std::string& path) {
    try {
      return std::make_unique<sdk::MappedFile>(path);
    } catch (const sdk::Error& e) {
      sdk::bad_resource("/params/sketch", std::string(e.what()) + "; expected raw float32");
    }
  }

  int64_t per_layer_;
  std::unique_ptr<sdk::MappedFile> file_;
};

}  // namespace kvhost::scorers
