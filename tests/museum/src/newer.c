/* SPDX-License-Identifier: Apache-2.0
 * A scorer as a kit of ABI 1.3 would make it: structs have grown, ignorable flags and optional needs are unknown. With
 * REQUIRED it cannot do without one of them; with SMALLER its structs lack what 1.0 has. */
#include <kvhost/plugin.h>

static kvh_status score(kvh_instance* self,
                        kvh_sequence* state,
                        const kvh_layer* layer,
                        kvh_scores* out,
                        kvh_error* error) {
  (void)self, (void)state, (void)layer, (void)error;
  for (int32_t h = 0; h < out->n_kv_heads; h++)
    for (int64_t i = 0; i < out->n_entries[h]; i++) out->scores[h][i] = (float)i;
  return KVH_OK;
}

typedef struct grown_scorer {
  kvh_scorer scorer;
  kvh_status (*score_batch)(kvh_instance*, void*);
} grown_scorer;
typedef struct grown_method {
  kvh_method method;
  const char* homepage;
  uint64_t more[4];
} grown_method;
typedef struct grown_plugin {
  kvh_plugin plugin;
  uint64_t more[2];
} grown_plugin;

#ifdef REQUIRED
#define NAME "museum_required"
#define NEED_FLAGS 0
#else
#define NEED_FLAGS KVH_NEED_OPTIONAL | 1u << 9 | 1u << 20
#endif
#ifdef SMALLER
#define NAME "museum_smaller"
#define METHOD_SIZE (sizeof(kvh_method) - sizeof(void*))
#else
#define METHOD_SIZE sizeof(grown_method)
#endif
#ifndef NAME
#define NAME "museum_newer"
#endif

static const kvh_need static_needs[] = {{.tensor = 77, .flags = NEED_FLAGS, .window = -5, .phases = 1u << 12, .reserved = 3}};
static const grown_scorer scorer = {{.struct_size = sizeof(grown_scorer), .score = score}, 0};
static const grown_method method = {
    {.struct_size = METHOD_SIZE,
     .kind = KVH_KIND_SCORER,
     .flags = KVH_METHOD_PREFILL | 1u << 27 | 1u << 31,
     .name = NAME,
     .static_needs = static_needs,
     .n_static_needs = 1,
     .functions = &scorer},
    "https://example.org",
    {1, 2, 3, 4}};

static const kvh_method* method_at(uint32_t index) { return index == 0 ? &method.method : 0; }

/* What has grown begins with what it was: the symbol is of the larger struct. */
extern KVH_EXPORT const grown_plugin museum_plugin __asm__("kvhost_plugin_v1");
const grown_plugin museum_plugin = {{.magic = KVH_MAGIC,
                                     .struct_size = sizeof(grown_plugin),
                                     .abi_major = KVH_ABI_MAJOR,
                                     .abi_minor = 3,
                                     .abi_minor_required = 0,
                                     .n_methods = 1,
                                     .name = "org.example." NAME,
                                     .version = "1.3.0",
                                     .method = method_at},
                                    {5, 6}};
