/* SPDX-License-Identifier: Apache-2.0
 *
 * The kinds of method and what each is called for. A method decides, the host does: methods never touch the cache.
 *
 *   layer allocator   divides the model's budget over its layers          (uniform, pyramidkv, rankkv)
 *   head allocator    divides a layer's budget over its KV heads          (adakv)
 *   scorer            a number per entry, larger = keep                   (snapkv, knorm)
 *   wrapper           a scorer that holds another scorer                  (criticalkv)
 *   press             edits what is kept after the selection              (merging)
 *
 * Order of entries wherever the host selects: pin, then score descending, then position ascending, then head ascending.
 *
 * Threads: create, needs and destroy may run at the same time on different instances. An instance is immutable after
 * create and shared by sequences; calls that carry the same kvh_sequence are serialised by the host. */
#ifndef KVHOST_METHOD_H_
#define KVHOST_METHOD_H_

#include "layer.h"
#include "params.h"

enum { KVH_KIND_SCORER = 1, KVH_KIND_WRAPPER = 2, KVH_KIND_HEAD_ALLOCATOR = 3, KVH_KIND_LAYER_ALLOCATOR = 4, KVH_KIND_PRESS = 5 };

/* Bits 0 to 15 must be understood, 16 to 31 may be ignored. */
enum {
  KVH_METHOD_PREFILL = 1u << 0,         /* may run after prefill */
  KVH_METHOD_DECODE = 1u << 1,          /* may run while generating */
  KVH_METHOD_NEEDS_BUDGET = 1u << 2,    /* the score depends on kvh_layer.layer_budget, which must be known */
  KVH_METHOD_READS_PROMPT = 1u << 3,    /* kvh_layer.prompt is given in prefill; a method with passes gets it there too */
  KVH_METHOD_NO_SCORER = 1u << 4,       /* press, head allocator: may stand without a scorer; a press then keeps all
                                           entries, a head allocator is handed scores of 0 */
  KVH_METHOD_SCORES_PARTS = 1u << 5,    /* wrapper: calls kvh_child.score_part, so windows of the child reach all tokens */
  KVH_METHOD_EDITS_SCORES = 1u << 6,    /* head allocator: may rewrite scores and pins, of which it gets a copy */
  KVH_METHOD_OWN_TOTAL = 1u << 7,       /* allocators: it decides by itself how much is kept; there is no budget */
  KVH_METHOD_NEEDS_SCORES = 1u << 8,    /* layer allocator, KVH_WHEN_AFTER_PREFILL: its request carries all layers' scores */
  KVH_METHOD_EDITS_VALUES = 1u << 9,    /* press: writes kvh_edit.values */
  KVH_METHOD_EDITS_KEYS = 1u << 10,     /* press: writes kvh_edit.keys */
  KVH_METHOD_EDITS_POSITIONS = 1u << 11, /* press: writes kvh_edit.positions; the sequence goes on behind the last one */
  KVH_METHOD_PRUNES_CHANNELS = 1u << 12, /* press, prefill: writes kvh_edit.channels */
  KVH_METHOD_DETERMINISTIC = 1u << 16,  /* same inputs, bitwise same outputs, for any number of threads */
  KVH_METHOD_DECIDES_LATE = 1u << 17,   /* allocators: some configuration is not KVH_WHEN_BEFORE_PREFILL, for listings */
  KVH_METHOD_MIXED_LAYERS = 1u << 18    /* it reads kvh_layer.shape: a model whose layers differ in heads or dimensions, or
                                           read each other's keys, is shown to methods with this flag only */
};

typedef struct kvh_instance kvh_instance; /* defined by the plugin: a configured method */
typedef struct kvh_sequence kvh_sequence; /* defined by the plugin: a method's state for one sequence */

/* ---- Scorer and wrapper ---------------------------------------------------------------------------------------- */

/* Outputs, allocated by the host. In prefill the rows of all heads are adjacent: scores[h] = scores[0] + h * T. */
typedef struct kvh_scores {
  uint32_t struct_size;
  int32_t n_kv_heads;
  const int64_t* n_entries; /* [n_kv_heads] */
  float* const* scores;     /* [n_kv_heads][n]: finite, every element written; larger = keep */
  int8_t* const* pins;      /* [n_kv_heads][n]: zeroed by the host. > 0 keep first, higher value first, and among equal
                               ones the later position when there are more than fit; < 0 drop first; 0 by score */
} kvh_scores;

/* What a scorer said, to be read. */
typedef struct kvh_score_view {
  uint32_t struct_size;
  int32_t n_kv_heads;
  const int64_t* n_entries;    /* [n_kv_heads] */
  const float* const* scores;  /* [n_kv_heads][n] */
  const int8_t* const* pins;   /* [n_kv_heads][n] */
} kvh_score_view;

