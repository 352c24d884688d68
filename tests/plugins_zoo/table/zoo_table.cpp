// SPDX-License-Identifier: Apache-2.0
// One method of every kind, all functions of which can go wrong in every way (failures.hpp), and
// whose answers can be wrong in ways of their own. Harmless without KVHOST_ZOO.
#include <kvhost/layout_parts.h>

#include <cmath>

#include "failures.hpp"

namespace {

using zoo::failure_in;
using zoo::go_wrong;

struct Opened {
  Opened() { go_wrong("constructor"); }
} opened;

char something;  // what instances and sequences point to
const kvh_child* child;

// A status that the environment asks for, and its words.
kvh_status answer(const char* function, kvh_error* error) {
  go_wrong(function);
  const std::string failure = failure_in(function);
  if (failure == "cancel") return KVH_E_CANCELLED;
  if (failure == "bytes") {
    std::strcpy(error->message, "\x1b[31mnot \xff UTF-8\nand two lines");
    return KVH_E_INTERNAL;
  }
  if (failure == "long_words") std::memset(error->message, 'x', sizeof error->message + 8);
  return KVH_OK;
}

kvh_status open_zoo(const kvh_host*, kvh_error* error) noexcept { return answer("open", error); }

kvh_status create(const kvh_method*,
                  const kvh_create_args* args,
                  kvh_instance** out,
                  kvh_error* error) noexcept {
  if (args->n_children > 0) child = args->children[0];
  *out = reinterpret_cast<kvh_instance*>(&something);
  return answer("create", error);
}

void destroy(kvh_instance*) noexcept { go_wrong("destroy"); }

kvh_status needs(const kvh_instance*, kvh_needs* out, kvh_error* error) noexcept {
  const std::string failure = failure_in("needs");
  out->count = failure == "undeclared" || failure == "window" ? 1 : failure == "many" ? ~0u : 0;
  const bool hidden = failure == "undeclared";
  if (out->count == 1 && out->capacity >= 1)
    out->needs[0] = {hidden ? KVH_T_HIDDEN : KVH_T_VALUES, 0, hidden ? 0 : int64_t{-5}, 0, 0, 0};
  return answer("needs", error);
}

kvh_status begin(kvh_instance*,
                 const kvh_sequence_info*,
                 kvh_sequence** out,
                 kvh_error* error) noexcept {
  *out = reinterpret_cast<kvh_sequence*>(&something);
  return answer("begin", error);
}

void end(kvh_instance*, kvh_sequence*) noexcept { go_wrong("end"); }

kvh_status after_compact(kvh_instance*,
                         kvh_sequence*,
                         const kvh_moved*,
                         kvh_error* error) noexcept {
  return answer("after_compact", error);
}

void fill(kvh_scores* out) {
  for (int32_t h = 0; h < out->n_kv_heads; ++h)
    for (int64_t i = 0; i < out->n_entries[h]; ++i) out->scores[h][i] = static_cast<float>(i);
}

void run_part(void*, int64_t, int64_t, uint32_t) noexcept { go_wrong("part"); }

kvh_status score(kvh_instance*,
                 kvh_sequence*,
                 const kvh_layer* layer,
                 kvh_scores* out,
                 kvh_error* error) noexcept {
  fill(out);
  layer->exec->parallel_for(layer->exec, 8, run_part, nullptr);
  const int32_t last = out->n_kv_heads - 1;
  const int64_t n = out->n_entries[last];
  const std::string failure = failure_in("score");
  if (failure == "nan") out->scores[last][0] = NAN;
  if (failure == "before") out->scores[0][-1] = 1;
  if (failure == "behind") out->scores[last][n] = 1;
  if (failure == "pins_before") out->pins[0][-1] = 1;
  if (failure == "pins_behind") out->pins[last][n] = 1;
  return answer("score", error);
}

// Hands the scorer inside a copy of the layer, which is right, or one of an earlier call.
kvh_status wrap(kvh_instance*,
                kvh_sequence*,
                const kvh_layer* layer,
                kvh_scores* out,
                kvh_error* error) noexcept {
  static kvh_layer first = *layer;  // what it keeps of the first layer, for all
  static kvh_layer copy;
  const std::string failure = failure_in("score");
  if (failure == "copied_layer") layer = &(copy = *layer);
  if (failure == "stale_layer") layer = &first;
  const kvh_status status = child->score(child, layer, out, error);
  return status == KVH_OK ? answer("score", error) : status;
}

uint32_t when(const kvh_instance*) noexcept {
  go_wrong("when");
  return failure_in("when") == "unknown" ? 7 : KVH_WHEN_AFTER_PREFILL;
}

kvh_status observe(kvh_instance*, kvh_sequence*, const kvh_layer*, kvh_error* error) noexcept {
  return answer("observe", error);
}

kvh_status divide_heads(kvh_instance*,
                        kvh_sequence*,
                        const kvh_layer* layer,
                        const kvh_score_view*,
                        kvh_scores*,
                        int64_t* budgets,
                        kvh_error* error) noexcept {
  const int64_t share = layer->layer_budget / layer->n_kv_heads;
  const std::string failure = failure_in("allocate");
  for (int32_t h = 0; h < layer->n_kv_heads; ++h) budgets[h] = share;
  budgets[0] += layer->layer_budget - share * layer->n_kv_heads;
  if (failure == "sum") budgets[0] -= 1;
  if (failure == "unwritten") budgets[0] = -1;
  if (failure == "huge") budgets[0] = INT64_MAX;
  if (failure == "behind") budgets[layer->n_kv_heads] = 1;
  return answer("allocate", error);
}

kvh_status divide_layers(kvh_instance*,
                         kvh_sequence*,
                         const kvh_layer_request* request,
                         kvh_layer_answer* out,
                         kvh_error* error) noexcept {
  const std::string failure = failure_in("allocate");
  out->exact = failure == "unwritten_entries" || failure == "too_many" ? 1 : 0;
  if (failure == "too_many") out->entries[0] = INT64_MAX;
  const int32_t written = failure == "unwritten" ? request->n_layers - 1 : request->n_layers;
  for (int32_t l = 0; l < written; ++l) out->shares[l] = failure == "infinite" ? INFINITY : 1;
  if (failure == "behind") out->shares[request->n_layers] = 1;
  if (failure == "name") std::memset(out->observed_name, 'x', sizeof out->observed_name);
  return answer("allocate", error);
}

kvh_status edit(kvh_instance*,
                kvh_sequence*,
                const kvh_layer* layer,
                kvh_edit* out,
                kvh_error* error) noexcept {
  const std::string failure = failure_in("edit");
  const int32_t last = out->n_kv_heads - 1;
  const int64_t n = out->n_kept[last], d = layer->model->head_dim;
  if (failure == "nan_value") out->values[last][0] = NAN;
  if (failure == "infinite_key") out->keys[last][n * d - 1] = INFINITY;
  if (failure == "far_position") out->positions[last][n - 1] = INT32_MAX;
  if (failure == "negative_position") out->positions[last][0] = -1;
  if (failure == "values_behind") out->values[last][n * d] = 1;
  if (failure == "positions_before") out->positions[0][-1] = 1;
  return answer("edit", error);
}

int64_t entries_per_head(const kvh_instance*, int64_t) noexcept {
  go_wrong("entries_per_head");
  return failure_in("entries_per_head") == "negative" ? -3 : 0;
}

const void* extension(const kvh_method*, const char* id) noexcept {
  static constexpr kvh_own_budget own{sizeof(kvh_own_budget), 0, entries_per_head};
  // Parts of an older kit than there ever was, and of a newer one that nobody may read yet.
  static constexpr uint32_t small[] = {8, 0, 0, 0, 0, 0, 0, 0}, reserved[] = {64, 3, 0, 0, 0, 0, 0, 0};
  go_wrong("extension");
  if (failure_in("extension") == "small") return small;
  if (failure_in("extension") == "reserved") return reserved;
  return std::strcmp(id, KVH_EXT_OWN_BUDGET) == 0 ? &own : nullptr;
}

}  // namespace

