/* SPDX-License-Identifier: Apache-2.0
 *
 * A complete, harmless scorer of which each member of the zoo breaks one thing. Later initialisers
 * override the defaults: ZOO_METHOD(.kind = 9) is right in all but its kind. */
#ifndef KVHOST_TESTS_ZOO_H_
#define KVHOST_TESTS_ZOO_H_

#include <kvhost/plugin.h>

static inline kvh_status zoo_score(kvh_instance* self,
                                   kvh_sequence* state,
                                   const kvh_layer* layer,
                                   kvh_scores* out,
                                   kvh_error* error) {
  (void)self, (void)state, (void)layer, (void)error;
  for (int32_t h = 0; h < out->n_kv_heads; h++)
    for (int64_t i = 0; i < out->n_entries[h]; i++) out->scores[h][i] = (float)i;
  return KVH_OK;
}
static inline kvh_status zoo_create(const kvh_method* method,
                                    const kvh_create_args* args,
                                    kvh_instance** out,
                                    kvh_error* error) {
  (void)method, (void)args, (void)error;
  static char instance;
  *out = (kvh_instance*)&instance;
  return KVH_OK;
}
static inline void zoo_destroy(kvh_instance* self) { (void)self; }
static inline kvh_status zoo_needs(const kvh_instance* self, kvh_needs* out, kvh_error* error) {
  (void)self, (void)error;
  out->count = 0;
  return KVH_OK;
}

static const kvh_scorer zoo_scorer = {.struct_size = sizeof(kvh_scorer), .score = zoo_score};

#define ZOO_METHOD(method_name, ...)                                                     \
  static const kvh_method zoo_method = {.struct_size = sizeof(kvh_method),               \
                                        .kind = KVH_KIND_SCORER,                         \
                                        .flags = KVH_METHOD_PREFILL | KVH_METHOD_DECODE, \
                                        .name = method_name,                             \
                                        .version = "1.0.0",                              \
                                        .summary = "A member of the plugin zoo",         \
                                        .paper = "",                                     \
                                        .reference = "",                                 \
                                        .notes = "",                                     \
                                        .create = zoo_create,                            \
                                        .destroy = zoo_destroy,                          \
                                        .needs = zoo_needs,                              \
                                        .functions = &zoo_scorer,                        \
                                        __VA_ARGS__};                                    \
  static const kvh_method* zoo_method_at(uint32_t index) { return index ? 0 : &zoo_method; }

#define ZOO_PLUGIN(...)                                                   \
  const kvh_plugin kvhost_plugin_v1 = {.magic = KVH_MAGIC,                \
                                       .struct_size = sizeof(kvh_plugin), \
                                       .abi_major = KVH_ABI_MAJOR,        \
                                       .abi_minor = KVH_ABI_MINOR,        \
                                       .n_methods = 1,                    \
                                       .name = "org.example.zoo",         \
                                       .version = "1.0.0",                \
                                       .vendor = "Zoo",                   \
                                       .license = "Apache-2.0",           \
                                       .method = zoo_method_at,           \
                                       __VA_ARGS__};

#endif /* KVHOST_TESTS_ZOO_H_ */
