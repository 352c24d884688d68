// SPDX-License-Identifier: Apache-2.0
#include "model/checkpoint_fit.hpp"

#include "base/error.hpp"
#include "model/families.hpp"
#include "model/float_tensor.hpp"
#include "model/name_list.hpp"
#include "model/surplus_tensors.hpp"
#include "model/tensor_names.hpp"

namespace kvhost {

namespace {

std::string of_this_model(const ModelConfig& config) {
  return "a " + config.family + " model as config.json describes it";
}

// Pairs stored tensors with the names the family gives them; returns those that are left over.
std::vector<std::string> pair_up(const Checkpoint& checkpoint,
                                 const TensorNames& names,
                                 CheckpointFit& fit) {
  std::map<std::string, int> distances;
  std::vector<std::string> surplus;
  for (const auto& [stored, tensor] : checkpoint.tensors) {
    const auto meaning = names.meaning(stored);
    if (!meaning) {
      surplus.push_back(stored);
      continue;
    }
    const auto [taken, first] = fit.tensors.try_emplace(meaning->name, &tensor);
    if (!first && meaning->distance >= distances[meaning->name]) {
      surplus.push_back(stored);
      continue;
    }
    if (!first) surplus.push_back(taken->second->name);
    taken->second = &tensor;
    distances[meaning->name] = meaning->distance;
  }
  return surplus;
}

// As transformers: a tied model may store either of the two; where it stores two that differ, the
// head is a head of its own.
void settle_tied_head(const std::string& embedding, const std::string& head, CheckpointFit& fit) {
  const auto stored = fit.tensors.find(head);
  if (stored == fit.tensors.end()) return;
  const auto [input, absent] = fit.tensors.try_emplace(embedding, stored->second);
  fit.own_head = !absent && !same_numbers(*input->second, *stored->second);
  if (fit.own_head)
    fit.warnings.push_back(stored->second->file->path().string() + ": " + stored->second->name +
                           " is not " + input->second->name +
                           ", although config.json ties them (tie_word_embeddings); the stored "
                           "head is used");
  else
    fit.tensors.erase(stored);
}

bool is_classifier(const std::string& name) {
  return name == "score.weight" || name.starts_with("classifier.");
}

[[noreturn]] void refuse_headless(const ModelConfig& config,
                                  const Checkpoint& checkpoint,
                                  const std::string& head,
                                  const std::vector<std::string>& surplus) {
  std::string kind = "a base model, as transformers' AutoModel saves it";
  for (const auto& name : surplus)
    if (is_classifier(name)) kind = "a classifier (it has " + name + ")";
  const auto hint = hint_for(head, surplus);
  cannot_load(checkpoint.source.string(),
              "tensor " + head +
                  " is missing and config.json does not tie it to the embedding "
                  "(tie_word_embeddings): " +
                  kind + hint + "; expected a " + config.family +
                  " model with its head, saved by AutoModelForCausalLM");
}

void refuse_missing(const ModelConfig& config,
                    const Checkpoint& checkpoint,
                    const CheckpointFit& fit,
                    const std::vector<WeightSlot>& slots,
                    const std::vector<std::string>& surplus) {
  std::vector<std::string> missing;
  for (const auto& slot : slots)
    if (!fit.tensors.count(slot.name) && (missing.empty() || missing.back() != slot.name))
      missing.push_back(slot.name);
  if (missing.empty()) return;
  const std::string where = checkpoint.source.string();
  if (fit.tensors.empty())
    cannot_load(where,
                "holds no tensor of " + of_this_model(config) + "; expected " + some_of(missing) +
                    ", found " + (surplus.empty() ? "none" : some_of(surplus)));
  const std::string head = find_family(config.family)->names.lm_head;
  if (missing.size() == 1 && missing.front() == head + ".weight")
    refuse_headless(config, checkpoint, missing.front(), surplus);
  const auto listed = checkpoint.index.find(missing.front());
  cannot_load(where,
              (missing.size() == 1 ? "tensor " : "tensors ") + some_of(missing) +
                  (missing.size() == 1 ? " is" : " are") + " missing" +
                  (listed == checkpoint.index.end() ? "" : " (not in " + listed->second + ")") +
                  "; expected those of " + of_this_model(config) +
                  hint_for(missing.front(), surplus));
}

// A quantization_config may be of the cache alone, or of modules that this model has not.
void note_quantisation(const ModelConfig& config, CheckpointFit& fit) {
  for (const auto& [name, tensor] : fit.tensors)
    if (!float_type(tensor->dtype)) return;
  fit.warnings.push_back((config.dir / "config.json").string() + ": quantization_config (" +
                         config.quantised_by + ") is not followed: the weights are not quantised");
}

}  // namespace

CheckpointFit fit_checkpoint(const ModelConfig& config,
                             const Checkpoint& checkpoint,
                             const std::vector<WeightSlot>& slots) {
  const Family& family = *find_family(config.family);
  const std::string embedding = std::string(family.names.embedding) + ".weight",
                    head = std::string(family.names.lm_head) + ".weight";
  std::set<std::string> expected{head};
  for (const auto& slot : slots) expected.insert(slot.name);
  const TensorNames names(family, std::move(expected));

  CheckpointFit fit;
  fit.warnings = checkpoint.warnings;
  std::vector<std::string> surplus = pair_up(checkpoint, names, fit);
  std::erase_if(surplus, is_harmless_extra);
  if (config.tied_embeddings) settle_tied_head(embedding, head, fit);
  refuse_missing(config, checkpoint, fit, slots, surplus);
  refuse_telling(config, checkpoint, names, surplus);
  if (!config.quantised_by.empty()) note_quantisation(config, fit);
  if (!surplus.empty())
    fit.warnings.push_back(checkpoint.source.string() + ": " + std::to_string(surplus.size()) +
                           (surplus.size() == 1 ? " tensor is" : " tensors are") +
                           " not used by a " + config.family + " model: " + some_of(surplus));
  return fit;
}

}  // namespace kvhost
