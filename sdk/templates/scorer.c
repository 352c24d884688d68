/* SPDX-License-Identifier: @license@
 * @name@: says in a sentence what it keeps. Paper: -. Checked against: -. */
#include <kvhost/plugin.h>
#include <kvhost/rows.h>
#include <stdlib.h>

struct kvh_instance {
  int64_t n_recent;
};

/* A number for every entry of every KV head; larger = keep. */
static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  (void)state;
  const int32_t d = layer->shape->value_dim;
  float* row = malloc(sizeof(float) * (size_t)d);
  if (!row) return error->code = KVH_E_OOM;
  for (int32_t h = 0; h < layer->n_kv_heads; h++) {
    const kvh_head* head = layer->heads[h];
    for (int64_t i = 0; i < head->n_entries; i++) {
      double sum = 0;
      if (!kvh_load_row(&head->values, i, row)) {
        free(row);
        strcpy(error->message, "values of an unknown dtype");
        return error->code = KVH_E_UNSUPPORTED;
      }
      for (int32_t j = 0; j < d; j++) sum += (double)row[j] * row[j];
      out->scores[h][i] = (float)sum;
      if (head->positions[i] >= layer->n_seen - self->n_recent) out->pins[h][i] = 1; /* stays */
    }
  }
  free(row);
  return KVH_OK;
}

/* args->values are in the order of `params`; defaults are filled in, ranges were checked. */
static kvh_status create(const kvh_method* method,
                         const kvh_create_args* args,
                         kvh_instance** out,
                         kvh_error* error) {
  (void)method;
  *out = malloc(sizeof **out);
  if (!*out) return error->code = KVH_E_OOM;
  (*out)->n_recent = args->values[0].v.i;
  return KVH_OK;
}
static void destroy(kvh_instance* self) { free(self); }

static const kvh_param n_recent = {.struct_size = sizeof(kvh_param),
                                   .type = KVH_PARAM_INT,
                                   .flags = KVH_PARAM_HAS_MIN | KVH_PARAM_HAS_MAX,
                                   .name = "n_recent",
                                   .doc = "Last tokens that always stay",
                                   .unit = "tokens",
                                   .def = {.type = KVH_PARAM_INT, .present = 1, .v = {.i = 8}},
                                   .min = 0,
                                   .max = 1 << 24};
static const kvh_param* const params[] = {&n_recent};

/* What is left out has its default. Keys, values and positions come without asking. */
static const kvh_scorer scorer = {.struct_size = sizeof(kvh_scorer), .score = score};
static const kvh_method method = {
    .struct_size = sizeof(kvh_method),
    .kind = KVH_KIND_SCORER,
    .flags = KVH_METHOD_DETERMINISTIC | KVH_METHOD_PREFILL | KVH_METHOD_DECODE,
    .name = "@name@",
    .summary = "Entries with the largest values, the last tokens in any case",
    .n_params = 1,
    .params = params,
    .create = create,
    .destroy = destroy,
    .functions = &scorer};

static const kvh_method* method_at(uint32_t index) { return index == 0 ? &method : 0; }

const kvh_plugin kvhost_plugin_v1 = {.magic = KVH_MAGIC,
                                     .struct_size = sizeof(kvh_plugin),
                                     .abi_major = KVH_ABI_MAJOR,
                                     .abi_minor = KVH_ABI_MINOR,
                                     .n_methods = 1,
                                     .name = "@name@",
                                     .version = "0.1.0",
                                     .vendor = "@vendor@",
                                     .license = "@license@",
                                     .method = method_at};
