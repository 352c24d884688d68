/* SPDX-License-Identifier: Apache-2.0
 * A scorer in C as ABI 1.0 lets one be: a parameter, a state, one tensor in two windows, a need of one phase and one layer
 * in two. It scores as knorm does, and fails where it is shown something else than it asked for. */
#include <kvhost/plugin.h>
#include <kvhost/rows.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct kvh_instance {
  double sign;
};
struct kvh_sequence {
  int64_t n_prompt, n_calls;
};

static kvh_status say(kvh_error* error, const char* words) {
  snprintf(error->message, sizeof error->message, "%s", words);
  return error->code = KVH_E_INTERNAL;
}

static const char* fault(const kvh_sequence* state, const kvh_layer* layer) {
  const int decodes = layer->phase == KVH_PHASE_DECODE;
  if (layer->struct_size < KVH_LAYER_SIZE_1_0) return "a kvh_layer smaller than that of 1.0";
  if (layer->shape != layer->model->layers[layer->layer]) return "the shape of another layer";
  if (layer->n_needs != 4) return "another number of needs";
  if (!decodes && layer->n_prompt != layer->n_seen) return "another length of the prompt";
  if (!decodes && state->n_prompt != layer->n_prompt) return "another length of the prompt in begin()";
  if (!(layer->keep_ratio > 0 && layer->keep_ratio <= 1)) return "no keep ratio";
  for (int32_t h = 0; h < layer->n_kv_heads; h++) {
    const kvh_tensor* wide = kvh_head_need(layer->heads[h], 0);
    const kvh_tensor* narrow = kvh_head_need(layer->heads[h], 1);
    if (!wide || !narrow) return "not both windows of attention";
    if (narrow->shape[1] != 1 || wide->shape[1] > 6 || (!decodes && wide->shape[1] < 2))
      return "windows of other sizes";
    if (kvh_head_tensor(layer->heads[h], KVH_T_WINDOW_ATTENTION) != wide) return "not the first window by id";
  }
  const kvh_tensor* hidden = kvh_layer_need(layer, 2);
  if (!hidden != (decodes || layer->layer % 2 != 0)) return "hidden states elsewhere than in every second layer of a prompt";
  if (kvh_layer_need(layer, 3)) return "a tensor that there is none of";
  return 0;
}

static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  const char* words = fault(state, layer);
  if (words) return say(error, words);
  state->n_calls++;
  float* key = malloc(sizeof(float) * (size_t)layer->shape->key_dim);
  for (int32_t h = 0; key && h < layer->n_kv_heads; h++)
    for (int64_t i = 0; i < layer->heads[h]->n_entries; i++) {
      double sum = 0;
      if (!kvh_load_row(&layer->heads[h]->keys, i, key)) return say(error, "keys of an unknown dtype");
      for (int32_t j = 0; j < layer->shape->key_dim; j++) sum += (double)key[j] * key[j];
      out->scores[h][i] = (float)(self->sign * sqrt(sum));
    }
  free(key);
  return key ? KVH_OK : KVH_E_OOM;
}

static kvh_status create(const kvh_method* method,
                         const kvh_create_args* args,
                         kvh_instance** out,
                         kvh_error* error) {
  (void)method;
  if (args->n_values != 1 || args->values[0].type != KVH_PARAM_FLOAT) return say(error, "other parameters");
  *out = malloc(sizeof **out);
  if (!*out) return error->code = KVH_E_OOM;
  (*out)->sign = args->values[0].v.d;
  if (args->host && args->host->log) args->host->log(args->host, KVH_LOG_DEBUG, "from the museum");
  return KVH_OK;
}
static void destroy(kvh_instance* self) { free(self); }

static kvh_status needs(const kvh_instance* self, kvh_needs* out, kvh_error* error) {
  (void)self, (void)error;
  const kvh_need all[] = {
      {.tensor = KVH_T_WINDOW_ATTENTION, .window = 6},
      {.tensor = KVH_T_WINDOW_ATTENTION, .window = 1},
      {.tensor = KVH_T_HIDDEN, .window = 3, .phases = 1u << KVH_PHASE_PREFILL, .layer_stride = 2},
      {.tensor = 1000, .flags = KVH_NEED_OPTIONAL}};
  out->count = sizeof all / sizeof all[0];
  if (out->capacity >= out->count) memcpy(out->needs, all, sizeof all);
  return KVH_OK;
}

static kvh_status begin(kvh_instance* self,
                        const kvh_sequence_info* info,
                        kvh_sequence** out,
                        kvh_error* error) {
  (void)self;
  *out = malloc(sizeof **out);
  if (!*out) return error->code = KVH_E_OOM;
  (*out)->n_prompt = info->n_prompt;
  (*out)->n_calls = 0;
  return KVH_OK;
}
static void end(kvh_instance* self, kvh_sequence* state) {
  (void)self;
  free(state);
}

static const kvh_param sign = {.struct_size = sizeof(kvh_param),
                               .type = KVH_PARAM_FLOAT,
                               .name = "sign",
                               .doc = "-1 keeps small keys",
                               .def = {.type = KVH_PARAM_FLOAT, .present = 1, .v = {.d = -1}}};
static const kvh_param* const params[] = {&sign};
static const kvh_need static_needs[] = {{.tensor = KVH_T_WINDOW_ATTENTION},
                                        {.tensor = KVH_T_HIDDEN},
                                        {.tensor = 1000, .flags = KVH_NEED_OPTIONAL}};
static const kvh_scorer scorer = {.struct_size = sizeof(kvh_scorer), .score = score};
static const kvh_method method = {
    .struct_size = sizeof(kvh_method),
    .kind = KVH_KIND_SCORER,
    .flags = KVH_METHOD_PREFILL | KVH_METHOD_DECODE | KVH_METHOD_DETERMINISTIC,
    .name = NAME,
    .params = params,
    .n_params = 1,
    .static_needs = static_needs,
    .n_static_needs = 3,
    .create = create,
    .destroy = destroy,
    .needs = needs,
    .begin = begin,
    .end = end,
    .functions = &scorer};

static const kvh_method* method_at(uint32_t index) { return index == 0 ? &method : 0; }

const kvh_plugin kvhost_plugin_v1 = {.magic = KVH_MAGIC,
                                     .struct_size = sizeof(kvh_plugin),
                                     .abi_major = KVH_ABI_MAJOR,
                                     .abi_minor = KVH_ABI_MINOR,
                                     .n_methods = 1,
                                     .name = "org.example." NAME,
                                     .version = "1.0.0",
                                     .method = method_at};
