/* SPDX-License-Identifier: Apache-2.0
 *
 * Optional part of a press: a bias for every entry it keeps, float32, which lies in the cache beside the entry, is saved and
 * goes with it. In every attention over that entry from then on, also in what later methods are shown of it, the bias is added
 * to the scaled score: logit = scale * q.k, capped where the model caps, + bias. Entries that come later have none, which is a
 * bias of 0. It counts as 4 bytes of the cache. */
#ifndef KVHOST_BIAS_H_
#define KVHOST_BIAS_H_

#include "method.h"

#define KVH_EXT_BIAS "kvhost.bias/1" /* kvh_method.extension */

typedef struct kvh_biases {
  uint32_t struct_size;
  int32_t n_kv_heads;
  const float* const* held; /* [n_kv_heads][n_entries] what all entries of the layer add now; NULL: nothing */
  float* const* kept;       /* [n_kv_heads][n_kept] the same of the kept ones, to be overwritten with finite numbers */
} kvh_biases;

typedef struct kvh_bias_press {
  uint32_t struct_size;
  uint32_t reserved;
  /* [prefill, decode] In place of kvh_press.edit, which a host calls that knows of no biases: there it must refuse, unless the
   * press is worth having without. */
  kvh_status (*edit)(kvh_instance*, kvh_sequence*, const kvh_layer*, kvh_edit*, kvh_biases*, kvh_error*) KVH_NOEXCEPT;
} kvh_bias_press;

#endif /* KVHOST_BIAS_H_ */
