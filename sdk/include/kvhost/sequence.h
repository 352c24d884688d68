/* SPDX-License-Identifier: Apache-2.0
 *
 * Optional part of a method that keeps a kvh_sequence: what can be done with such a state beside using it. A host refuses
 * to do with a sequence what one of its methods' states cannot follow, and names the method. */
#ifndef KVHOST_SEQUENCE_H_
#define KVHOST_SEQUENCE_H_

#include "method.h"

#define KVH_EXT_SEQUENCE "kvhost.sequence/1" /* kvh_method.extension */

/* States in saved caches, and states that go back a few tokens, are functions of a later minor. */
typedef struct kvh_sequence_functions {
  uint32_t struct_size;
  uint32_t reserved;
  /* [between calls] A second state that goes on from where `from` is, for a fork; both are ended by end(). NULL: it cannot
   * be copied. */
  kvh_status (*copy)(kvh_instance*, const kvh_sequence* from, kvh_sequence** out, kvh_error*) KVH_NOEXCEPT;
} kvh_sequence_functions;

#endif /* KVHOST_SEQUENCE_H_ */
