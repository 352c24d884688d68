/* SPDX-License-Identifier: Apache-2.0
 *
 * Optional part of a method: entries that stand behind the prompt for good. Learned rows are read behind the whole prompt, with
 * low-rank changes of the model's weights where the method has them; their keys and values stay, whatever the selection drops,
 * and the answer begins behind them. They count as part of the budget.
 *
 * For a scorer or wrapper in the first part of a composition, in prefill. */
#ifndef KVHOST_APPENDIX_H_
#define KVHOST_APPENDIX_H_

#include "method.h"

#define KVH_EXT_APPENDIX "kvhost.appendix/1" /* kvh_method.extension */

/* Which matrix of a layer. */
enum {
  KVH_WEIGHT_QUERY = 0,
  KVH_WEIGHT_KEY = 1,
  KVH_WEIGHT_VALUE = 2,
  KVH_WEIGHT_OUTPUT = 3,
  KVH_WEIGHT_GATE = 4,
  KVH_WEIGHT_UP = 5,
  KVH_WEIGHT_DOWN = 6
};

/* Adds (x down^T) up^T to what the matrix makes of x, in that pass only. */
typedef struct kvh_low_rank { /* frozen */
  uint32_t weight;   /* KVH_WEIGHT_* */
  int32_t layer;     /* as kvh_layer.layer */
  int64_t rank, n_in, n_out;
  const float* down; /* [rank, n_in] */
  const float* up;   /* [n_out, rank], any scale in it */
} kvh_low_rank;

typedef struct kvh_appended {
  uint32_t struct_size;
  uint32_t n_changes;
  int64_t n_rows;
  const float* rows; /* [n_rows, hidden_size] as they enter the first layer */
  const kvh_low_rank* changes; /* [n_changes] */
} kvh_appended;

typedef struct kvh_appendix {
  uint32_t struct_size;
  uint32_t reserved;
  /* [load] What is read behind every prompt; arrays stay as long as the instance. n_rows 0: nothing. */
  kvh_status (*get)(kvh_instance*, kvh_appended* out, kvh_error*) KVH_NOEXCEPT;
} kvh_appendix;

#endif /* KVHOST_APPENDIX_H_ */
