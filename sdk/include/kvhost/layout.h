/* SPDX-License-Identifier: Apache-2.0
 *
 * The layout of ABI 1.0, which stays in all of 1.x: sizes, against which a reader compares a struct_size, and where every
 * field lies. It compiles, or these headers are not of ABI 1. The optional parts: layout_parts.h. */
#ifndef KVHOST_LAYOUT_H_
#define KVHOST_LAYOUT_H_

#include "plugin.h"

#if UINTPTR_MAX != 0xffffffffffffffffu
#error "kvhost: ABI 1 is for machines of 64 bits; expected one"
#endif

#define KVH_AT(type, field, offset) \
  KVH_STATIC_ASSERT(offsetof(type, field) == (offset), #type "." #field " lies where it always did")

#define KVH_ERROR_SIZE_1_0 1160u
KVH_STATIC_ASSERT(sizeof(kvh_error) >= KVH_ERROR_SIZE_1_0, "kvh_error only grows");
KVH_AT(kvh_error, struct_size, 0);
KVH_AT(kvh_error, code, 4);
KVH_AT(kvh_error, path, 8);
KVH_AT(kvh_error, message, 136);

KVH_STATIC_ASSERT(sizeof(kvh_device) == 8, "kvh_device is frozen");
KVH_AT(kvh_device, type, 0);
KVH_AT(kvh_device, id, 4);

KVH_STATIC_ASSERT(sizeof(kvh_dtype) == 4, "kvh_dtype is frozen");
KVH_AT(kvh_dtype, code, 0);
KVH_AT(kvh_dtype, bits, 1);
KVH_AT(kvh_dtype, lanes, 2);

KVH_STATIC_ASSERT(sizeof(kvh_tensor) == 48, "kvh_tensor is frozen");
KVH_AT(kvh_tensor, data, 0);
KVH_AT(kvh_tensor, device, 8);
KVH_AT(kvh_tensor, ndim, 16);
KVH_AT(kvh_tensor, dtype, 20);
KVH_AT(kvh_tensor, shape, 24);
KVH_AT(kvh_tensor, strides, 32);
KVH_AT(kvh_tensor, byte_offset, 40);

KVH_STATIC_ASSERT(sizeof(kvh_value) == 24, "kvh_value is frozen");
KVH_AT(kvh_value, type, 0);
KVH_AT(kvh_value, present, 4);
KVH_AT(kvh_value, count, 8);
KVH_AT(kvh_value, v, 16);

#define KVH_PARAM_SIZE_1_0 88u
KVH_STATIC_ASSERT(sizeof(kvh_param) >= KVH_PARAM_SIZE_1_0, "kvh_param only grows");
KVH_AT(kvh_param, struct_size, 0);
KVH_AT(kvh_param, type, 4);
KVH_AT(kvh_param, flags, 8);
KVH_AT(kvh_param, reserved, 12);
KVH_AT(kvh_param, name, 16);
KVH_AT(kvh_param, doc, 24);
KVH_AT(kvh_param, unit, 32);
KVH_AT(kvh_param, def, 40);
KVH_AT(kvh_param, min, 64);
KVH_AT(kvh_param, max, 72);
KVH_AT(kvh_param, choices, 80);

KVH_STATIC_ASSERT(sizeof(kvh_prompt_part) == 24, "kvh_prompt_part is frozen");
KVH_AT(kvh_prompt_part, kind, 0);
KVH_AT(kvh_prompt_part, reserved, 4);
KVH_AT(kvh_prompt_part, begin, 8);
KVH_AT(kvh_prompt_part, end, 16);

#define KVH_PROMPT_SIZE_1_0 64u
KVH_STATIC_ASSERT(sizeof(kvh_prompt) >= KVH_PROMPT_SIZE_1_0, "kvh_prompt only grows");
KVH_AT(kvh_prompt, struct_size, 0);
KVH_AT(kvh_prompt, n_parts, 4);
KVH_AT(kvh_prompt, n_tokens, 8);
KVH_AT(kvh_prompt, tokens, 16);
KVH_AT(kvh_prompt, parts, 24);
KVH_AT(kvh_prompt, n_suffix, 32);
KVH_AT(kvh_prompt, suffix, 40);
KVH_AT(kvh_prompt, impl, 48);
KVH_AT(kvh_prompt, tokenize, 56);

#define KVH_ROPE_SIZE_1_0 24u
KVH_STATIC_ASSERT(sizeof(kvh_rope) >= KVH_ROPE_SIZE_1_0, "kvh_rope only grows");
KVH_AT(kvh_rope, struct_size, 0);
KVH_AT(kvh_rope, rotary_dim, 4);
KVH_AT(kvh_rope, inv_freq, 8);
KVH_AT(kvh_rope, attention_scaling, 16);

#define KVH_LAYER_SHAPE_SIZE_1_0 80u
KVH_STATIC_ASSERT(sizeof(kvh_layer_shape) >= KVH_LAYER_SHAPE_SIZE_1_0, "kvh_layer_shape only grows");
KVH_AT(kvh_layer_shape, struct_size, 0);
KVH_AT(kvh_layer_shape, kind, 4);
KVH_AT(kvh_layer_shape, model_layer, 8);
KVH_AT(kvh_layer_shape, shares_with, 12);
KVH_AT(kvh_layer_shape, n_heads, 16);
KVH_AT(kvh_layer_shape, n_kv_heads, 20);
KVH_AT(kvh_layer_shape, key_dim, 24);
KVH_AT(kvh_layer_shape, value_dim, 28);
KVH_AT(kvh_layer_shape, entry_bytes, 32);
KVH_AT(kvh_layer_shape, window, 40);
KVH_AT(kvh_layer_shape, scale, 48);
KVH_AT(kvh_layer_shape, softcap, 56);
KVH_AT(kvh_layer_shape, sinks, 64);
KVH_AT(kvh_layer_shape, rope, 72);

#define KVH_MODEL_SIZE_1_0 64u
KVH_STATIC_ASSERT(sizeof(kvh_model) >= KVH_MODEL_SIZE_1_0, "kvh_model only grows");
KVH_AT(kvh_model, struct_size, 0);
KVH_AT(kvh_model, n_layers, 4);
KVH_AT(kvh_model, n_heads, 8);
KVH_AT(kvh_model, n_kv_heads, 12);
KVH_AT(kvh_model, head_dim, 16);
KVH_AT(kvh_model, hidden_size, 20);
KVH_AT(kvh_model, dtype, 24);
KVH_AT(kvh_model, reserved, 28);
KVH_AT(kvh_model, device, 32);
KVH_AT(kvh_model, family, 40);
KVH_AT(kvh_model, model_dir, 48);
KVH_AT(kvh_model, layers, 56);

KVH_STATIC_ASSERT(sizeof(kvh_need) == 32, "kvh_need is frozen");
KVH_AT(kvh_need, tensor, 0);
KVH_AT(kvh_need, flags, 4);
KVH_AT(kvh_need, window, 8);
KVH_AT(kvh_need, phases, 16);
KVH_AT(kvh_need, layer_stride, 20);
KVH_AT(kvh_need, reserved, 24);

#define KVH_HEAD_SIZE_1_0 144u
KVH_STATIC_ASSERT(sizeof(kvh_head) >= KVH_HEAD_SIZE_1_0, "kvh_head only grows");
KVH_AT(kvh_head, struct_size, 0);
KVH_AT(kvh_head, reserved, 4);
KVH_AT(kvh_head, n_entries, 8);
KVH_AT(kvh_head, keys, 16);
KVH_AT(kvh_head, values, 64);
KVH_AT(kvh_head, positions, 112);
KVH_AT(kvh_head, tensors, 120);
KVH_AT(kvh_head, needs, 128);
KVH_AT(kvh_head, n_tensors, 136);
KVH_AT(kvh_head, n_needs, 140);

#define KVH_EXEC_SIZE_1_0 40u
KVH_STATIC_ASSERT(sizeof(kvh_exec) >= KVH_EXEC_SIZE_1_0, "kvh_exec only grows");
KVH_AT(kvh_exec, struct_size, 0);
KVH_AT(kvh_exec, n_threads, 4);
KVH_AT(kvh_exec, seed, 8);
KVH_AT(kvh_exec, impl, 16);
KVH_AT(kvh_exec, cancelled, 24);
KVH_AT(kvh_exec, parallel_for, 32);

#define KVH_LAYER_SIZE_1_0 144u
KVH_STATIC_ASSERT(sizeof(kvh_layer) >= KVH_LAYER_SIZE_1_0, "kvh_layer only grows");
KVH_AT(kvh_layer, struct_size, 0);
KVH_AT(kvh_layer, phase, 4);
KVH_AT(kvh_layer, layer, 8);
KVH_AT(kvh_layer, n_kv_heads, 12);
KVH_AT(kvh_layer, n_seen, 16);
KVH_AT(kvh_layer, q_len, 24);
KVH_AT(kvh_layer, kv_len, 32);
KVH_AT(kvh_layer, n_prompt, 40);
KVH_AT(kvh_layer, layer_budget, 48);
KVH_AT(kvh_layer, total_entries, 56);
KVH_AT(kvh_layer, keep_ratio, 64);
KVH_AT(kvh_layer, model, 72);
KVH_AT(kvh_layer, shape, 80);
KVH_AT(kvh_layer, exec, 88);
KVH_AT(kvh_layer, prompt, 96);
KVH_AT(kvh_layer, heads, 104);
KVH_AT(kvh_layer, tensors, 112);
KVH_AT(kvh_layer, needs, 120);
KVH_AT(kvh_layer, n_tensors, 128);
KVH_AT(kvh_layer, n_needs, 132);
KVH_AT(kvh_layer, impl, 136);

#define KVH_SCORES_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_scores) >= KVH_SCORES_SIZE_1_0, "kvh_scores only grows");
KVH_AT(kvh_scores, struct_size, 0);
KVH_AT(kvh_scores, n_kv_heads, 4);
KVH_AT(kvh_scores, n_entries, 8);
KVH_AT(kvh_scores, scores, 16);
KVH_AT(kvh_scores, pins, 24);

#define KVH_SCORE_VIEW_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_score_view) >= KVH_SCORE_VIEW_SIZE_1_0, "kvh_score_view only grows");
KVH_AT(kvh_score_view, struct_size, 0);
KVH_AT(kvh_score_view, n_kv_heads, 4);
KVH_AT(kvh_score_view, n_entries, 8);
KVH_AT(kvh_score_view, scores, 16);
KVH_AT(kvh_score_view, pins, 24);

#define KVH_SCORER_SIZE_1_0 16u
KVH_STATIC_ASSERT(sizeof(kvh_scorer) >= KVH_SCORER_SIZE_1_0, "kvh_scorer only grows");
KVH_AT(kvh_scorer, struct_size, 0);
KVH_AT(kvh_scorer, reserved, 4);
KVH_AT(kvh_scorer, score, 8);

#define KVH_PART_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_part) >= KVH_PART_SIZE_1_0, "kvh_part only grows");
KVH_AT(kvh_part, struct_size, 0);
KVH_AT(kvh_part, n_kv_heads, 4);
KVH_AT(kvh_part, n_entries, 8);
KVH_AT(kvh_part, entries, 16);
KVH_AT(kvh_part, n_seen, 24);

#define KVH_CHILD_SIZE_1_0 48u
KVH_STATIC_ASSERT(sizeof(kvh_child) >= KVH_CHILD_SIZE_1_0, "kvh_child only grows");
KVH_AT(kvh_child, struct_size, 0);
KVH_AT(kvh_child, kind, 4);
KVH_AT(kvh_child, slot, 8);
KVH_AT(kvh_child, reserved, 12);
KVH_AT(kvh_child, impl, 16);
KVH_AT(kvh_child, name, 24);
KVH_AT(kvh_child, score, 32);
KVH_AT(kvh_child, score_part, 40);

#define KVH_HEAD_ALLOCATOR_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_head_allocator) >= KVH_HEAD_ALLOCATOR_SIZE_1_0, "kvh_head_allocator only grows");
KVH_AT(kvh_head_allocator, struct_size, 0);
KVH_AT(kvh_head_allocator, reserved, 4);
KVH_AT(kvh_head_allocator, allocate, 8);
KVH_AT(kvh_head_allocator, when, 16);
KVH_AT(kvh_head_allocator, observe, 24);

#define KVH_LAYER_REQUEST_SIZE_1_0 64u
KVH_STATIC_ASSERT(sizeof(kvh_layer_request) >= KVH_LAYER_REQUEST_SIZE_1_0, "kvh_layer_request only grows");
KVH_AT(kvh_layer_request, struct_size, 0);
KVH_AT(kvh_layer_request, phase, 4);
KVH_AT(kvh_layer_request, n_layers, 8);
KVH_AT(kvh_layer_request, n_kv_heads, 12);
KVH_AT(kvh_layer_request, n_observed, 16);
KVH_AT(kvh_layer_request, reserved, 20);
KVH_AT(kvh_layer_request, kv_len, 24);
KVH_AT(kvh_layer_request, total_entries, 32);
KVH_AT(kvh_layer_request, min_entries, 40);
KVH_AT(kvh_layer_request, max_entries, 48);
KVH_AT(kvh_layer_request, scores, 56);

#define KVH_LAYER_ANSWER_SIZE_1_0 80u
KVH_STATIC_ASSERT(sizeof(kvh_layer_answer) >= KVH_LAYER_ANSWER_SIZE_1_0, "kvh_layer_answer only grows");
KVH_AT(kvh_layer_answer, struct_size, 0);
KVH_AT(kvh_layer_answer, exact, 4);
KVH_AT(kvh_layer_answer, shares, 8);
KVH_AT(kvh_layer_answer, entries, 16);
KVH_AT(kvh_layer_answer, observed, 24);
KVH_AT(kvh_layer_answer, heads_exact, 32);
KVH_AT(kvh_layer_answer, reserved, 36);
KVH_AT(kvh_layer_answer, head_entries, 40);
KVH_AT(kvh_layer_answer, observed_name, 48);

#define KVH_LAYER_ALLOCATOR_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_layer_allocator) >= KVH_LAYER_ALLOCATOR_SIZE_1_0, "kvh_layer_allocator only grows");
KVH_AT(kvh_layer_allocator, struct_size, 0);
KVH_AT(kvh_layer_allocator, reserved, 4);
KVH_AT(kvh_layer_allocator, when, 8);
KVH_AT(kvh_layer_allocator, observe, 16);
KVH_AT(kvh_layer_allocator, allocate, 24);

#define KVH_EDIT_SIZE_1_0 64u
KVH_STATIC_ASSERT(sizeof(kvh_edit) >= KVH_EDIT_SIZE_1_0, "kvh_edit only grows");
KVH_AT(kvh_edit, struct_size, 0);
KVH_AT(kvh_edit, n_kv_heads, 4);
KVH_AT(kvh_edit, n_kept, 8);
KVH_AT(kvh_edit, kept, 16);
KVH_AT(kvh_edit, values, 24);
KVH_AT(kvh_edit, keys, 32);
KVH_AT(kvh_edit, positions, 40);
KVH_AT(kvh_edit, scores, 48);
KVH_AT(kvh_edit, channels, 56);

#define KVH_PRESS_SIZE_1_0 16u
KVH_STATIC_ASSERT(sizeof(kvh_press) >= KVH_PRESS_SIZE_1_0, "kvh_press only grows");
KVH_AT(kvh_press, struct_size, 0);
KVH_AT(kvh_press, reserved, 4);
KVH_AT(kvh_press, edit, 8);

#define KVH_SLOT_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_slot) >= KVH_SLOT_SIZE_1_0, "kvh_slot only grows");
KVH_AT(kvh_slot, struct_size, 0);
KVH_AT(kvh_slot, kinds, 4);
KVH_AT(kvh_slot, min, 8);
KVH_AT(kvh_slot, max, 12);
KVH_AT(kvh_slot, flags, 16);
KVH_AT(kvh_slot, reserved, 20);
KVH_AT(kvh_slot, name, 24);

#define KVH_CREATE_ARGS_SIZE_1_0 48u
KVH_STATIC_ASSERT(sizeof(kvh_create_args) >= KVH_CREATE_ARGS_SIZE_1_0, "kvh_create_args only grows");
KVH_AT(kvh_create_args, struct_size, 0);
KVH_AT(kvh_create_args, n_values, 4);
KVH_AT(kvh_create_args, values, 8);
KVH_AT(kvh_create_args, model, 16);
KVH_AT(kvh_create_args, host, 24);
KVH_AT(kvh_create_args, children, 32);
KVH_AT(kvh_create_args, n_children, 40);
KVH_AT(kvh_create_args, reserved, 44);

#define KVH_NEEDS_SIZE_1_0 24u
KVH_STATIC_ASSERT(sizeof(kvh_needs) >= KVH_NEEDS_SIZE_1_0, "kvh_needs only grows");
KVH_AT(kvh_needs, struct_size, 0);
KVH_AT(kvh_needs, capacity, 4);
KVH_AT(kvh_needs, count, 8);
KVH_AT(kvh_needs, reserved, 12);
KVH_AT(kvh_needs, needs, 16);

#define KVH_SEQUENCE_INFO_SIZE_1_0 40u
KVH_STATIC_ASSERT(sizeof(kvh_sequence_info) >= KVH_SEQUENCE_INFO_SIZE_1_0, "kvh_sequence_info only grows");
KVH_AT(kvh_sequence_info, struct_size, 0);
KVH_AT(kvh_sequence_info, phase, 4);
KVH_AT(kvh_sequence_info, seed, 8);
KVH_AT(kvh_sequence_info, n_prompt, 16);
KVH_AT(kvh_sequence_info, parts, 24);
KVH_AT(kvh_sequence_info, n_parts, 32);
KVH_AT(kvh_sequence_info, reserved, 36);

#define KVH_MOVED_SIZE_1_0 32u
KVH_STATIC_ASSERT(sizeof(kvh_moved) >= KVH_MOVED_SIZE_1_0, "kvh_moved only grows");
KVH_AT(kvh_moved, struct_size, 0);
KVH_AT(kvh_moved, layer, 4);
KVH_AT(kvh_moved, n_kv_heads, 8);
KVH_AT(kvh_moved, reserved, 12);
KVH_AT(kvh_moved, n_kept, 16);
KVH_AT(kvh_moved, kept, 24);

#define KVH_METHOD_SIZE_1_0 184u
KVH_STATIC_ASSERT(sizeof(kvh_method) >= KVH_METHOD_SIZE_1_0, "kvh_method only grows");
KVH_AT(kvh_method, struct_size, 0);
KVH_AT(kvh_method, kind, 4);
KVH_AT(kvh_method, flags, 8);
KVH_AT(kvh_method, reserved, 12);
KVH_AT(kvh_method, name, 16);
KVH_AT(kvh_method, version, 24);
KVH_AT(kvh_method, summary, 32);
KVH_AT(kvh_method, paper, 40);
KVH_AT(kvh_method, reference, 48);
KVH_AT(kvh_method, notes, 56);
KVH_AT(kvh_method, aliases, 64);
KVH_AT(kvh_method, default_inner, 72);
KVH_AT(kvh_method, params, 80);
KVH_AT(kvh_method, slots, 88);
KVH_AT(kvh_method, static_needs, 96);
KVH_AT(kvh_method, n_params, 104);
KVH_AT(kvh_method, n_slots, 108);
KVH_AT(kvh_method, n_static_needs, 112);
KVH_AT(kvh_method, reserved2, 116);
KVH_AT(kvh_method, create, 120);
KVH_AT(kvh_method, destroy, 128);
KVH_AT(kvh_method, needs, 136);
KVH_AT(kvh_method, begin, 144);
KVH_AT(kvh_method, end, 152);
KVH_AT(kvh_method, after_compact, 160);
KVH_AT(kvh_method, functions, 168);
KVH_AT(kvh_method, extension, 176);

#define KVH_HOST_SIZE_1_0 48u
KVH_STATIC_ASSERT(sizeof(kvh_host) >= KVH_HOST_SIZE_1_0, "kvh_host only grows");
KVH_AT(kvh_host, struct_size, 0);
KVH_AT(kvh_host, abi_major, 4);
KVH_AT(kvh_host, abi_minor, 8);
KVH_AT(kvh_host, abi_minor_oldest, 12);
KVH_AT(kvh_host, version, 16);
KVH_AT(kvh_host, impl, 24);
KVH_AT(kvh_host, log, 32);
KVH_AT(kvh_host, extension, 40);

#define KVH_PLUGIN_SIZE_1_0 72u
KVH_STATIC_ASSERT(sizeof(kvh_plugin) >= KVH_PLUGIN_SIZE_1_0, "kvh_plugin only grows");
KVH_AT(kvh_plugin, magic, 0);
KVH_AT(kvh_plugin, struct_size, 4);
KVH_AT(kvh_plugin, abi_major, 8);
KVH_AT(kvh_plugin, abi_minor, 12);
KVH_AT(kvh_plugin, abi_minor_required, 16);
KVH_AT(kvh_plugin, n_methods, 20);
KVH_AT(kvh_plugin, name, 24);
KVH_AT(kvh_plugin, version, 32);
KVH_AT(kvh_plugin, vendor, 40);
KVH_AT(kvh_plugin, license, 48);
KVH_AT(kvh_plugin, open, 56);
KVH_AT(kvh_plugin, method, 64);

#endif /* KVHOST_LAYOUT_H_ */
