/* SPDX-License-Identifier: Apache-2.0
 *
 * What a method is shown: the model, and one layer of one sequence.
 *
 * There is no batch axis: one call is one sequence and one layer. The cache is ragged, so per-entry data comes as one
 * view per KV head. During prefill all heads have the same length and dense views are given beside them.
 *
 * Letters in shapes: n_heads query heads, n_kv_heads KV heads, group_size = n_heads / n_kv_heads (query head j reads
 * KV head j / group_size), T = tokens of this forward, n = entries of one head, d = key_dim (value_dim for values),
 * W = window. All of the layer that is shown. */
#ifndef KVHOST_LAYER_H_
#define KVHOST_LAYER_H_

#include "prompt.h"
#include "tensor.h"

/* ---- The model --------------------------------------------------------------------------------------------------- */

/* Rotary position embedding (RoFormer, arXiv:2104.09864), half-split form: channel i is paired with i + rotary_dim/2. A
 * layer that rotates in another way has none here. */
typedef struct kvh_rope {
  uint32_t struct_size;
  int32_t rotary_dim;       /* <= key_dim; the remaining channels are not rotated */
  const float* inv_freq;    /* [rotary_dim / 2], scaling applied */
  double attention_scaling; /* factor on cos and sin (YaRN), 1 otherwise */
} kvh_rope;

enum { KVH_LAYER_ATTENTION = 0 }; /* keys and values, one of each per token and KV head */

/* One layer that has a cache. `layer` everywhere counts these; layers without one (linear attention, recurrent) are
 * not shown. */
typedef struct kvh_layer_shape {
  uint32_t struct_size;
  uint32_t kind;         /* KVH_LAYER_* */
  int32_t model_layer;   /* its index among all layers of the model */
  int32_t shares_with;   /* the cached layer whose keys and values it reads; -1: it has its own */
  int32_t n_heads, n_kv_heads;
  int32_t key_dim, value_dim;
  int64_t entry_bytes;   /* that one entry of one KV head takes in the cache, key and value */
  int64_t window;        /* tokens a query sees, itself included; 0: all */
  double scale;          /* what q . k is multiplied by */
  double softcap;        /* then s -> softcap * tanh(s / softcap); 0: none */
  /* [n_heads] a logit more in each head's softmax, whose weight goes to no entry; NULL: none. The values are there
   * when a layer is shown, not yet when a method is made. */
  const float* sinks;
  const kvh_rope* rope;  /* NULL: the layer rotates nothing, or not in half-split form */
} kvh_layer_shape;

typedef struct kvh_model {
  uint32_t struct_size;
  int32_t n_layers;
  int32_t n_heads, n_kv_heads, head_dim; /* of every layer; 0 for what differs, see KVH_METHOD_MIXED_LAYERS */
  int32_t hidden_size;
  kvh_dtype dtype;          /* of keys and values as methods see them */
  uint32_t reserved;
  kvh_device device;
  const char* family;       /* config.json's model_type: "llama", "qwen3", ... */
  const char* model_dir;    /* where learned resources of a method may lie; "" when there is none */
  const kvh_layer_shape* const* layers; /* [n_layers] */
} kvh_model;

/* ---- What a method asks for ---------------------------------------------------------------------------------------- */

/* Tensors a method may need. Ids are append-only; the host computes each at most once per layer and shares it. A need of
 * an unknown tensor is refused by name, unless it is optional: then it is not delivered. */
enum {
  /* Free: what the cache holds. Always delivered, per head (kvh_head) and, in prefill, dense. */
  KVH_T_KEYS = 0,   /* [n_kv_heads, T, d] RoPE applied */
  KVH_T_VALUES = 1, /* [n_kv_heads, T, d] */
  /* Cheap: slices of what the forward computes anyway. `window` = how many of the last tokens. */
  KVH_T_HIDDEN = 2,       /* [W, hidden_size] input of the attention block (after its norm), model dtype; window 0 = all T */
  KVH_T_QUERY_WINDOW = 3, /* [n_heads, W, d] post-RoPE queries of the last W tokens, model dtype; window 0 = all T */
  /* One small GEMM: softmax rows of the last `window` queries over all entries they may see, float32, 0 where masked.
   * Delivered per head: [group_size, W, n]. Attention is always the model's own, here and below: scale, softcap and
   * window of the layer count, and beside sinks a row sums to less than 1. */
  KVH_T_WINDOW_ATTENTION = 4,
  /* Dear: O(T^2) time and memory, prefill only; `plan` prints it. float32, rows are queries, lower triangular. */
  KVH_T_ATTENTION_MEAN = 5, /* [T, T] averaged over query heads */
  KVH_T_ATTENTION = 6,      /* [n_heads, T, T] */
  /* Weights. */
  KVH_T_OUTPUT_WEIGHT = 7, /* [hidden_size, n_heads * d] of the attention's output projection, model dtype */
  /* Column sums of the softmax rows of the last `window` queries (0: of all), float32, rows never stored together.
   * With all queries as dear in time as the prefill's own attention. Delivered per head: [group_size, n]. */
  KVH_T_ATTENTION_SUM = 8,
  KVH_T_COUNT = 9
};

