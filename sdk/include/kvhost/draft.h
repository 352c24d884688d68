/* SPDX-License-Identifier: Apache-2.0
 *
 * Optional part of a method: a draft of the answer. Behind the prompt's own pass the host cuts a copy of the cache as the method
 * says, lets the model go on greedily on it, and shows the method the queries of those tokens; then the copy is dropped. The
 * prompt's cache is whole meanwhile, and what the method learned it hands out in score().
 *
 * A method with this extension keeps a kvh_sequence and does not run while generating. */
#ifndef KVHOST_DRAFT_H_
#define KVHOST_DRAFT_H_

#include "method.h"

#define KVH_EXT_DRAFT "kvhost.draft/1" /* kvh_method.extension */

typedef struct kvh_draft {
  uint32_t struct_size;
  uint32_t reserved;
  /* [load, prefill] Tokens to go on with, 1 or more; also asked by a plan. A text that ends has fewer. */
  int64_t (*n_tokens)(const kvh_instance*) KVH_NOEXCEPT;
  /* [after prefill] What the copy keeps: once per layer, in order, with windows as in score(), and before that. Fill `out` as
   * there, and n_kept [n_kv_heads], how many of each head's best stay, 1 or more. A wrapper may ask its scorer here. */
  kvh_status (*cut)(kvh_instance*, kvh_sequence*, const kvh_layer*, kvh_scores* out, int64_t* n_kept, kvh_error*) KVH_NOEXCEPT;
  /* [pass] Once per layer, in order, when all is drafted; not at all when the text ended at once. kvh_layer shows the copy, the
   * draft's q_len entries behind what it kept. queries: [n_heads, q_len, d] RoPE applied, model dtype; tokens: [q_len]. */
  kvh_status (*observe)(kvh_instance*, kvh_sequence*, const kvh_layer*, const kvh_tensor* queries, const int32_t* tokens,
                        kvh_error*) KVH_NOEXCEPT;
} kvh_draft;

#endif /* KVHOST_DRAFT_H_ */
