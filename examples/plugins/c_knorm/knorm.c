/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest useful plugin: a scorer in plain C, nothing but the SDK's headers and libm.
 * An entry whose key has a small L2 norm tends to receive attention, so it is kept
 * (arXiv:2406.11430). */
#include <kvhost/plugin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* One element of a view as float; the cache holds float32, or bfloat16 whose bits are the upper
 * half of a float32. */
static float element(const kvh_tensor* t, int64_t index) {
  const char* base = (const char*)t->data + t->byte_offset;
  if (t->dtype.bits == 32) return ((const float*)base)[index];
  const uint32_t bits = (uint32_t)((const uint16_t*)base)[index] << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  (void)self, (void)state;
  for (int32_t h = 0; h < layer->n_kv_heads; h++) {
    const kvh_tensor* keys = &layer->heads[h]->keys; /* [n, d] */
    const int known = keys->dtype.code == KVH_DTYPE_FLOAT ? keys->dtype.bits == 32
                                                          : keys->dtype.code == KVH_DTYPE_BFLOAT;
    if (!known) {
      error->code = KVH_E_UNSUPPORTED;
      strcpy(error->message, "the cache is neither float32 nor bfloat16");
      return KVH_E_UNSUPPORTED;
    }
    for (int64_t i = 0; i < keys->shape[0]; i++) {
      double sum = 0;
      for (int64_t d = 0; d < keys->shape[1]; d++) {
        const float x = element(keys, i * keys->strides[0] + d * keys->strides[1]);
        sum += (double)x * x;
      }
      out->scores[h][i] = (float)-sqrt(sum); /* larger = keep */
    }
  }
  return KVH_OK;
}

/* Nothing to configure: the instance is the address of a static. */
static kvh_status create(const kvh_method* method,
                         const kvh_create_args* args,
                         kvh_instance** out,
                         kvh_error* error) {
  (void)method, (void)args, (void)error;
  static char instance;
  *out = (kvh_instance*)&instance;
  return KVH_OK;
}
static void destroy(kvh_instance* self) { (void)self; }
static kvh_status needs(const kvh_instance* self, kvh_needs* out, kvh_error* error) {
  (void)self, (void)error;
  out->count = 0; /* keys, values and positions are always there */
  return KVH_OK;
}

static const kvh_scorer scorer = {.struct_size = sizeof(kvh_scorer), .score = score};
static const kvh_method method = {
    .struct_size = sizeof(kvh_method),
    .kind = KVH_KIND_SCORER,
    .flags = KVH_METHOD_DETERMINISTIC | KVH_METHOD_PREFILL | KVH_METHOD_DECODE,
    .name = "c_knorm",
    .version = "1.0.0",
    .summary = "Keeps the entries whose keys have the smallest norm",
    .paper = "arXiv:2406.11430",
    .reference = "",
    .notes = "",
    .create = create,
    .destroy = destroy,
    .needs = needs,
    .interface = &scorer};

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