enum { KVH_NEED_OPTIONAL = 1u << 0 }; /* NULL when it cannot be had, instead of a refusal */

enum { KVH_PHASE_PREFILL = 0, KVH_PHASE_DECODE = 1, KVH_PHASE_PASS = 2 /* passes.h */ };

/* While generating, a method is called at a cut, once in as many tokens as the user says (64). q_len is then 1 as a rule,
 * windows reach back over as many tokens as were seen since the prompt's end and at most W, and window 0, all tokens, is
 * refused there. */
typedef struct kvh_need { /* frozen */
  uint32_t tensor;        /* KVH_T_* */
  uint32_t flags;         /* KVH_NEED_* */
  int64_t window;         /* W for windowed tensors, >= 0; when fewer than W tokens were seen, the view holds that many */
  uint32_t phases;        /* bits 1 << KVH_PHASE_*: where it is wanted; 0: wherever the method is called */
  uint32_t layer_stride;  /* wanted of the layers 0, n, 2 n, ... only; 0 and 1: of all */
  uint64_t reserved;
} kvh_need;

/* ---- One layer ------------------------------------------------------------------------------------------------------ */

/* One KV head of this layer. Entries are in ascending position order. */
typedef struct kvh_head {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t n_entries;
  kvh_tensor keys;          /* [n, d] RoPE applied at the entry's own position */
  kvh_tensor values;        /* [n, d] */
  const int32_t* positions; /* [n] absolute positions, ascending */
  /* What was asked for of this head; NULL where it was not delivered, or is no tensor of single heads. */
  const kvh_tensor* const* tensors; /* [n_tensors] by KVH_T_*: the first need of that tensor */
  const kvh_tensor* const* needs;   /* [n_needs] by need, in the method's own order */
  uint32_t n_tensors;
  uint32_t n_needs;
} kvh_head;

/* Services during a call. Borrowed; not kept beyond it. */
typedef struct kvh_exec {
  uint32_t struct_size;
  uint32_t n_threads;
  uint64_t seed; /* of the run; a method that draws at random derives its stream from it */
  void* impl;
  /* [any thread] Non-zero: return KVH_E_CANCELLED soon. Poll in work longer than about 5 ms. */
  int32_t (*cancelled)(const struct kvh_exec*) KVH_NOEXCEPT;
  /* [calling thread] Runs fn(arg, begin, end, thread) over disjoint ranges that cover [0, n), on the host's threads, and
   * returns when all are done. `thread` is below n_threads, and another one in ranges that run at the same time. Not
   * nested. */
  void (*parallel_for)(const struct kvh_exec*,
                       int64_t n,
                       void (*fn)(void* arg, int64_t begin, int64_t end, uint32_t thread) KVH_NOEXCEPT,
                       void* arg) KVH_NOEXCEPT;
} kvh_exec;

typedef struct kvh_layer {
  uint32_t struct_size;
  int32_t phase; /* KVH_PHASE_* */
  int32_t layer; /* 0-based, among those with a cache */
  int32_t n_kv_heads;
  int64_t n_seen;        /* tokens processed so far = the next token's position */
  int64_t q_len;         /* tokens of the forward that ends here: T in prefill */
  int64_t kv_len;        /* entries of the longest head */
  int64_t n_prompt;      /* positions below are the prompt's; -1: not known */
  int64_t layer_budget;  /* entries this layer will keep in all (over its heads); -1 while unknown */
  int64_t total_entries; /* likewise of all layers together; -1: unknown */
  double keep_ratio;     /* total_entries of all there are; 1: no budget is divided, or it is unknown */
  const kvh_model* model;
  const kvh_layer_shape* shape; /* model->layers[layer] */
  const kvh_exec* exec;
  const kvh_prompt* prompt; /* for methods with KVH_METHOD_READS_PROMPT, in prefill; else NULL */
  const kvh_head* const* heads; /* [n_kv_heads] */
  /* What was asked for of the layer as a whole; NULL where not delivered, or delivered per head. */
  const kvh_tensor* const* tensors; /* [n_tensors] by KVH_T_*: the first need of that tensor */
  const kvh_tensor* const* needs;   /* [n_needs] by need, in the method's own order */
  uint32_t n_tensors;
  uint32_t n_needs;
  void* impl; /* the host's; a copy of the struct carries it along */
} kvh_layer;

/* The tensor with this id, or of this need, or NULL. */
static inline const kvh_tensor* kvh_layer_tensor(const kvh_layer* layer, uint32_t id) {
  return id < layer->n_tensors ? layer->tensors[id] : 0;
}
static inline const kvh_tensor* kvh_layer_need(const kvh_layer* layer, uint32_t need) {
  return need < layer->n_needs ? layer->needs[need] : 0;
}
static inline const kvh_tensor* kvh_head_tensor(const kvh_head* head, uint32_t id) {
  return id < head->n_tensors ? head->tensors[id] : 0;
}
static inline const kvh_tensor* kvh_head_need(const kvh_head* head, uint32_t need) {
  return need < head->n_needs ? head->needs[need] : 0;
}

#endif /* KVHOST_LAYER_H_ */