#include "parts.hpp"

namespace {

constexpr kvh_scorer scorer{sizeof(kvh_scorer), 0, score};
constexpr kvh_scorer wrapper{sizeof(kvh_scorer), 0, wrap};
constexpr kvh_head_allocator heads{sizeof(kvh_head_allocator), 0, divide_heads, when, observe};
constexpr kvh_layer_allocator layers{sizeof(kvh_layer_allocator), 0, when, observe, divide_layers};
constexpr kvh_press press{sizeof(kvh_press), 0, edit};
constexpr kvh_need static_needs[] = {{KVH_T_KEYS, 0, 0, 0, 0, 0}, {KVH_T_VALUES, 0, 0, 0, 0, 0}};

kvh_method made(uint32_t kind, const char* name, uint32_t flags, const void* functions) {
  kvh_method method{};
  method.struct_size = sizeof method;
  method.kind = kind;
  method.flags = KVH_METHOD_PREFILL | flags;
  method.name = name;
  method.version = "1.0.0";
  method.summary = "A member of the plugin zoo";
  method.static_needs = static_needs;
  method.n_static_needs = 2;
  method.create = create;
  method.destroy = destroy;
  method.needs = needs;
  method.begin = begin;
  method.end = end;
  method.after_compact = after_compact;
  method.functions = functions;
  method.extension = extension;
  return method;
}

kvh_method with_part(kvh_method method, const void* (*extension)(const kvh_method*, const char*) noexcept) {
  method.extension = extension;
  return method;
}

constexpr uint32_t kMethods = 11;

const kvh_method* method(uint32_t index) noexcept {
  static const kvh_method all[] = {
      made(KVH_KIND_SCORER, "zoo_scorer", KVH_METHOD_DECODE, &scorer),
      made(KVH_KIND_WRAPPER, "zoo_wrapper", 0, &wrapper),
      made(KVH_KIND_HEAD_ALLOCATOR, "zoo_heads", KVH_METHOD_DECIDES_LATE, &heads),
      made(KVH_KIND_LAYER_ALLOCATOR, "zoo_layers", KVH_METHOD_DECIDES_LATE, &layers),
      made(KVH_KIND_PRESS,
           "zoo_press",
           KVH_METHOD_EDITS_VALUES | KVH_METHOD_EDITS_KEYS | KVH_METHOD_EDITS_POSITIONS,
           &press),
      with_part(made(KVH_KIND_SCORER, "zoo_passes", 0, &scorer), passes_extension),
      with_part(made(KVH_KIND_SCORER, "zoo_draft", 0, &scorer), draft_extension),
      with_part(made(KVH_KIND_SCORER, "zoo_appendix", 0, &scorer), appendix_extension),
      with_part(made(KVH_KIND_PRESS, "zoo_biases", 0, &press), bias_extension),
      with_part(made(KVH_KIND_SCORER, "zoo_states", KVH_METHOD_DECODE, &scorer), state_extension),
      with_part(made(KVH_KIND_SCORER, "zoo_calibrated", 0, &scorer), calibrate_extension)};
  static_assert(std::size(all) == kMethods);
  go_wrong("method");
  return index < kMethods ? &all[index] : nullptr;
}

}  // namespace

extern "C" KVH_EXPORT const kvh_plugin kvhost_plugin_v1 = {KVH_MAGIC,
                                                           sizeof(kvh_plugin),
                                                           KVH_ABI_MAJOR,
                                                           KVH_ABI_MINOR,
                                                           KVH_ABI_MINOR,
                                                           kMethods,
                                                           "org.example.zoo_table",
                                                           "1.0.0",
                                                           "Zoo",
                                                           "Apache-2.0",
                                                           open_zoo,
                                                           method};
