/* SPDX-License-Identifier: Apache-2.0
 *
 * Optional part of a method that reads a learned file: how that file is made from texts. `kvhost calibrate METHOD --data
 * TEXT` reads pieces of the texts with the full cache, shows an observer every layer of each, and writes what it learned
 * as safetensors, with the model's hash and how it was made beside it. Nothing is cut meanwhile. */
#ifndef KVHOST_CALIBRATE_H_
#define KVHOST_CALIBRATE_H_

#include "method.h"

#define KVH_EXT_CALIBRATE "kvhost.calibrate/1" /* kvh_method.extension */

/* Where an observer hands over what it learned. The host's; during finish() only. */
typedef struct kvh_learned {
  uint32_t struct_size;
  uint32_t reserved;
  void* impl;
  /* A tensor of the file, float32, row-major; copied. Names are unique, of 1 to 255 printable characters; n_dims is 1 to
   * 4, sizes are 1 or more. */
  kvh_status (*tensor)(const struct kvh_learned*, const char* name, const int64_t* shape, uint32_t n_dims,
                       const float* values, kvh_error*) KVH_NOEXCEPT;
} kvh_learned;

/* kvh_method.functions of an observer. */
typedef struct kvh_observer {
  uint32_t struct_size;
  uint32_t reserved;
  /* [calling thread, prefill] Once per layer of each text, in order. */
  kvh_status (*observe)(kvh_instance*, const kvh_layer*, kvh_error*) KVH_NOEXCEPT;
  /* [after all texts] */
  kvh_status (*finish)(kvh_instance*, const kvh_learned*, kvh_error*) KVH_NOEXCEPT;
} kvh_observer;

typedef struct kvh_calibrate {
  uint32_t struct_size;
  uint32_t reserved;
  const char* file; /* what the method looks for in the model's folder, "q_filters.safetensors" */
  /* Who looks: a method of this library that is in no list. create, destroy, needs and parameters are as with any method; a
   * parameter that the calibrated method has too gets its value. One instance looks at all texts, one after the other, and
   * may keep what it likes; no kvh_sequence is made. kind is KVH_KIND_SCORER; functions a kvh_observer. */
  const kvh_method* observer;
} kvh_calibrate;

#endif /* KVHOST_CALIBRATE_H_ */
