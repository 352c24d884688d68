/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters: a method states name, type, range and default; the host parses text or JSON, fills defaults, checks
 * ranges, refuses unknown names, and hands over one kvh_value per kvh_param in the same order. */
#ifndef KVHOST_PARAMS_H_
#define KVHOST_PARAMS_H_

#include "base.h"

enum {
  KVH_PARAM_BOOL = 0,   /* value.i is 0 or 1 */
  KVH_PARAM_INT = 1,    /* value.i */
  KVH_PARAM_FLOAT = 2,  /* value.d */
  KVH_PARAM_STRING = 3, /* value.s, never NULL */
  KVH_PARAM_CHOICE = 4, /* value.s, one of kvh_param.choices */
  KVH_PARAM_FILE = 5,   /* value.s, a path, "" when not given; the method opens it in create() */
  KVH_PARAM_INT_LIST = 6,  /* value.ints, value.count */
  KVH_PARAM_FLOAT_LIST = 7 /* value.doubles, value.count */
};

enum {
  KVH_PARAM_HAS_MIN = 1u << 0,      /* kvh_param.min counts; for lists it bounds every element */
  KVH_PARAM_HAS_MAX = 1u << 1,
  KVH_PARAM_EXCLUSIVE_MIN = 1u << 2, /* value > min rather than >= */
  KVH_PARAM_EXCLUSIVE_MAX = 1u << 3,
  KVH_PARAM_ODD = 1u << 4,          /* integers only: even values are refused (pooling kernels) */
  KVH_PARAM_OPTIONAL = 1u << 5      /* may be null in JSON, `none` in text; then kvh_value.present is 0 */
};

typedef struct kvh_value { /* frozen */
  uint32_t type;    /* KVH_PARAM_* */
  uint32_t present; /* 0: not given and without default */
  int64_t count;    /* of lists, else 0 */
  union {
    int64_t i;
    double d;
    const char* s;
    const int64_t* ints;
    const double* doubles;
  } v; /* borrowed for the duration of create() */
} kvh_value;

typedef struct kvh_param {
  uint32_t struct_size;
  uint32_t type;
  uint32_t flags; /* KVH_PARAM_* */
  uint32_t reserved;
  const char* name; /* spelled as the paper and kvpress do: window_size, kernel_size, n_sink, alpha_safeguard */
  const char* doc;  /* one sentence: meaning, and what larger values do */
  const char* unit; /* "tokens", "entries", "" or NULL */
  kvh_value def;    /* the default */
  double min, max;
  const char* const* choices; /* NULL-terminated; KVH_PARAM_CHOICE only */
} kvh_param;

#endif /* KVHOST_PARAMS_H_ */
