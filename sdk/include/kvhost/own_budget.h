/* SPDX-License-Identifier: Apache-2.0
 *
 * Optional part of a method: the cache size its own parameters spell out, for when the user gives no budget. Methods
 * from systems that state sizes rather than ratios have one; a budget given by the user always wins. */
#ifndef KVHOST_OWN_BUDGET_H_
#define KVHOST_OWN_BUDGET_H_

#include "method.h"

#define KVH_EXT_OWN_BUDGET "kvhost.own_budget/1" /* kvh_method.extension */

typedef struct kvh_own_budget {
  uint32_t struct_size;
  uint32_t reserved;
  /* [prefill, decode] Entries per layer and KV head on average that are kept of n_tokens, > 0; or 0: this instance has
   * none, at any length. */
  int64_t (*entries_per_head)(const kvh_instance*, int64_t n_tokens) KVH_NOEXCEPT;
} kvh_own_budget;

#endif /* KVHOST_OWN_BUDGET_H_ */
