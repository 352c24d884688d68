// SPDX-License-Identifier: Apache-2.0
#include "model/rope_scaling.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace kvhost {

namespace {

void apply_linear(const Extension& extension, RopeConfig& rope) {
  const auto factor = static_cast<float>(extension.fields.positive("factor"));
  for (float& f : rope.inv_freq) f /= factor;
}

// Llama 3.1: long waves are stretched by the factor, short ones kept, those between blended.
void apply_llama3(const Extension& extension, RopeConfig& rope) {
  const double factor = extension.fields.positive("factor");
  const double low = extension.fields.positive("low_freq_factor");
  const double high = extension.fields.positive("high_freq_factor");
  if (high <= low) extension.fields.refuse("high_freq_factor", "more than low_freq_factor");
  const auto trained = static_cast<double>(extension.trained_positions);
  for (float& f : rope.inv_freq) {
    const double wavelength = 2 * std::numbers::pi / f;
    if (wavelength > trained / low) {
      f = static_cast<float>(f / factor);
    } else if (wavelength >= trained / high) {
      const double smooth = (trained / wavelength - low) / (high - low);
      f = static_cast<float>((1 - smooth) * f / factor + smooth * f);
    }
  }
}

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

// mscale and mscale_all_dim count where neither is 0, as in transformers.
double yarn_attention_scaling(const JsonFields& fields, double factor) {
  if (fields.has("attention_factor")) return fields.positive("attention_factor");
  const double mscale = fields.number_or("mscale", 0), all = fields.number_or("mscale_all_dim", 0);
  if (mscale != 0 && all != 0) return yarn_mscale(factor, mscale) / yarn_mscale(factor, all);
  return yarn_mscale(factor, 1);
}

// The value of `key`; 0 means the default too.
double rotations(const JsonFields& fields, const std::string& key, double fallback) {
  return fields.number_or(key, 0) == 0 ? fallback : fields.positive(key);
}

double factor_or_ratio(const Extension& extension) {
  return extension.fields.positive_or("factor",
                                      static_cast<double>(extension.max_positions) /
                                          static_cast<double>(extension.trained_positions));
}

// YaRN (arXiv:2309.00071): interpolation below, extrapolation above a range of rotations, a ramp
// between.
void apply_yarn(const Extension& extension, RopeConfig& rope) {
  const auto& fields = extension.fields;
  const auto trained = static_cast<double>(extension.trained_positions);
  const double factor = factor_or_ratio(extension);
  rope.attention_scaling = yarn_attention_scaling(fields, factor);
  const auto dim = static_cast<double>(rope.rotary_dim);
  const auto dimension_of = [&](double n) {
    return dim * std::log(trained / (n * 2 * std::numbers::pi)) / (2 * std::log(rope.theta));
  };
  double low = dimension_of(rotations(fields, "beta_fast", 32));
  double high = dimension_of(rotations(fields, "beta_slow", 1));
  if (fields.flag_or("truncate", true)) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < rope.inv_freq.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    const double f = rope.inv_freq[i];
    rope.inv_freq[i] = static_cast<float>(f / factor * ramp + f * (1 - ramp));
  }
}

std::vector<float> divided(const JsonFields& fields,
                           const std::string& key,
                           const std::vector<float>& inv_freq) {
  const auto factors = fields.positives(key);
  if (factors.size() != inv_freq.size())
    fields.refuse(key, std::to_string(inv_freq.size()) + " numbers, one per rotated pair");
  std::vector<float> out;
  for (size_t i = 0; i < factors.size(); ++i)
    out.push_back(1.0F / (static_cast<float>(factors[i]) / inv_freq[i]));
  return out;
}

// LongRoPE (arXiv:2402.13753): a factor per dimension, others for texts beyond the length trained
// on than within it.
void apply_longrope(const Extension& extension, RopeConfig& rope) {
  const auto& fields = extension.fields;
  const double factor = factor_or_ratio(extension);
  const auto trained = static_cast<double>(extension.trained_positions);
  rope.attention_scaling = fields.positive_or(
      "attention_factor",
      factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(trained)));
  rope.long_inv_freq = divided(fields, "long_factor", rope.inv_freq);
  rope.inv_freq = divided(fields, "short_factor", rope.inv_freq);
  rope.short_positions = extension.trained_positions;
}

void apply_dynamic(const Extension& extension, RopeConfig& rope) {
  rope.dynamic_factor = extension.fields.positive("factor");
  if (rope.rotary_dim < 4)
    extension.fields.refuse("factor", "none where two dimensions are rotated");
  rope.short_positions = extension.max_positions;
}

}  // namespace

void extend_context(const Extension& extension, RopeConfig& rope) {
  const auto& fields = extension.fields;
  const std::string key = fields.has("rope_type") ? "rope_type" : "type";
  rope.scaling = fields.text_or(key, "default");
  // Earlier names of longrope in Phi-3's files.
  if (extension.family == "phi3" && (rope.scaling == "su" || rope.scaling == "yarn"))
    rope.scaling = "longrope";
  if (rope.scaling == "linear") {
    apply_linear(extension, rope);
  } else if (rope.scaling == "llama3") {
    apply_llama3(extension, rope);
  } else if (rope.scaling == "yarn") {
    apply_yarn(extension, rope);
  } else if (rope.scaling == "longrope") {
    apply_longrope(extension, rope);
  } else if (rope.scaling == "dynamic") {
    apply_dynamic(extension, rope);
  } else if (rope.scaling != "default") {
    fields.refuse(key, "default, dynamic, linear, llama3, longrope or yarn");
  }
}

}  // namespace kvhost
