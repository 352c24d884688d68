/* SPDX-License-Identifier: @license@
 * @name@: says in a sentence what it makes of another scorer's numbers. Paper: -. Checked against: -. */
#include <kvhost/plugin.h>
#include <stdlib.h>
#include <string.h>

struct kvh_instance {
  const kvh_child* inner; /* stays as long as the instance */
  int64_t kernel_size;
};

/* The mean of kernel_size neighbours, with zeros beyond both ends. */
static void average(const float* in, int64_t n, int64_t kernel_size, float* out) {
  const int64_t half = kernel_size / 2;
  for (int64_t i = 0; i < n; i++) {
    float sum = 0;
    for (int64_t j = i - half; j <= i + half; j++)
      if (j >= 0 && j < n) sum += in[j];
    out[i] = sum / (float)kernel_size;
  }
}

static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  (void)state;
  const kvh_status status = self->inner->score(self->inner, layer, out, error); /* its pins stay */
  if (status) return status;
  float* given = malloc(sizeof(float) * (size_t)(layer->kv_len + 1));
  if (!given) return error->code = KVH_E_OOM;
  for (int32_t h = 0; h < layer->n_kv_heads; h++) {
    const int64_t n = out->n_entries[h];
    memcpy(given, out->scores[h], sizeof(float) * (size_t)n);
    average(given, n, self->kernel_size, out->scores[h]);
  }
  free(given);
  return KVH_OK;
}

/* args->values are in the order of `params`; defaults are filled in, ranges were checked. */
static kvh_status create(const kvh_method* method,
                         const kvh_create_args* args,
                         kvh_instance** out,
                         kvh_error* error) {
  (void)method;
  if (args->n_children != 1) {
    strcpy(error->path, "/inner");
    strcpy(error->message, "no scorer inside; expected one");
    return error->code = KVH_E_CONFIG;
  }
  *out = malloc(sizeof **out);
  if (!*out) return error->code = KVH_E_OOM;
  (*out)->inner = args->children[0];
  (*out)->kernel_size = args->values[0].v.i;
  return KVH_OK;
}
static void destroy(kvh_instance* self) { free(self); }

static const kvh_param kernel_size = {
    .struct_size = sizeof(kvh_param),
    .type = KVH_PARAM_INT,
    .flags = KVH_PARAM_HAS_MIN | KVH_PARAM_HAS_MAX | KVH_PARAM_ODD,
    .name = "kernel_size",
    .doc = "How many neighbours, itself included",
    .unit = "entries",
    .def = {.type = KVH_PARAM_INT, .present = 1, .v = {.i = 3}},
    .min = 1,
    .max = 1023};
static const kvh_param* const params[] = {&kernel_size};

/* What is left out has its default. */
static const kvh_scorer scorer = {.struct_size = sizeof(kvh_scorer), .score = score};
static const kvh_method method = {
    .struct_size = sizeof(kvh_method),
    .kind = KVH_KIND_WRAPPER,
    .flags = KVH_METHOD_DETERMINISTIC | KVH_METHOD_PREFILL | KVH_METHOD_DECODE,
    .name = "@name@",
    .summary = "Scores of the scorer inside, averaged over neighbours",
    .default_inner = "snapkv",
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
