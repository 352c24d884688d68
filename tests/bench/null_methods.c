/* SPDX-License-Identifier: Apache-2.0
 * A method of every kind that does nothing: what a call of it takes is what the boundary takes. Scores are as they were. */
#include <kvhost/plugin.h>

static const kvh_child* inner;

static kvh_status create(const kvh_method* m, const kvh_create_args* args, kvh_instance** out, kvh_error* e) {
  (void)m, (void)e;
  if (args->n_children > 0) inner = args->children[0];
  *out = (kvh_instance*)&inner;
  return KVH_OK;
}
static kvh_status score(kvh_instance* i, kvh_sequence* s, const kvh_layer* l, kvh_scores* o, kvh_error* e) {
  (void)i, (void)s, (void)l, (void)o, (void)e;
  return KVH_OK;
}
static kvh_status wrap(kvh_instance* i, kvh_sequence* s, const kvh_layer* l, kvh_scores* o, kvh_error* e) {
  (void)i, (void)s;
  return inner->score(inner, l, o, e);
}
static kvh_status heads(kvh_instance* i, kvh_sequence* s, const kvh_layer* l, const kvh_score_view* v, kvh_scores* r,
                        int64_t* budgets, kvh_error* e) {
  (void)i, (void)s, (void)v, (void)r, (void)e;
  for (int32_t h = 0; h < l->n_kv_heads; h++) budgets[h] = 0;
  return KVH_OK;
}
static uint32_t when(const kvh_instance* i) {
  (void)i;
  return KVH_WHEN_BEFORE_PREFILL;
}
static kvh_status observe(kvh_instance* i, kvh_sequence* s, const kvh_layer* l, kvh_error* e) {
  (void)i, (void)s, (void)l, (void)e;
  return KVH_OK;
}
static kvh_status layers(kvh_instance* i, kvh_sequence* s, const kvh_layer_request* q, kvh_layer_answer* a, kvh_error* e) {
  (void)i, (void)s, (void)e;
  for (int32_t l = 0; l < q->n_layers; l++) a->shares[l] = 1;
  return KVH_OK;
}
static kvh_status edit(kvh_instance* i, kvh_sequence* s, const kvh_layer* l, kvh_edit* d, kvh_error* e) {
  (void)i, (void)s, (void)l, (void)d, (void)e;
  return KVH_OK;
}

static const kvh_scorer scorer_functions = {.struct_size = sizeof(kvh_scorer), .score = score};
static const kvh_scorer wrapper_functions = {.struct_size = sizeof(kvh_scorer), .score = wrap};
static const kvh_head_allocator head_functions = {
    .struct_size = sizeof(kvh_head_allocator), .allocate = heads, .when = when, .observe = observe};
static const kvh_layer_allocator layer_functions = {
    .struct_size = sizeof(kvh_layer_allocator), .when = when, .observe = observe, .allocate = layers};
static const kvh_press press_functions = {.struct_size = sizeof(kvh_press), .edit = edit};

#define METHOD(of_kind, its_name, its_functions)                                                               \
  {.struct_size = sizeof(kvh_method), .kind = of_kind, .flags = KVH_METHOD_PREFILL | KVH_METHOD_DECODE,        \
   .name = its_name, .summary = "Does nothing", .create = create, .functions = its_functions}
static const kvh_method all[] = {METHOD(KVH_KIND_SCORER, "null_scorer", &scorer_functions),
                                 METHOD(KVH_KIND_WRAPPER, "null_wrapper", &wrapper_functions),
                                 METHOD(KVH_KIND_HEAD_ALLOCATOR, "null_heads", &head_functions),
                                 METHOD(KVH_KIND_LAYER_ALLOCATOR, "null_layers", &layer_functions),
                                 METHOD(KVH_KIND_PRESS, "null_press", &press_functions)};
static const kvh_method* method_at(uint32_t index) { return index < 5 ? &all[index] : 0; }

const kvh_plugin kvhost_plugin_v1 = {.magic = KVH_MAGIC, .struct_size = sizeof(kvh_plugin), .abi_major = KVH_ABI_MAJOR,
                                     .abi_minor = KVH_ABI_MINOR, .n_methods = 5, .name = "org.example.null",
                                     .version = "1.0.0", .method = method_at};
