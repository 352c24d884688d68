// SPDX-License-Identifier: Apache-2.0
// The optional parts that a method hands out by extension(): one of each, all functions of which can go wrong. Included by
// zoo_table.cpp, behind answer().
#pragma once

#include <kvhost/layout_parts.h>

#include <cstring>
#include <vector>

namespace {

// One pass of one token over all of the prompt.
kvh_status pass_cost(kvh_instance*,
                     const kvh_prompt* prompt,
                     kvh_pass_cost* out,
                     kvh_error* error) noexcept {
  out->n_passes = out->n_tokens = out->longest = 1;
  out->n_columns = prompt->n_tokens;
  if (failure_in("cost") == "negative") out->n_passes = -1;
  return answer("cost", error);
}

kvh_status next_pass(kvh_instance*,
                     kvh_sequence*,
                     const kvh_prompt* prompt,
                     int64_t,
                     kvh_pass* out,
                     kvh_error* error) noexcept {
  static const int32_t tokens[] = {1};
  out->n_tokens = failure_in("next") == "longer" ? 2 : 1;
  out->tokens = tokens;
  out->columns = {0, prompt->n_tokens};
  return answer("next", error);
}

kvh_status see_columns(kvh_instance*,
                       kvh_sequence*,
                       const kvh_layer*,
                       const kvh_columns*,
                       kvh_error* error) noexcept {
  return answer("columns", error);
}

const void* passes_extension(const kvh_method*, const char* id) noexcept {
  static constexpr kvh_passes passes{sizeof(kvh_passes), 0, pass_cost, next_pass, see_columns};
  static constexpr uint32_t small[] = {24, 0, 0, 0, 0, 0};
  if (failure_in("extension") == "small" && std::strcmp(id, KVH_EXT_PASSES) == 0) return small;
  return std::strcmp(id, KVH_EXT_PASSES) == 0 ? &passes : nullptr;
}

// Two tokens drafted on a copy that keeps all.
int64_t draft_tokens(const kvh_instance*) noexcept {
  go_wrong("n_tokens");
  return failure_in("n_tokens") == "nothing" ? 0 : 2;
}

kvh_status cut_draft(kvh_instance*,
                     kvh_sequence*,
                     const kvh_layer*,
                     kvh_scores* out,
                     int64_t* n_kept,
                     kvh_error* error) noexcept {
  fill(out);
  for (int32_t h = 0; h < out->n_kv_heads; ++h) n_kept[h] = out->n_entries[h];
  if (failure_in("cut") == "all") n_kept[0] = 0;
  if (failure_in("cut") == "behind") n_kept[out->n_kv_heads] = 1;
  return answer("cut", error);
}

kvh_status see_draft(kvh_instance*,
                     kvh_sequence*,
                     const kvh_layer*,
                     const kvh_tensor*,
                     const int32_t*,
                     kvh_error* error) noexcept {
  return answer("drafted", error);
}

const void* draft_extension(const kvh_method*, const char* id) noexcept {
  static constexpr kvh_draft draft{sizeof(kvh_draft), 0, draft_tokens, cut_draft, see_draft};
  return std::strcmp(id, KVH_EXT_DRAFT) == 0 ? &draft : nullptr;
}

// One row of zeros behind the prompt, and no weight changed.
kvh_status get_appended(kvh_instance*, kvh_appended* out, kvh_error* error) noexcept {
  static const std::vector<float> rows(1 << 16, 0.0F);  // wider than the tests' model
  static const kvh_low_rank nowhere{KVH_WEIGHT_QUERY, 1000, 1, 1, 1, rows.data(), rows.data()};
  const std::string failure = failure_in("get");
  out->n_rows = failure == "negative" ? -1 : 1;
  out->rows = rows.data();
  out->n_changes = failure == "layer" ? 1 : 0;
  out->changes = &nowhere;
  return answer("get", error);
}

const void* appendix_extension(const kvh_method*, const char* id) noexcept {
  static constexpr kvh_appendix appendix{sizeof(kvh_appendix), 0, get_appended};
  return std::strcmp(id, KVH_EXT_APPENDIX) == 0 ? &appendix : nullptr;
}

// A bias of nothing for every entry.
kvh_status edit_biases(kvh_instance*,
                       kvh_sequence*,
                       const kvh_layer*,
                       kvh_edit* edit,
                       kvh_biases* out,
                       kvh_error* error) noexcept {
  for (int32_t h = 0; h < out->n_kv_heads; ++h)
    std::fill_n(out->kept[h], edit->n_kept[h], 0.0F);
  const std::string failure = failure_in("biases");
  if (failure == "nan") out->kept[0][0] = NAN;
  if (failure == "behind") out->kept[0][edit->n_kept[0]] = 1;
  return answer("biases", error);
}

const void* bias_extension(const kvh_method*, const char* id) noexcept {
  static constexpr kvh_bias_press biased{sizeof(kvh_bias_press), 0, edit_biases};
  return std::strcmp(id, KVH_EXT_BIAS) == 0 ? &biased : nullptr;
}

// A state of one byte.
kvh_status copy_state(kvh_instance*,
                      const kvh_sequence*,
                      kvh_sequence** out,
                      kvh_error* error) noexcept {
  *out = reinterpret_cast<kvh_sequence*>(&something);
  return answer("copy", error);
}

kvh_status truncate_state(kvh_instance*, kvh_sequence*, int64_t, kvh_error* error) noexcept {
  return answer("truncate", error);
}

kvh_status save_state(kvh_instance*,
                      const kvh_sequence*,
                      uint8_t* bytes,
                      int64_t capacity,
                      int64_t* n,
                      kvh_error* error) noexcept {
  *n = failure_in("save") == "more" ? capacity + 1 : 1;
  if (capacity >= 1) bytes[0] = 7;
  if (capacity >= 1 && failure_in("save") == "behind") bytes[capacity] = 1;
  return answer("save", error);
}

kvh_status load_state(kvh_instance*,
                      const kvh_sequence_info*,
                      const uint8_t*,
                      int64_t,
                      kvh_sequence** out,
                      kvh_error* error) noexcept {
  *out = reinterpret_cast<kvh_sequence*>(&something);
  return answer("load", error);
}

const void* state_extension(const kvh_method*, const char* id) noexcept {
  static constexpr kvh_sequence_functions functions{
      sizeof(kvh_sequence_functions), 0, copy_state, truncate_state, save_state, load_state};
  return std::strcmp(id, KVH_EXT_SEQUENCE) == 0 ? &functions : nullptr;
}

// Learns one number from any text.
kvh_status see_text(kvh_instance*, const kvh_layer*, kvh_error* error) noexcept {
  return answer("text", error);
}

kvh_status finish_learning(kvh_instance*, const kvh_learned* out, kvh_error* error) noexcept {
  const float one = failure_in("finish") == "nan" ? NAN : 1;
  const int64_t shape[] = {failure_in("finish") == "shape" ? 0 : 1};
  const kvh_status status = out->tensor(out, "learned", shape, 1, &one, error);
  return status == KVH_OK ? answer("finish", error) : status;
}

kvh_method made(uint32_t kind, const char* name, uint32_t flags, const void* functions);

const void* calibrate_extension(const kvh_method*, const char* id) noexcept {
  static constexpr kvh_observer observer{sizeof(kvh_observer), 0, see_text, finish_learning};
  static const kvh_method looking = made(KVH_KIND_SCORER, "zoo_calibrated_texts", 0, &observer);
  static const kvh_calibrate table{sizeof(kvh_calibrate), 0, "learned.safetensors", &looking};
  return std::strcmp(id, KVH_EXT_CALIBRATE) == 0 ? &table : nullptr;
}

}  // namespace
