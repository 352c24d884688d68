/* SPDX-License-Identifier: Apache-2.0
 *
 * The layout of the optional parts, as layout.h has that of the rest. */
#ifndef KVHOST_LAYOUT_PARTS_H_
#define KVHOST_LAYOUT_PARTS_H_

#include "layout.h"
#include "appendix.h"
#include "bias.h"
#include "calibrate.h"
#include "draft.h"
#include "own_budget.h"
#include "passes.h"
#include "sequence.h"
#include "surrogate.h"

KVH_STATIC_ASSERT(sizeof(kvh_low_rank) == 48, "kvh_low_rank is frozen");
KVH_AT(kvh_low_rank, weight, 0);
KVH_AT(kvh_low_rank, layer, 4);
KVH_AT(kvh_low_rank, rank, 8);
KVH_AT(kvh_low_rank, n_in, 16);
KVH_AT(kvh_low_rank, n_out, 24);
KVH_AT(kvh_low_rank, down, 32);
KVH_AT(kvh_low_rank, up, 40);

#define KVH_APPENDED_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_appended) >= KVH_APPENDED_SIZE_1_0, "kvh_appended only grows");
KVH_AT(kvh_appended, struct_size, 0);
KVH_AT(kvh_appended, n_changes, 4);
KVH_AT(kvh_appended, n_rows, 8);
KVH_AT(kvh_appended, rows, 16);
KVH_AT(kvh_appended, changes, 24);

#define KVH_APPENDIX_SIZE_1_0 16u
KVH_STATIC_ASSERT(sizeof(kvh_appendix) >= KVH_APPENDIX_SIZE_1_0, "kvh_appendix only grows");
KVH_AT(kvh_appendix, struct_size, 0);
KVH_AT(kvh_appendix, reserved, 4);
KVH_AT(kvh_appendix, get, 8);

#define KVH_BIASES_SIZE_1_0 24u
KVH_STATIC_ASSERT(sizeof(kvh_biases) >= KVH_BIASES_SIZE_1_0, "kvh_biases only grows");
KVH_AT(kvh_biases, struct_size, 0);
KVH_AT(kvh_biases, n_kv_heads, 4);
KVH_AT(kvh_biases, held, 8);
KVH_AT(kvh_biases, kept, 16);

#define KVH_BIAS_PRESS_SIZE_1_0 16u
KVH_STATIC_ASSERT(sizeof(kvh_bias_press) >= KVH_BIAS_PRESS_SIZE_1_0, "kvh_bias_press only grows");
KVH_AT(kvh_bias_press, struct_size, 0);
KVH_AT(kvh_bias_press, reserved, 4);
KVH_AT(kvh_bias_press, edit, 8);

#define KVH_LEARNED_SIZE_1_0 24u
KVH_STATIC_ASSERT(sizeof(kvh_learned) >= KVH_LEARNED_SIZE_1_0, "kvh_learned only grows");
KVH_AT(kvh_learned, struct_size, 0);
KVH_AT(kvh_learned, reserved, 4);
KVH_AT(kvh_learned, impl, 8);
KVH_AT(kvh_learned, tensor, 16);

#define KVH_OBSERVER_SIZE_1_0 24u
KVH_STATIC_ASSERT(sizeof(kvh_observer) >= KVH_OBSERVER_SIZE_1_0, "kvh_observer only grows");
KVH_AT(kvh_observer, struct_size, 0);
KVH_AT(kvh_observer, reserved, 4);
KVH_AT(kvh_observer, observe, 8);
KVH_AT(kvh_observer, finish, 16);

#define KVH_CALIBRATE_SIZE_1_0 24u
KVH_STATIC_ASSERT(sizeof(kvh_calibrate) >= KVH_CALIBRATE_SIZE_1_0, "kvh_calibrate only grows");
KVH_AT(kvh_calibrate, struct_size, 0);
KVH_AT(kvh_calibrate, reserved, 4);
KVH_AT(kvh_calibrate, file, 8);
KVH_AT(kvh_calibrate, observer, 16);

