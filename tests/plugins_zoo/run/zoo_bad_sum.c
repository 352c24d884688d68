/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

static kvh_status allocate(kvh_instance* self,
                           kvh_sequence* state,
                           const kvh_layer* layer,
                           const kvh_score_view* scores,
                           kvh_scores* rewrite,
                           int64_t* budgets,
                           kvh_error* error) {
  (void)self, (void)state, (void)scores, (void)rewrite, (void)error;
  const int64_t share = layer->layer_budget / layer->n_kv_heads;
  for (int32_t h = 0; h < layer->n_kv_heads; h++) budgets[h] = share;
  budgets[0] = layer->layer_budget - share * (layer->n_kv_heads - 1) - 1; /* one entry is lost */
  return KVH_OK;
}
static const kvh_head_allocator allocator = {.struct_size = sizeof(kvh_head_allocator),
                                             .allocate = allocate};

ZOO_METHOD("zoo_bad_sum",
           .kind = KVH_KIND_HEAD_ALLOCATOR,
           .functions = &allocator,
           .summary = "Head budgets whose sum is one short of the layer's budget")
ZOO_PLUGIN(.name = "org.example.zoo_bad_sum")
