/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest useful plugin: a scorer in plain C, nothing but the SDK's headers and libm.
 * An entry whose key has a small L2 norm tends to receive attention, so it is kept
 * (arXiv:2406.11430). */
#include <kvhost/plugin.h>
#include <kvhost/rows.h>
#include <math.h>
#include <stdlib.h>

static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  (void)self, (void)state;
  const int32_t d = layer->shape->key_dim;
  float* key = malloc(sizeof(float) * (size_t)d);
  kvh_status status = key ? KVH_OK : KVH_E_OOM;
  for (int32_t h = 0; !status && h < layer->n_kv_heads; h++) {
    const kvh_tensor* keys = &layer->heads[h]->keys; /* [n, d] */
    for (int64_t i = 0; !status && i < layer->heads[h]->n_entries; i++) {
      double sum = 0;
      if (!kvh_load_row(keys, i, key)) status = KVH_E_UNSUPPORTED;
      for (int32_t j = 0; !status && j < d; j++) sum += (double)key[j] * key[j];
      out->scores[h][i] = (float)-sqrt(sum); /* larger = keep */
    }
  }
  if (status == KVH_E_UNSUPPORTED) strcpy(error->message, "keys of an unknown dtype");
  free(key);
  return error->code = status;
}

/* What is left out has its default: nothing to configure, nothing needed beyond keys and values. */
static const kvh_scorer scorer = {.struct_size = sizeof(kvh_scorer), .score = score};
static const kvh_method method = {
    .struct_size = sizeof(kvh_method),
    .kind = KVH_KIND_SCORER,
    .flags = KVH_METHOD_DETERMINISTIC | KVH_METHOD_PREFILL | KVH_METHOD_DECODE,
    .name = "c_knorm",
    .summary = "Keeps the entries whose keys have the smallest norm",
    .paper = "arXiv:2406.11430",
    .functions = &scorer};

static const kvh_method* method_at(uint32_t index) { return index == 0 ? &method : 0; }

const kvh_plugin kvhost_plugin_v1 = {.magic = KVH_MAGIC,
                                     .struct_size = sizeof(kvh_plugin),
                                     .abi_major = KVH_ABI_MAJOR,
                                     .abi_minor = KVH_ABI_MINOR,
                                     .n_methods = 1,
                                     .name = "org.example.c_knorm",
                                     .version = "1.0.0",
                                     .vendor = "Example",
                                     .license = "Apache-2.0",
                                     .method = method_at};