typedef struct kvh_scorer {
  uint32_t struct_size;
  uint32_t reserved;
  /* [prefill, decode] Once per layer. Fill out->scores, and out->pins where wanted. */
  kvh_status (*score)(kvh_instance*, kvh_sequence*, const kvh_layer*, kvh_scores* out, kvh_error*) KVH_NOEXCEPT;
} kvh_scorer;

/* Some entries of a layer, to be scored as if there were no others. */
typedef struct kvh_part {
  uint32_t struct_size;
  int32_t n_kv_heads;
  const int64_t* n_entries;       /* [n_kv_heads] */
  const int32_t* const* entries;  /* [n_kv_heads][n_entries] ascending indices into the head's entries */
  int64_t n_seen;                 /* the part ends here: windows of queries and hidden states end before this position */
} kvh_part;

/* The scorer inside a wrapper, given at create(), valid as long as the instance. */
typedef struct kvh_child {
  uint32_t struct_size;
  uint32_t kind; /* KVH_KIND_* */
  uint32_t slot; /* which of kvh_method.slots it stands in */
  uint32_t reserved;
  void* impl;
  const char* name;
  /* [inside score()] Pass on the kvh_layer you were called with, or a copy of it; of a copy the host takes layer_budget,
   * all else is as you got it. The child sees the windows it asked for. `out` may be the caller's own output or buffers
   * of the same shape with zeroed pins. */
  kvh_status (*score)(const struct kvh_child*, const kvh_layer*, kvh_scores* out, kvh_error*) KVH_NOEXCEPT;
  /* [inside score(), prefill, with KVH_METHOD_SCORES_PARTS] Likewise for a part of it; `out` has the part's shape. */
  kvh_status (*score_part)(const struct kvh_child*, const kvh_layer*, const kvh_part*, kvh_scores* out, kvh_error*)
      KVH_NOEXCEPT;
} kvh_child;

/* When an allocator knows its answer. */
enum {
  KVH_WHEN_BEFORE_PREFILL = 0, /* needs nothing from the prompt but its length; a head allocator: and the layer itself */
  KVH_WHEN_MONOTONE = 1,       /* layer allocators: learns layer by layer; a layer's share can only shrink as later
                                  layers are seen */
  KVH_WHEN_AFTER_PREFILL = 2   /* all layers must be seen first: the full cache is held until then */
};

/* ---- Head allocator -------------------------------------------------------------------------------------------- */

typedef struct kvh_head_allocator {
  uint32_t struct_size;
  uint32_t reserved;
  /* [prefill, decode] Divide layer->layer_budget. budgets[h] in [0, n_entries(h)], sum = layer_budget exactly; with
   * KVH_METHOD_OWN_TOTAL any sum, and layer_budget is all that the layer holds. `rewrite`: with KVH_METHOD_EDITS_SCORES a
   * copy of the scores, and the selection that follows goes by what is left in it; else NULL. */
  kvh_status (*allocate)(kvh_instance*,
                         kvh_sequence*,
                         const kvh_layer*,
                         const kvh_score_view* scores,
                         kvh_scores* rewrite,
                         int64_t* budgets,
                         kvh_error*) KVH_NOEXCEPT;
  /* KVH_WHEN_BEFORE_PREFILL or KVH_WHEN_AFTER_PREFILL; NULL: the former. */
  uint32_t (*when)(const kvh_instance*) KVH_NOEXCEPT;
  /* [prefill, decode, with KVH_WHEN_AFTER_PREFILL] Once per layer, in order, before any allocate(); while generating at every
   * cut anew. Windows of queries and hidden states are shown here and gone at allocate() later: declare them
   * KVH_NEED_OPTIONAL. NULL: nothing is observed. */
  kvh_status (*observe)(kvh_instance*, kvh_sequence*, const kvh_layer*, kvh_error*) KVH_NOEXCEPT;
} kvh_head_allocator;

/* ---- Layer allocator ------------------------------------------------------------------------------------------- */

typedef struct kvh_layer_request {
  uint32_t struct_size;
  int32_t phase; /* KVH_PHASE_* */
  int32_t n_layers;
  int32_t n_kv_heads;         /* of every layer; 0 where they differ, see KVH_METHOD_MIXED_LAYERS */
  int32_t n_observed;         /* layers observed so far; n_layers at the final call */
  uint32_t reserved;
  int64_t kv_len;             /* tokens of the prompt; while generating, all seen so far */
  int64_t total_entries;      /* to divide, over all layers and KV heads */
  const int64_t* min_entries; /* [n_layers] floors, entries over all heads of the layer */
  const int64_t* max_entries; /* [n_layers] caps, likewise */
  /* [n_layers] with KVH_METHOD_NEEDS_SCORES, at the final call: what the scorer gave every entry. NULL otherwise. */
  const kvh_score_view* const* scores;
} kvh_layer_request;

