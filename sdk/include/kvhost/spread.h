/* SPDX-License-Identifier: Apache-2.0
 *
 * A flag of a need: queries from all over the prompt rather than its last ones, and only as many. A method that fits something
 * to the attention of n tokens needs no more of them kept than that. */
#ifndef KVHOST_SPREAD_H_
#define KVHOST_SPREAD_H_

#include "layer.h"

/* Of KVH_T_QUERY_WINDOW, prefill only. `window` = n > 0: one row from the middle of each of n equal stretches of the T tokens of
 * this forward, all T where n is no less; [n_heads, min(n, T), d]. A host that does not know the flag refuses the method. */
enum { KVH_NEED_SPREAD = 1u << 1 };

static inline int64_t kvh_spread_rows(int64_t n, int64_t n_tokens) { return n < n_tokens ? n : n_tokens; }

/* Which of the T tokens row i is; its position is kvh_layer.n_seen - q_len + that. */
static inline int64_t kvh_spread_token(int64_t i, int64_t n, int64_t n_tokens) {
  const int64_t rows = kvh_spread_rows(n, n_tokens);
  return (i * n_tokens / rows + (i + 1) * n_tokens / rows - 1) / 2;
}

#endif /* KVHOST_SPREAD_H_ */
