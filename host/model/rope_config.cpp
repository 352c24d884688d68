// SPDX-License-Identifier: Apache-2.0
#include "model/rope_config.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

namespace kvhost {

namespace {

// What extends the context: the fields of rope_parameters or rope_scaling, and the length trained
// on.
struct Extension {
  const JsonFields& fields;
  int64_t trained_positions;
  int64_t max_positions;
};

// theta ^ (2i / dim), float32 as in transformers.
std::vector<float> wavelength_factors(double theta, int64_t dim) {
  std::vector<float> out;
  for (int64_t i = 0; i < dim; i += 2)
    out.push_back(
        std::pow(static_cast<float>(theta), static_cast<float>(i) / static_cast<float>(dim)));
  return out;
}

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

double yarn_attention_scaling(const JsonFields& fields, double factor) {
  if (fields.has("attention_factor")) return fields.positive("attention_factor");
  if (fields.has("mscale") && fields.has("mscale_all_dim"))
    return yarn_mscale(factor, fields.positive("mscale")) /
           yarn_mscale(factor, fields.positive("mscale_all_dim"));
  return yarn_mscale(factor, 1);
}

// YaRN (arXiv:2309.00071): interpolation below, extrapolation above a range of rotations, a ramp
// between.
void apply_yarn(const Extension& extension, RopeConfig& rope) {
  const auto& fields = extension.fields;
  const auto trained = static_cast<double>(extension.trained_positions);
  const double factor =
      fields.positive_or("factor", static_cast<double>(extension.max_positions) / trained);
  rope.attention_scaling = yarn_attention_scaling(fields, factor);
  const auto dim = static_cast<double>(rope.rotary_dim);
  const auto dimension_of = [&](double rotations) {
    return dim * std::log(trained / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(rope.theta));
  };
  double low = dimension_of(fields.positive_or("beta_fast", 32));
  double high = dimension_of(fields.positive_or("beta_slow", 1));
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

void extend(const std::string& type_key, const Extension& extension, RopeConfig& rope) {
  if (rope.scaling == "linear") {
    apply_linear(extension, rope);
  } else if (rope.scaling == "llama3") {
    apply_llama3(extension, rope);
  } else if (rope.scaling == "yarn") {
    apply_yarn(extension, rope);
  } else if (rope.scaling != "default") {
    extension.fields.refuse(type_key, "default, linear, llama3 or yarn");
  }
}

int64_t read_rotary_dim(const Family& family,
                        const JsonFields& top,
                        const JsonFields& rope,
                        int64_t head_dim) {
  double share = family.rotary_share;
  if (family.rotary_share_key && top.has(family.rotary_share_key)) {
    share = top.positive(family.rotary_share_key);
  } else {
    for (const JsonFields* fields : {&rope, &top})
      if (fields->has("partial_rotary_factor")) {
        share = fields->positive("partial_rotary_factor");
        if (!family.rotary_share_key && share != 1)
          fields->refuse("partial_rotary_factor", "1 in this family");
        break;
      }
  }
  const auto dim = static_cast<int64_t>(static_cast<double>(head_dim) * share);
  const char* key = family.rotary_share_key ? family.rotary_share_key : "head_dim";
  if (dim < 2 || dim > head_dim || dim % 2 != 0)
    top.refuse(key, "an even number of rotated dimensions, 2 to head_dim");
  return dim;
}

}  // namespace

RopeConfig read_rope(const Family& family,
                     const JsonFields& fields,
                     int64_t head_dim,
                     int64_t max_positions) {
  auto rope_fields = fields.object("rope_parameters");
  if (!rope_fields) rope_fields = fields.object("rope_scaling");
  const JsonFields& source = rope_fields ? *rope_fields : fields;
  if (rope_fields && (rope_fields->has("full_attention") || rope_fields->has("sliding_attention")))
    fields.refuse("rope_parameters", "one set of values for all layers");

  RopeConfig rope;
  rope.rotary_dim = read_rotary_dim(family, fields, source, head_dim);
  const double theta =
      fields.positive_or(family.rope_theta_key, fields.positive_or("rope_theta", 10000));
  rope.theta = source.positive_or("rope_theta", theta);
  for (const float factor : wavelength_factors(rope.theta, rope.rotary_dim))
    rope.inv_freq.push_back(1.0F / factor);
  if (!rope_fields) return rope;

  const std::string type_key = source.has("rope_type") ? "rope_type" : "type";
  rope.scaling = source.text_or(type_key, "default");
  constexpr int64_t kMost = int64_t{1} << 40;
  const int64_t inner =
      source.integer_or("original_max_position_embeddings", 1, kMost, max_positions);
  const int64_t trained = fields.integer_or("original_max_position_embeddings", 1, kMost, inner);
  extend(type_key, {source, trained, max_positions}, rope);
  return rope;
}

}  // namespace kvhost