typedef struct kvh_layer_answer {
  uint32_t struct_size;
  uint32_t exact;       /* 1: `entries` are the answer, used as they are (their sum may differ from total_entries and is
                           reported). 0: `shares` are, and the host apportions total_entries by largest remainder between
                           floors and caps */
  double* shares;       /* [n_layers] >= 0, any common scale. While n_observed < n_layers only the first n_observed count */
  int64_t* entries;     /* [n_layers] */
  double* observed;     /* [n_layers] what was learned per layer, for reports; the host fills it with NaN */
  /* With `exact`, at the final call. 1: `head_entries` [n_layers][n_kv_heads of the layer] are the answer for every head,
   * and `entries` their sums. A head allocator inside divides `entries` anew. */
  uint32_t heads_exact;
  uint32_t reserved;
  int64_t* const* head_entries;
  char observed_name[32]; /* what `observed` is, "effective_rank"; NUL terminated; "": nothing was observed */
} kvh_layer_answer;

typedef struct kvh_layer_allocator {
  uint32_t struct_size;
  uint32_t reserved;
  /* Which KVH_WHEN_* this instance is. NULL: KVH_WHEN_BEFORE_PREFILL. */
  uint32_t (*when)(const kvh_instance*) KVH_NOEXCEPT;
  /* [prefill, decode] Once per layer, in order, before its cut; while generating at every cut anew. NULL when nothing is
   * observed. */
  kvh_status (*observe)(kvh_instance*, kvh_sequence*, const kvh_layer*, kvh_error*) KVH_NOEXCEPT;
  /* [prefill, decode] At least once at the end (n_observed = n_layers); for monotone instances also after every layer of a
   * prompt. */
  kvh_status (*allocate)(kvh_instance*, kvh_sequence*, const kvh_layer_request*, kvh_layer_answer*, kvh_error*) KVH_NOEXCEPT;
} kvh_layer_allocator;

/* ---- Press ----------------------------------------------------------------------------------------------------- */

/* The host has selected by the inner scorer; the press may rewrite what it was declared to edit. */
typedef struct kvh_edit {
  uint32_t struct_size;
  int32_t n_kv_heads;
  const int64_t* n_kept;       /* [n_kv_heads] */
  const int32_t* const* kept;  /* [n_kv_heads][n_kept] ascending indices into the head's entries (not positions) */
  /* What the press declared to edit holds the kept entries and may be overwritten; the host stores it in the cache's
   * dtype. NULL for what it did not declare. */
  float* const* values;      /* [n_kv_heads][n_kept * d], KVH_METHOD_EDITS_VALUES */
  float* const* keys;        /* [n_kv_heads][n_kept * d], KVH_METHOD_EDITS_KEYS */
  int32_t* const* positions; /* [n_kv_heads][n_kept] ascending, >= 0, KVH_METHOD_EDITS_POSITIONS */
  /* [n_kv_heads][n] what the scorer gave all entries, before a head allocator rewrote any; NULL when nothing was
   * selected. */
  const float* const* scores;
  /* [n_kv_heads][d] 1: the channel stays in the kept entries' keys, 0: it is dropped, its bytes are freed and it counts as
   * 0 from now on; tokens to come have whole keys. The host fills in ones; as many must stay in every head, one at least.
   * KVH_METHOD_PRUNES_CHANNELS. */
  uint8_t* const* channels;
} kvh_edit;

typedef struct kvh_press {
  uint32_t struct_size;
  uint32_t reserved;
  /* [prefill, decode] After the selection, before memory moves; kvh_layer still shows all entries. */
  kvh_status (*edit)(kvh_instance*, kvh_sequence*, const kvh_layer*, kvh_edit*, kvh_error*) KVH_NOEXCEPT;
} kvh_press;

/* ---- Method ---------------------------------------------------------------------------------------------------- */

struct kvh_host;

/* What may stand inside a method. Hosts of 1.0 know one slot of one scorer, and refuse others by name. */
typedef struct kvh_slot {
  uint32_t struct_size;
  uint32_t kinds;      /* bits 1 << KVH_KIND_* */
  uint32_t min, max;   /* how many */
  uint32_t flags;
  uint32_t reserved;
  const char* name;    /* [a-z][a-z0-9_]*, or NULL */
} kvh_slot;

