// SPDX-License-Identifier: Apache-2.0
#include "input/config_file.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "input/json_object.hpp"
#include "input/limits.hpp"

namespace kvhost {

namespace {

auto into(std::string& target) {
  return [&target](const JsonAt& at) { target = at.text(); };
}

auto into(bool& target) {
  return [&target](const JsonAt& at) { target = at.flag(); };
}

template <class Integer>
auto integer(Integer& target, const Limits& limits) {
  return [&target, limits](const JsonAt& at) {
    target = static_cast<Integer>(integer_from_json(at.where(), at.value, limits));
  };
}

template <class Number>
auto number(Number& target, const Limits& limits) {
  return [&target, limits](const JsonAt& at) {
    target = number_from_json(at.where(), at.value, limits);
  };
}

void read_budget(const JsonAt& at, PressOptions& press) {
  read_object(at,
              {{"keep_ratio", number(press.keep_ratio, kKeepRatioLimits)},
               {"compression_ratio", number(press.compression_ratio, kCompressionRatioLimits)},
               {"budget", integer(press.budget, kPositive)}});
  if (at.value.size() > 1) at.refuse("at most one of keep_ratio, compression_ratio, budget");
}

void read_prompt(const JsonAt& at, PromptOptions& prompt) {
  read_object(at,
              {{"text", [&](const JsonAt& v) { prompt.text = v.text(); }},
               {"file", [&](const JsonAt& v) { prompt.file = v.text(); }},
               {"tokens_file", [&](const JsonAt& v) { prompt.tokens_file = v.text(); }},
               {"demo", [&](const JsonAt& v) { prompt.demo = v.text(); }},
               {"cache", [&](const JsonAt& v) { prompt.cache = v.text(); }},
               {"chat", into(prompt.chat)},
               {"system", [&](const JsonAt& v) { prompt.system = v.text(); }},
               {"max_tokens", integer(prompt.max_tokens, kPositive)},
               {"lossy", into(prompt.lossy)},
               {"no_bos", into(prompt.no_bos)}});
  const auto& v = at.value;
  if (v.contains("text") + v.contains("file") + v.contains("tokens_file") + v.contains("demo") +
          v.contains("cache") >
      1)
    at.refuse("one of text, file, tokens_file, demo, cache");
}

void read_generate(const JsonAt& at, GenerateOptions& generate) {
  read_object(at,
              {{"max_new_tokens", integer(generate.max_new_tokens, kNotNegative)},
               {"temperature", number(generate.temperature, kNotNegative)},
               {"top_p", number(generate.top_p, kTopPLimits)},
               {"top_k", integer(generate.top_k, kNotNegative)},
               {"seed", integer(generate.seed, kNotNegative)},
               {"stop", [&](const JsonAt& v) { generate.stop = v.texts(); }}});
}

void read_output(const JsonAt& at, OutputOptions& output) {
  read_object(at,
              {{"json", into(output.json)},
               {"dump_keep", into(output.dump_keep)},
               {"dump_scores", into(output.dump_scores)},
               {"dump_budgets", into(output.dump_budgets)},
               {"kept_html", into(output.kept_html)},
               {"kept_beside", into(output.kept_beside)},
               {"show_kept", into(output.show_kept)},
               {"json_lines", into(output.json_lines)},
               {"compare_full", into(output.compare_full)},
               {"quiet", into(output.quiet)},
               {"color", [&](const JsonAt& v) { output.color = v.choice(kColorNames); }}});
}

// The composition itself is parsed where the registry is known; here only its outermost type
// counts.
PressSource read_press(const JsonAt& at) {
  using Form = PressSource::Form;
  if (at.value.is_null()) return {Form::None, "", at.file, at.pointer};
  if (at.value.is_string()) return {Form::Text, at.text(), at.file, at.pointer};
  if (!at.value.is_object() && !at.value.is_array())
    at.refuse("a composition as text or as {\"press\": name, ...}");
  return {Form::Json, json_text(at.value), at.file, at.pointer};
}

bool is_press_object(const nlohmann::json& value) {
  return value.is_array() ||
         (value.is_object() && (value.contains("inner") || value.contains("params")));
}

void read_plugin_path(const JsonAt& at, PluginOptions& plugins) {
  for (const auto& folder : at.texts()) plugins.paths.emplace_back(folder);
}

}  // namespace

DType dtype_from_name(const std::string& name) {
  if (name == "bfloat16") return DType::BFloat16;
  return name == "float16" ? DType::Float16 : DType::Float32;
}

std::optional<WeightType> weights_from_name(const std::string& name) {
  return find_weight_type(name);  // as-stored is none
}

void read_config_file(const std::filesystem::path& path, RunOptions& options) {
  const nlohmann::json root = read_json(path, ExitCode::BadRequest, RepeatedKeys::Refused);
  const JsonAt at{root, path.string(), ""};
  PressOptions& press = options.press;
  if (is_press_object(root)) {
    press.press = read_press(at);
    return;
  }
  read_object(
      at,
      {{"model", into(options.model)},
       {"dtype", [&](const JsonAt& v) { options.dtype = dtype_from_name(v.choice(kDTypeNames)); }},
       {"weights",
        [&](const JsonAt& v) { options.weights = weights_from_name(v.choice(kWeightNames)); }},
       {"device", [&](const JsonAt& v) { options.device = v.choice(kDeviceNames); }},
       {"threads", integer(options.threads, Limits{0, 1024})},
       {"plugin_path", [&](const JsonAt& v) { read_plugin_path(v, options.plugins); }},
       {"prefer_plugins", [&](const JsonAt& v) { options.plugins.prefer = v.flag(); }},
       {"press", [&](const JsonAt& v) { press.press = read_press(v); }},
       {"decode_press", [&](const JsonAt& v) { press.decode_press = read_press(v); }},
       {"decode_every", integer(press.decode_every, kPositive)},
       {"decode_budget", integer(press.decode_budget, kPositive)},
       {"decode_keep_ratio", number(press.decode_keep_ratio, kKeepRatioLimits)},
       {"budget", [&](const JsonAt& v) { read_budget(v, press); }},
       {"min_entries", integer(press.min_entries, kNotNegative)},
       {"prompt", [&](const JsonAt& v) { read_prompt(v, options.prompt); }},
       {"generate", [&](const JsonAt& v) { read_generate(v, options.generate); }},
       {"output", [&](const JsonAt& v) { read_output(v, options.output); }}});
}

}  // namespace kvhost
