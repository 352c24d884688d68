/* SPDX-License-Identifier: @license@
 * @name@: says in a sentence how it divides a layer's budget over its KV heads. Paper: -. Checked against: -. */
#include <kvhost/plugin.h>
#include <math.h>
#include <stdlib.h>

struct kvh_instance {
  double floor;
};

static double spread(const float* scores, int64_t n) {
  double mean = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) mean += scores[i] / (double)n;
  for (int64_t i = 0; i < n; i++) squares += (scores[i] - mean) * (scores[i] - mean);
  return n > 0 ? sqrt(squares / (double)n) : 0;
}

/* Entries of every head, between 0 and what it has; their sum is layer->layer_budget exactly. After
 * the floors each entry goes to the head with the largest spread for each that it would have. */
static kvh_status allocate(kvh_instance* self,
                           kvh_sequence* state,
                           const kvh_layer* layer,
                           const kvh_score_view* scores,
                           kvh_scores* rewrite, /* NULL without KVH_METHOD_EDITS_SCORES */
                           int64_t* budgets,
                           kvh_error* error) {
  (void)state, (void)rewrite;
  const int32_t n_heads = layer->n_kv_heads;
  double* spreads = malloc(sizeof(double) * (size_t)n_heads);
  if (!spreads) return error->code = KVH_E_OOM;
  int64_t left = layer->layer_budget;
  const int64_t floor = (int64_t)(self->floor * (double)(left / n_heads));
  for (int32_t h = 0; h < n_heads; h++) {
    const int64_t n = scores->n_entries[h];
    spreads[h] = 1e-9 + spread(scores->scores[h], n);
    budgets[h] = floor < n ? floor : n;
    left -= budgets[h];
  }
  for (; left > 0; left--) {
    int32_t best = -1;
    for (int32_t h = 0; h < n_heads; h++) {
      if (budgets[h] == scores->n_entries[h]) continue;
      if (best < 0 || spreads[h] / (double)(budgets[h] + 1) > spreads[best] / (double)(budgets[best] + 1))
        best = h;
    }
    if (best < 0) break; /* a budget beyond what there is */
    budgets[best]++;
  }
  free(spreads);
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
  (*out)->floor = args->values[0].v.d;
  return KVH_OK;
}
static void destroy(kvh_instance* self) { free(self); }

static const kvh_param floor_share = {
    .struct_size = sizeof(kvh_param),
    .type = KVH_PARAM_FLOAT,
    .flags = KVH_PARAM_HAS_MIN | KVH_PARAM_HAS_MAX,
    .name = "floor",
    .doc = "Share of an equal split that every head gets",
    .def = {.type = KVH_PARAM_FLOAT, .present = 1, .v = {.d = 0.2}},
    .min = 0,
    .max = 1};
static const kvh_param* const params[] = {&floor_share};

/* What is left out has its default. */
static const kvh_head_allocator allocator = {.struct_size = sizeof(kvh_head_allocator),
                                             .allocate = allocate};
static const kvh_method method = {
    .struct_size = sizeof(kvh_method),
    .kind = KVH_KIND_HEAD_ALLOCATOR,
    .flags = KVH_METHOD_DETERMINISTIC | KVH_METHOD_PREFILL | KVH_METHOD_DECODE,
    .name = "@name@",
    .summary = "Heads by the spread of their scores",
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
