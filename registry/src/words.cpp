// SPDX-License-Identifier: Apache-2.0
#include "words.hpp"

#include <stdexcept>

#include "kvhost/plugin.h"
#include "kvhost/spread.h"

namespace kvhost::registry {

const Words& kind_words() {
  static const Words words = {{KVH_KIND_SCORER, "scorer"},
                              {KVH_KIND_WRAPPER, "wrapper"},
                              {KVH_KIND_HEAD_ALLOCATOR, "head allocator"},
                              {KVH_KIND_LAYER_ALLOCATOR, "layer allocator"},
                              {KVH_KIND_PRESS, "press"}};
  return words;
}

const Words& method_flag_words() {
  static const Words words = {{KVH_METHOD_DETERMINISTIC, "deterministic"},
                              {KVH_METHOD_NEEDS_BUDGET, "needs_budget"},
                              {KVH_METHOD_PREFILL, "prefill"},
                              {KVH_METHOD_DECODE, "decode"},
                              {KVH_METHOD_EDITS_VALUES, "edits_values"},
                              {KVH_METHOD_EDITS_KEYS, "edits_keys"},
                              {KVH_METHOD_EDITS_POSITIONS, "edits_positions"},
                              {KVH_METHOD_NO_SCORER, "no_scorer"},
                              {KVH_METHOD_EDITS_SCORES, "edits_scores"},
                              {KVH_METHOD_OWN_TOTAL, "own_total"},
                              {KVH_METHOD_SCORES_PARTS, "scores_parts"},
                              {KVH_METHOD_PRUNES_CHANNELS, "prunes_channels"},
                              {KVH_METHOD_DECIDES_LATE, "decides_late"},
                              {KVH_METHOD_NEEDS_SCORES, "needs_scores"},
                              {KVH_METHOD_READS_PROMPT, "reads_prompt"},
                              {KVH_METHOD_MIXED_LAYERS, "mixed_layers"}};
  return words;
}

const Words& param_type_words() {
  static const Words words = {{KVH_PARAM_BOOL, "bool"},
                              {KVH_PARAM_INT, "int"},
                              {KVH_PARAM_FLOAT, "float"},
                              {KVH_PARAM_STRING, "string"},
                              {KVH_PARAM_CHOICE, "choice"},
                              {KVH_PARAM_FILE, "file"},
                              {KVH_PARAM_INT_LIST, "int_list"},
                              {KVH_PARAM_FLOAT_LIST, "float_list"}};
  return words;
}

const Words& param_flag_words() {
  static const Words words = {{KVH_PARAM_HAS_MIN, "has_min"},
                              {KVH_PARAM_HAS_MAX, "has_max"},
                              {KVH_PARAM_EXCLUSIVE_MIN, "exclusive_min"},
                              {KVH_PARAM_EXCLUSIVE_MAX, "exclusive_max"},
                              {KVH_PARAM_ODD, "odd"},
                              {KVH_PARAM_OPTIONAL, "optional"}};
  return words;
}

const Words& tensor_words() {
  static const Words words = {{KVH_T_KEYS, "keys"},
                              {KVH_T_VALUES, "values"},
                              {KVH_T_HIDDEN, "hidden"},
                              {KVH_T_QUERY_WINDOW, "query_window"},
                              {KVH_T_WINDOW_ATTENTION, "window_attention"},
                              {KVH_T_ATTENTION_MEAN, "attention_mean"},
                              {KVH_T_ATTENTION, "attention"},
                              {KVH_T_OUTPUT_WEIGHT, "output_weight"},
                              {KVH_T_ATTENTION_SUM, "attention_sum"}};
  static_assert(KVH_T_COUNT == 9, "a new tensor needs a word");
  return words;
}

const Words& need_flag_words() {
  static const Words words = {{KVH_NEED_OPTIONAL, "optional"}, {KVH_NEED_SPREAD, "spread"}};
  return words;
}

const Words& phase_words() {
  static const Words words = {{1u << KVH_PHASE_PREFILL, "prefill"},
                              {1u << KVH_PHASE_DECODE, "decode"},
                              {1u << KVH_PHASE_PASS, "pass"}};
  return words;
}

std::string tensor_text(uint32_t tensor) {
  const char* word = word_of(tensor_words(), tensor);
  return word ? word : "tensor " + std::to_string(tensor);
}

const char* word_of(const Words& words, uint32_t value) {
  for (const Word& entry : words) {
    if (entry.value == value) return entry.word;
  }
  return nullptr;
}

uint32_t value_of(const Words& words, const std::string& word, const std::string& what) {
  std::string known;
  for (const Word& entry : words) {
    if (word == entry.word) return entry.value;
    known += (known.empty() ? "" : ", ") + std::string(entry.word);
  }
  throw std::runtime_error(what + " is '" + word + "'; expected one of " + known);
}

std::vector<std::string> words_of_bits(const Words& words, uint32_t bits) {
  std::vector<std::string> found;
  for (const Word& entry : words) {
    if (bits & entry.value) found.emplace_back(entry.word);
  }
  return found;
}

uint32_t bits_of_words(const Words& words,
                       const std::vector<std::string>& found,
                       const std::string& what) {
  uint32_t bits = 0;
  for (const std::string& word : found) bits |= value_of(words, word, what);
  return bits;
}

uint32_t known_bits(const Words& words) {
  uint32_t bits = 0;
  for (const Word& entry : words) bits |= entry.value;
  return bits;
}

const char* kind_name(Kind kind) { return word_of(kind_words(), static_cast<uint32_t>(kind)); }

}  // namespace kvhost::registry
