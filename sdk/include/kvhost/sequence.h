/* SPDX-License-Identifier: Apache-2.0
 *
 * Optional part of a method that keeps a kvh_sequence: what can be done with such a state beside using it. A host refuses
 * to do with a sequence what one of its methods' states cannot follow, and names the method. */
#ifndef KVHOST_SEQUENCE_H_
#define KVHOST_SEQUENCE_H_

#include "method.h"

#define KVH_EXT_SEQUENCE "kvhost.sequence/1" /* kvh_method.extension */

/* It began as `copy` alone and grows at its end: a host asks KVH_HAS before it reads what is behind. A function that is not
 * there, or NULL, cannot be had. */
typedef struct kvh_sequence_functions {
  uint32_t struct_size;
  uint32_t reserved;
  /* [between calls] A second state that goes on from where `from` is, for a fork; both are ended by end(). NULL: it cannot
   * be copied. */
  kvh_status (*copy)(kvh_instance*, const kvh_sequence* from, kvh_sequence** out, kvh_error*) KVH_NOEXCEPT;
  /* [between calls] The sequence forgets the tokens from n_seen on, as if it had never read them; the state becomes what it
   * would be then. n_seen is never before the last cut of the cache, so that no entry which was dropped is wanted back. */
  kvh_status (*truncate)(kvh_instance*, kvh_sequence*, int64_t n_seen, kvh_error*) KVH_NOEXCEPT;
  /* [between calls] The state as bytes of the method's own form, for a saved cache. `n` is set to their number; when it
   * exceeds capacity nothing is written: the host asks again with more. */
  kvh_status (*save)(kvh_instance*, const kvh_sequence*, uint8_t* bytes, int64_t capacity, int64_t* n, kvh_error*) KVH_NOEXCEPT;
  /* [between calls] In place of begin(): a state that goes on from where the saved one was. The host hands back the bytes
   * that a method of this name and version saved, with these parameters; they were in a file since, and may be anything:
   * KVH_E_RESOURCE where they are no state. Comes with `save`. */
  kvh_status (*load)(kvh_instance*,
                     const kvh_sequence_info*,
                     const uint8_t* bytes,
                     int64_t n,
                     kvh_sequence** out,
                     kvh_error*) KVH_NOEXCEPT;
} kvh_sequence_functions;

#endif /* KVHOST_SEQUENCE_H_ */