typedef struct kvh_create_args {
  uint32_t struct_size;
  uint32_t n_values;
  const kvh_value* values; /* [n_values] one per kvh_param, same order, ranges checked */
  const kvh_model* model;  /* stays as long as the instance; NULL: a description without a model */
  const struct kvh_host* host; /* likewise */
  const kvh_child* const* children; /* [n_children] wrappers and presses: the inner scorer; in the order of slots */
  uint32_t n_children;
  uint32_t reserved;
} kvh_create_args;

typedef struct kvh_needs {
  uint32_t struct_size;
  uint32_t capacity;  /* of `needs` */
  uint32_t count;     /* set by the method; may exceed capacity, then the host asks again with more */
  uint32_t reserved;
  kvh_need* needs;
} kvh_needs;

/* The sequence that a state is for. Borrowed for the duration of begin(). */
typedef struct kvh_sequence_info {
  uint32_t struct_size;
  int32_t phase;     /* KVH_PHASE_PREFILL or KVH_PHASE_DECODE: which cuts it is for */
  uint64_t seed;     /* of the run */
  int64_t n_prompt;  /* tokens of the prompt; -1: not known */
  const kvh_prompt_part* parts; /* [n_parts] with KVH_METHOD_READS_PROMPT, in prefill; else NULL */
  uint32_t n_parts;
  uint32_t reserved;
} kvh_sequence_info;

/* Where kept entries came from, so that state kept beside them can follow. */
typedef struct kvh_moved {
  uint32_t struct_size;
  int32_t layer;
  int32_t n_kv_heads;
  uint32_t reserved;
  const int64_t* n_kept;      /* [n_kv_heads] */
  const int32_t* const* kept; /* [n_kv_heads][n_kept] old index of each kept entry, ascending */
} kvh_moved;

typedef struct kvh_method {
  uint32_t struct_size;
  uint32_t kind;  /* KVH_KIND_* */
  uint32_t flags; /* KVH_METHOD_* */
  uint32_t reserved;
  const char* name;      /* [a-z][a-z0-9_]*, what users type */
  const char* version;   /* "1.0.0"; NULL: the library's */
  const char* summary;   /* one line */
  const char* paper;     /* "arXiv:2404.14469", or "" */
  const char* reference; /* what the implementation is checked against, or "" */
  const char* notes;     /* where seed, paper and reference disagree, and what the default does; or "" */
  const char* const* aliases; /* NULL-terminated, or NULL: other names of this very method */
  /* The scorer that stands inside when none is written there: the one the method's paper uses, "snapkv". NULL or "": one
   * must be written. */
  const char* default_inner;
  const kvh_param* const* params;
  const kvh_slot* const* slots; /* NULL: what the kind has; a wrapper one scorer */
  const kvh_need* static_needs; /* superset over all configurations, for listings; nothing else is delivered */
  uint32_t n_params;
  uint32_t n_slots;
  uint32_t n_static_needs;
  uint32_t reserved2;
  /* NULL: nothing to configure, and every call gets NULL for its kvh_instance. */
  kvh_status (*create)(const struct kvh_method*, const kvh_create_args*, kvh_instance** out, kvh_error*) KVH_NOEXCEPT;
  /* NULL: nothing to free. */
  void (*destroy)(kvh_instance*) KVH_NOEXCEPT;
  /* Exact needs of this instance; a subset of static_needs with exact windows. NULL: static_needs are exact. */
  kvh_status (*needs)(const kvh_instance*, kvh_needs*, kvh_error*) KVH_NOEXCEPT;
  /* NULL: the method keeps nothing between calls, and gets NULL for its kvh_sequence. */
  kvh_status (*begin)(kvh_instance*, const kvh_sequence_info*, kvh_sequence** out, kvh_error*) KVH_NOEXCEPT;
  /* NULL: nothing to free. */
  void (*end)(kvh_instance*, kvh_sequence*) KVH_NOEXCEPT;
  /* [prefill, decode] After memory moved. NULL when no state follows entries. */
  kvh_status (*after_compact)(kvh_instance*, kvh_sequence*, const kvh_moved*, kvh_error*) KVH_NOEXCEPT;
  const void* functions; /* kvh_scorer (scorer, wrapper), kvh_head_allocator, kvh_layer_allocator or kvh_press by kind */
  /* Optional and experimental parts by id, "kvhost.<name>/<revision>"; NULL when unknown. May be NULL itself. */
  const void* (*extension)(const struct kvh_method*, const char* id) KVH_NOEXCEPT;
} kvh_method;

#endif /* KVHOST_METHOD_H_ */