#define KVH_DRAFT_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_draft) >= KVH_DRAFT_SIZE_1_0, "kvh_draft only grows");
KVH_AT(kvh_draft, struct_size, 0);
KVH_AT(kvh_draft, reserved, 4);
KVH_AT(kvh_draft, n_tokens, 8);
KVH_AT(kvh_draft, cut, 16);
KVH_AT(kvh_draft, observe, 24);

#define KVH_OWN_BUDGET_SIZE_1_0 16u
KVH_STATIC_ASSERT(sizeof(kvh_own_budget) >= KVH_OWN_BUDGET_SIZE_1_0, "kvh_own_budget only grows");
KVH_AT(kvh_own_budget, struct_size, 0);
KVH_AT(kvh_own_budget, reserved, 4);
KVH_AT(kvh_own_budget, entries_per_head, 8);

KVH_STATIC_ASSERT(sizeof(kvh_range) == 16, "kvh_range is frozen");
KVH_AT(kvh_range, begin, 0);
KVH_AT(kvh_range, end, 8);

#define KVH_PASS_SIZE_1_0 64u
KVH_STATIC_ASSERT(sizeof(kvh_pass) >= KVH_PASS_SIZE_1_0, "kvh_pass only grows");
KVH_AT(kvh_pass, struct_size, 0);
KVH_AT(kvh_pass, reserved, 4);
KVH_AT(kvh_pass, n_tokens, 8);
KVH_AT(kvh_pass, tokens, 16);
KVH_AT(kvh_pass, reduce, 24);
KVH_AT(kvh_pass, rows, 28);
KVH_AT(kvh_pass, per_head, 32);
KVH_AT(kvh_pass, n_seen, 36);
KVH_AT(kvh_pass, seen, 40);
KVH_AT(kvh_pass, columns, 48);

#define KVH_COLUMNS_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_columns) >= KVH_COLUMNS_SIZE_1_0, "kvh_columns only grows");
KVH_AT(kvh_columns, struct_size, 0);
KVH_AT(kvh_columns, n_rows, 4);
KVH_AT(kvh_columns, n, 8);
KVH_AT(kvh_columns, first_entry, 16);
KVH_AT(kvh_columns, values, 24);

#define KVH_PASS_COST_SIZE_1_0 40u
KVH_STATIC_ASSERT(sizeof(kvh_pass_cost) >= KVH_PASS_COST_SIZE_1_0, "kvh_pass_cost only grows");
KVH_AT(kvh_pass_cost, struct_size, 0);
KVH_AT(kvh_pass_cost, gradients, 4);
KVH_AT(kvh_pass_cost, n_passes, 8);
KVH_AT(kvh_pass_cost, n_tokens, 16);
KVH_AT(kvh_pass_cost, longest, 24);
KVH_AT(kvh_pass_cost, n_columns, 32);

#define KVH_PASSES_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_passes) >= KVH_PASSES_SIZE_1_0, "kvh_passes only grows");
KVH_AT(kvh_passes, struct_size, 0);
KVH_AT(kvh_passes, reserved, 4);
KVH_AT(kvh_passes, cost, 8);
KVH_AT(kvh_passes, next, 16);
KVH_AT(kvh_passes, observe, 24);

#define KVH_SEQUENCE_FUNCTIONS_SIZE_1_0 16u
KVH_STATIC_ASSERT(sizeof(kvh_sequence_functions) >= KVH_SEQUENCE_FUNCTIONS_SIZE_1_0, "kvh_sequence_functions only grows");
KVH_AT(kvh_sequence_functions, struct_size, 0);
KVH_AT(kvh_sequence_functions, reserved, 4);
KVH_AT(kvh_sequence_functions, copy, 8);
KVH_AT(kvh_sequence_functions, truncate, 16);
KVH_AT(kvh_sequence_functions, save, 24);
KVH_AT(kvh_sequence_functions, load, 32);

#define KVH_SURROGATE_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_surrogate) >= KVH_SURROGATE_SIZE_1_0, "kvh_surrogate only grows");
KVH_AT(kvh_surrogate, struct_size, 0);
KVH_AT(kvh_surrogate, reserved, 4);
KVH_AT(kvh_surrogate, teacher, 8);
KVH_AT(kvh_surrogate, file_linear, 16);
KVH_AT(kvh_surrogate, file_mlp, 24);

#endif /* KVHOST_LAYOUT_PARTS_H_ */
