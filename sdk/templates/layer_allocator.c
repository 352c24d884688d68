/* SPDX-License-Identifier: @license@
 * @name@: says in a sentence how it divides the budget over layers. Paper: -. Checked against: -. */
#include <kvhost/plugin.h>
#include <stdlib.h>

struct kvh_instance {
  double decay;
};

/* Shares on any scale; the host rounds them so that the total is met exactly. */
static kvh_status allocate(kvh_instance* self,
                           kvh_sequence* state,
                           const kvh_layer_request* request,
                           kvh_layer_answer* answer,
                           kvh_error* error) {
  (void)state, (void)error;
  double share = 1;
  for (int32_t l = 0; l < request->n_layers; l++, share *= self->decay) answer->shares[l] = share;
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
  (*out)->decay = args->values[0].v.d;
  return KVH_OK;
}
static void destroy(kvh_instance* self) { free(self); }

static const kvh_param decay = {
    .struct_size = sizeof(kvh_param),
    .type = KVH_PARAM_FLOAT,
    .flags = KVH_PARAM_HAS_MIN | KVH_PARAM_EXCLUSIVE_MIN | KVH_PARAM_HAS_MAX,
    .name = "decay",
    .doc = "A layer's share of the one before it",
    .def = {.type = KVH_PARAM_FLOAT, .present = 1, .v = {.d = 0.9}},
    .min = 0,
    .max = 1};
static const kvh_param* const params[] = {&decay};

/* What is left out has its default. Without when() nothing of the prompt but its length is needed,
 * so that every layer is cut as soon as it was read; allocators that look at layers first have
 * observe(), and a when() that says KVH_WHEN_MONOTONE or KVH_WHEN_AFTER_PREFILL. */
static const kvh_layer_allocator allocator = {.struct_size = sizeof(kvh_layer_allocator),
                                              .allocate = allocate};
static const kvh_method method = {.struct_size = sizeof(kvh_method),
                                  .kind = KVH_KIND_LAYER_ALLOCATOR,
                                  .flags = KVH_METHOD_DETERMINISTIC | KVH_METHOD_PREFILL,
                                  .name = "@name@",
                                  .summary = "Lower layers get more, by a constant factor",
                                  .default_inner = "snapkv",
                                  .n_params = 1,
                                  .params = params,
                                  .create = create,
                                  .destroy = destroy,
                                  .functions = &allocator};

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
