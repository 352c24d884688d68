/* SPDX-License-Identifier: Apache-2.0
 *
 * Optional part of a scorer that predicts another's scores from hidden states: what `kvhost train` must know to make
 * the file it reads. The file is safetensors. For every layer i, linear: layers.i.weight [n_kv_heads, hidden_size] and
 * layers.i.bias; mlp: layers.i.0.weight [m, hidden_size], layers.i.0.bias, GELU, layers.i.2.weight [n_kv_heads, m] and
 * layers.i.2.bias. The targets are the logarithms of the teacher's scores. */
#ifndef KVHOST_SURROGATE_H_
#define KVHOST_SURROGATE_H_

#include "method.h"

#define KVH_EXT_SURROGATE "kvhost.surrogate/1" /* kvh_method.extension */

typedef struct kvh_surrogate {
  uint32_t struct_size;
  uint32_t reserved;
  const char* teacher;     /* the composition whose scores it predicts unless told otherwise */
  const char* file_linear; /* what a file of each type is called in a model's folder */
  const char* file_mlp;
} kvh_surrogate;

#endif /* KVHOST_SURROGATE_H_ */
