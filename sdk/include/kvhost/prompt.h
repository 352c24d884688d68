/* SPDX-License-Identifier: Apache-2.0
 *
 * The prompt of a sequence, for methods that look at the text itself rather than at what a layer made of it. */
#ifndef KVHOST_PROMPT_H_
#define KVHOST_PROMPT_H_

#include "base.h"

enum {
  KVH_PART_TEMPLATE = 0, /* what the chat template puts in front */
  KVH_PART_CONTEXT = 1,
  KVH_PART_QUESTION = 2  /* what is asked about the context, up to the end of the prompt */
};

typedef struct kvh_prompt_part { /* frozen */
  uint32_t kind; /* KVH_PART_* */
  uint32_t reserved;
  int64_t begin, end; /* tokens */
} kvh_prompt_part;

/* Borrowed for the duration of the call. */
typedef struct kvh_prompt {
  uint32_t struct_size;
  uint32_t n_parts;
  int64_t n_tokens;
  const int32_t* tokens;        /* [n_tokens] */
  const kvh_prompt_part* parts; /* [n_parts] one after the other; together they are the prompt */
  int64_t n_suffix;
  const int32_t* suffix; /* [n_suffix] what the chat template puts between a user's text and the answer; without a
                            template a newline */
  void* impl;
  /* [calling thread] The ids of a text, nothing put around it. `n` is set to their number; when it exceeds capacity
   * nothing is written: ask again with more. KVH_E_UNSUPPORTED where the model has no tokenizer. */
  kvh_status (*tokenize)(const struct kvh_prompt*, const char* text, int32_t* ids, int64_t capacity, int64_t* n, kvh_error*)
      KVH_NOEXCEPT;
} kvh_prompt;

#endif /* KVHOST_PROMPT_H_ */
