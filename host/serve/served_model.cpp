// SPDX-License-Identifier: Apache-2.0
#include "serve/served_model.hpp"

#include <algorithm>

#include "engine/plugin_set.hpp"
#include "kvhost/params.h"
#include "serve/refusal.hpp"
#include "tokenizer/pieces.hpp"
#include "tokenizer/tokenizer.hpp"

namespace kvhost {
namespace {

constexpr size_t kMostPolicies = 256;

std::string name_of(const Model& model) {
  std::filesystem::path path = model.facts().path;
  if (!path.has_filename()) path = path.parent_path();
  return path.extension() == ".gguf" ? path.stem().string() : path.filename().string();
}

// What was asked for, as far as the model goes.
int64_t context_of(const Model& model, int64_t wish) {
  const int64_t most = model.max_positions();
  return wish > 0 && most > 0 ? std::min(wish, most) : std::max(wish, most);
}

std::string text_of(const PolicyOptions& o) {
  const auto number = [](const auto& value) {
    return value ? std::to_string(*value) : std::string("-");
  };
  const auto source = [](const PressSource& press) {
    return std::to_string(static_cast<int>(press.form)) + press.text;
  };
  return source(o.press) + "|" + source(o.decode_press) + "|" + number(o.keep_ratio) + "|" +
         number(o.compression_ratio) + "|" + number(o.budget) + "|" +
         std::to_string(o.min_entries) + "|" + std::to_string(o.decode_every) + "|" +
         std::to_string(o.decode_budget) + "|" + std::to_string(o.decode_keep_ratio);
}

void check_node(const Node* node) {
  if (!node) return;
  for (size_t i = 0; i < node->values.size(); ++i) {
    const registry::ParamInfo& param = node->method.params[i];
    const auto* given = node->values[i].if_is<std::string>();
    const auto* by_default = param.def.if_is<std::string>();
    const bool differs = given && !given->empty() && (!by_default || *by_default != *given);
    if (param.type == KVH_PARAM_FILE && differs)
      refuse(403,
             "press: " + node->method.name + " is given the parameter " + param.name +
                 ", which is a file of the server; expected none: whoever runs the server may name "
                 "it with --press",
             "press");
  }
  for (const auto& inner : node->inner) check_node(inner.get());
}

}  // namespace

ServedModel::ServedModel(const Engine& engine,
                         const NamedModel& model,
                         const ServeOptions& options,
                         Scheduler& scheduler)
    : engine_(engine),
      model_(model.model),
      options_(options),
      scheduler_(scheduler),
      name_(model.name.empty() ? name_of(model.model) : model.name),
      context_(context_of(model.model, options.context)),
      template_(ChatTemplate::find(model.model.facts().path)) {
  // Some tokenizers drop the space before the first token of a text, so none is looked at as such.
  anchor_ = model_.encode("a", /*add_special=*/false);
  anchor_text_ = model_.tokenizer()->decode(anchor_, /*skip_special=*/false);
}

void ServedModel::check_no_files(const PolicyOptions& options) const {
  const auto check = [](const Composition& composition) {
    for (const auto& stage : composition.stages)
      for (const Node* node : {stage.press.get(),
                               stage.layer_allocator.get(),
                               stage.head_allocator.get(),
                               stage.scorer.get()})
        check_node(node);
  };
  std::string expansion;
  const PolicyOptions all = expand_run_alias(options, engine_.plugins(), expansion);
  const auto of_client = [](const PressSource& given, const PressSource& own) {
    return given.given() && (given.form != own.form || given.text != own.text);
  };
  if (of_client(options.press, options_.press.press))
    check(compose_prefill(all, engine_.plugins()));
  if (of_client(options.decode_press, options_.press.decode_press))
    check(compose_decode(all, engine_.plugins()));
}

KeyedPolicy ServedModel::policy(const PolicyOptions& options) {
  const std::string key = name_ + "\n" + text_of(options);
  {
    const std::lock_guard lock(mutex_);
    const auto found = policies_.find(key);
    if (found != policies_.end()) return found->second;
  }
  check_no_files(options);
  KeyedPolicy made{engine_.policy(model_, options), key};
  const std::lock_guard lock(mutex_);
  if (policies_.size() >= kMostPolicies) policies_.clear();
  policies_.emplace(key, made);
  return made;
}

std::shared_ptr<const std::vector<std::string>> ServedModel::token_bytes() {
  const std::lock_guard lock(mutex_);
  if (token_bytes_) return token_bytes_;
  const Tokenizer& tokenizer = *model_.tokenizer();
  auto all = std::make_shared<std::vector<std::string>>();
  const int32_t n = std::min(tokenizer.vocab_size(), static_cast<int32_t>(model_.vocab_size()));
  for (int32_t token = 0; token < n; ++token) {
    const int32_t pair[] = {anchor_.back(), token};
    all->push_back(tokenizer.is_special(token) ? "" : pieces_of(tokenizer, pair).back());
  }
  token_bytes_ = all;
  return token_bytes_;
}

std::string ServedModel::token_text(int32_t token) const {
  std::vector<int32_t> ids = anchor_;
  ids.push_back(token);
  const std::string text = model_.tokenizer()->decode(ids, /*skip_special=*/false);
  return text.starts_with(anchor_text_) ? text.substr(anchor_text_.size()) : text;
}

}  // namespace kvhost
