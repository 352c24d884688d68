/* SPDX-License-Identifier: Apache-2.0
 *
 * Optional part of a method: further passes of the model over tokens of the method's own, behind the prompt. The host
 * drives, so that a run can be planned, timed and stopped: it asks what the passes cost, then for one pass after the
 * other, runs each over the whole cache and shows the method every layer of it. The entries of a pass are dropped after
 * it. All passes lie between the prompt's own pass and the first cut; what the method learned it hands out in score().
 *
 * A method with this extension keeps a kvh_sequence and does not run while generating. */
#ifndef KVHOST_PASSES_H_
#define KVHOST_PASSES_H_

#include "method.h"

#define KVH_EXT_PASSES "kvhost.passes/1" /* kvh_method.extension */

enum { KVH_REDUCE_MAX = 0, KVH_REDUCE_SUM = 1 };

/* What a row of attention counts for. */
enum {
  KVH_ROWS_PLAIN = 0,
  KVH_ROWS_BY_HIDDEN = 1,  /* divided by the L2 norm of its token's hidden state, the input of the attention block */
  KVH_ROWS_BY_GRADIENT = 2 /* times the L2 norm of the gradient of sum ||h||^2, over the pass's tokens and h the last layer's
                              output, by the attention block's output at its token; float32 models only */
};

typedef struct kvh_range { /* frozen */
  int64_t begin, end; /* positions */
} kvh_range;

/* Tokens to read behind the prompt, and what to make of every layer's attention to it. Arrays are the method's and stay
 * until the next call of next() or the end of the sequence. */
typedef struct kvh_pass {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t n_tokens;
  const int32_t* tokens; /* [n_tokens] at positions n_prompt.. */
  uint32_t reduce;       /* KVH_REDUCE_*: over the rows, the queries of the pass's tokens */
  uint32_t rows;         /* KVH_ROWS_* */
  uint32_t per_head;     /* 1: columns of every query head; 0: of every KV head, reduced over its group as well */
  uint32_t n_seen;
  const kvh_range* seen; /* [n_seen] ascending: what of the prompt stands in the softmax beside the pass's own tokens, which
                            are always there, causally; none: all of it */
  kvh_range columns;     /* what of the prompt is handed to observe(); must lie inside `seen` */
} kvh_pass;

/* The reduced columns of one layer, float32. A sliding-window layer may hold less of the range. */
typedef struct kvh_columns {
  uint32_t struct_size;
  int32_t n_rows;       /* n_heads or n_kv_heads */
  int64_t n;            /* entries in the range, as many in every head */
  int64_t first_entry;  /* of the range, an index into each head's entries */
  const float* values;  /* [n_rows, n] */
} kvh_columns;

typedef struct kvh_pass_cost {
  uint32_t struct_size;
  uint32_t gradients;    /* 1: every pass runs backwards too */
  int64_t n_passes;
  int64_t n_tokens;      /* of all passes together */
  int64_t longest;       /* tokens of the longest */
  int64_t n_columns;     /* tokens x (prompt entries in the softmax), summed over passes: the reduction's size */
} kvh_pass_cost;

typedef struct kvh_passes {
  uint32_t struct_size;
  uint32_t reserved;
  /* [load, prefill] What the passes over this prompt will be; also asked by a plan, before any weights are read. */
  kvh_status (*cost)(kvh_instance*, const kvh_prompt*, kvh_pass_cost* out, kvh_error*) KVH_NOEXCEPT;
  /* [after prefill] Pass `index`, 0 .. n_passes - 1 in order. */
  kvh_status (*next)(kvh_instance*, kvh_sequence*, const kvh_prompt*, int64_t index, kvh_pass* out, kvh_error*) KVH_NOEXCEPT;
  /* [pass] Once per layer of each pass, in order; kvh_layer.phase is KVH_PHASE_PASS, and the entries of the pass stand
   * behind the prompt's. Queries and hidden states are those of the pass; rows of attention are not shown. */
  kvh_status (*observe)(kvh_instance*, kvh_sequence*, const kvh_layer*, const kvh_columns*, kvh_error*) KVH_NOEXCEPT;
} kvh_passes;

#endif /* KVHOST_PASSES_H_ */
