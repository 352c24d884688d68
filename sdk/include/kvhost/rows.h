/* SPDX-License-Identifier: Apache-2.0
 *
 * For methods in C: a row of a tensor as floats, whatever the cache holds. */
#ifndef KVHOST_ROWS_H_
#define KVHOST_ROWS_H_

#include <string.h>

#include "tensor.h"

/* float16 and bfloat16 are halves of 16 bits; the one is rebuilt, the other is the upper half of a float. */
static inline float kvh_half_to_float(uint16_t bits, int is_bfloat) {
  uint32_t wide = (uint32_t)bits << 16;
  float value;
  if (!is_bfloat) {
    const uint32_t magnitude = (uint32_t)(bits & 0x7fffu) << 13;
    memcpy(&value, &magnitude, sizeof value);
    value *= 5192296858534827628530496329220096.0f; /* 2^112: from float16's exponents to float's */
    memcpy(&wide, &value, sizeof wide);
    if ((bits & 0x7c00u) == 0x7c00u) wide = 0x7f800000u | (magnitude & 0x007fffffu); /* infinity, NaN */
    wide |= (uint32_t)(bits & 0x8000u) << 16;
  }
  memcpy(&value, &wide, sizeof value);
  return value;
}

/* Row i of a [rows, cols] tensor on the CPU into to[cols]. 1: done; 0: a dtype that keys and values never have, nothing
 * written. */
static inline int kvh_load_row(const kvh_tensor* t, int64_t i, float* to) {
  const char* base = (const char*)t->data + t->byte_offset;
  const int64_t first = i * t->strides[0], step = t->strides[1], n = t->shape[1];
  if (t->dtype.code == KVH_DTYPE_FLOAT && t->dtype.bits == 32) {
    for (int64_t j = 0; j < n; j++) to[j] = ((const float*)(const void*)base)[first + j * step];
    return 1;
  }
  if (t->dtype.bits != 16 || (t->dtype.code != KVH_DTYPE_FLOAT && t->dtype.code != KVH_DTYPE_BFLOAT)) return 0;
  for (int64_t j = 0; j < n; j++)
    to[j] = kvh_half_to_float(((const uint16_t*)(const void*)base)[first + j * step], t->dtype.code == KVH_DTYPE_BFLOAT);
  return 1;
}

#endif /* KVHOST_ROWS_H_ */
