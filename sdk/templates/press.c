/* SPDX-License-Identifier: @license@
 * @name@: says in a sentence what it changes in the entries that stay. Paper: -. Checked against: -. */
#include <kvhost/plugin.h>
#include <stdlib.h>

struct kvh_instance {
  float factor;
};

/* After the selection: edit->kept says which entries of layer->heads[h] stay, edit->values are
 * theirs, [n_kept, value_dim], to be rewritten. */
static kvh_status rewrite(kvh_instance* self,
                          kvh_sequence* state,
                          const kvh_layer* layer,
                          kvh_edit* edit,
                          kvh_error* error) {
  (void)state, (void)error;
  for (int32_t h = 0; h < edit->n_kv_heads; h++) {
    const int64_t n = edit->n_kept[h] * layer->shape->value_dim;
    for (int64_t i = 0; i < n; i++) edit->values[h][i] *= self->factor;
  }
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
  (*out)->factor = (float)args->values[0].v.d;
  return KVH_OK;
}
static void destroy(kvh_instance* self) { free(self); }

static const kvh_param factor = {
    .struct_size = sizeof(kvh_param),
    .type = KVH_PARAM_FLOAT,
    .flags = KVH_PARAM_HAS_MIN | KVH_PARAM_EXCLUSIVE_MIN | KVH_PARAM_HAS_MAX,
    .name = "factor",
    .doc = "What values are multiplied by",
    .def = {.type = KVH_PARAM_FLOAT, .present = 1, .v = {.d = 1.0}},
    .min = 0,
    .max = 10};
static const kvh_param* const params[] = {&factor};

/* What is left out has its default. */
static const kvh_press press = {.struct_size = sizeof(kvh_press), .edit = rewrite};
static const kvh_method method = {.struct_size = sizeof(kvh_method),
                                  .kind = KVH_KIND_PRESS,
                                  .flags = KVH_METHOD_DETERMINISTIC | KVH_METHOD_PREFILL |
                                           KVH_METHOD_DECODE | KVH_METHOD_EDITS_VALUES,
                                  .name = "@name@",
                                  .summary = "Scales the values of the entries that stay",
                                  .n_params = 1,
                                  .params = params,
                                  .create = create,
                                  .destroy = destroy,
                                  .functions = &press};

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
