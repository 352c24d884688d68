/* SPDX-License-Identifier: Apache-2.0
 *
 * A borrowed view of memory. The layout equals DLPack's DLTensor (1.0), so a pointer to one may be cast to the
 * other; it is restated here so that a plugin needs no further header. Frozen. Keys and values reach a method as float32,
 * float16 or bfloat16, whatever the cache holds; what a host computes for methods is float32. */
#ifndef KVHOST_TENSOR_H_
#define KVHOST_TENSOR_H_

#include "base.h"

enum { KVH_DEVICE_CPU = 1, KVH_DEVICE_CUDA = 2 };               /* as DLDeviceType */
enum { KVH_DTYPE_INT = 0, KVH_DTYPE_FLOAT = 2, KVH_DTYPE_BFLOAT = 4 }; /* as DLDataTypeCode */

typedef struct kvh_device {
  int32_t type; /* KVH_DEVICE_* */
  int32_t id;
} kvh_device;

typedef struct kvh_dtype {
  uint8_t code;   /* KVH_DTYPE_* */
  uint8_t bits;   /* 8, 16, 32 or 64 */
  uint16_t lanes; /* 1 */
} kvh_dtype;

/* Element (i, j, ...) lies at (char*)data + byte_offset + sizeof(element) * (i * strides[0] + j * strides[1] + ...).
 * `strides` is always present and counts elements. No alignment beyond the element's is promised. */
typedef struct kvh_tensor {
  void* data;
  kvh_device device;
  int32_t ndim;
  kvh_dtype dtype;
  const int64_t* shape;
  const int64_t* strides;
  uint64_t byte_offset;
} kvh_tensor;

#endif /* KVHOST_TENSOR_H_ */
