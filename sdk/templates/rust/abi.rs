// SPDX-License-Identifier: Apache-2.0
// The kvhost plugin ABI, 1.0, as the headers in <prefix>/include/kvhost declare it; what everything means is said there.
// Written by kvhost; it is frozen, and the compiler checks that every field lies where ABI 1 has it.
#![allow(non_camel_case_types, dead_code)]

use std::os::raw::{c_char, c_void};

pub type kvh_status = i32;

pub const KVH_OK: kvh_status = 0;
pub const KVH_E_INTERNAL: kvh_status = -1;
pub const KVH_E_CONFIG: kvh_status = -2;
pub const KVH_E_UNSUPPORTED: kvh_status = -3;
pub const KVH_E_ABI: kvh_status = -4;
pub const KVH_E_NEED_MISSING: kvh_status = -5;
pub const KVH_E_SHAPE: kvh_status = -6;
pub const KVH_E_OOM: kvh_status = -7;
pub const KVH_E_CANCELLED: kvh_status = -8;
pub const KVH_E_RESOURCE: kvh_status = -9;
pub const KVH_MAGIC: u32 = 0x3148564b;
pub const KVH_ABI_MAJOR: u32 = 1;
pub const KVH_ABI_MINOR: u32 = 0;
pub const KVH_MUST_UNDERSTAND: u32 = 0xffff;
pub const KVH_DEVICE_CPU: i32 = 1;
pub const KVH_DEVICE_CUDA: i32 = 2;
pub const KVH_DTYPE_INT: u8 = 0;
pub const KVH_DTYPE_FLOAT: u8 = 2;
pub const KVH_DTYPE_BFLOAT: u8 = 4;
pub const KVH_PARAM_BOOL: u32 = 0;
pub const KVH_PARAM_INT: u32 = 1;
pub const KVH_PARAM_FLOAT: u32 = 2;
pub const KVH_PARAM_STRING: u32 = 3;
pub const KVH_PARAM_CHOICE: u32 = 4;
pub const KVH_PARAM_FILE: u32 = 5;
pub const KVH_PARAM_INT_LIST: u32 = 6;
pub const KVH_PARAM_FLOAT_LIST: u32 = 7;
pub const KVH_PARAM_HAS_MIN: u32 = 1 << 0;
pub const KVH_PARAM_HAS_MAX: u32 = 1 << 1;
pub const KVH_PARAM_EXCLUSIVE_MIN: u32 = 1 << 2;
pub const KVH_PARAM_EXCLUSIVE_MAX: u32 = 1 << 3;
pub const KVH_PARAM_ODD: u32 = 1 << 4;
pub const KVH_PARAM_OPTIONAL: u32 = 1 << 5;
pub const KVH_PART_TEMPLATE: u32 = 0;
pub const KVH_PART_CONTEXT: u32 = 1;
pub const KVH_PART_QUESTION: u32 = 2;
pub const KVH_LAYER_ATTENTION: u32 = 0;
pub const KVH_T_KEYS: u32 = 0;
pub const KVH_T_VALUES: u32 = 1;
pub const KVH_T_HIDDEN: u32 = 2;
pub const KVH_T_QUERY_WINDOW: u32 = 3;
pub const KVH_T_WINDOW_ATTENTION: u32 = 4;
pub const KVH_T_ATTENTION_MEAN: u32 = 5;
pub const KVH_T_ATTENTION: u32 = 6;
pub const KVH_T_OUTPUT_WEIGHT: u32 = 7;
pub const KVH_T_ATTENTION_SUM: u32 = 8;
pub const KVH_T_COUNT: u32 = 9;
pub const KVH_NEED_OPTIONAL: u32 = 1 << 0;
pub const KVH_PHASE_PREFILL: i32 = 0;
pub const KVH_PHASE_DECODE: i32 = 1;
pub const KVH_PHASE_PASS: i32 = 2;
pub const KVH_NEED_SPREAD: u32 = 1 << 1;
pub const KVH_KIND_SCORER: u32 = 1;
pub const KVH_KIND_WRAPPER: u32 = 2;
pub const KVH_KIND_HEAD_ALLOCATOR: u32 = 3;
pub const KVH_KIND_LAYER_ALLOCATOR: u32 = 4;
pub const KVH_KIND_PRESS: u32 = 5;
pub const KVH_METHOD_PREFILL: u32 = 1 << 0;
pub const KVH_METHOD_DECODE: u32 = 1 << 1;
pub const KVH_METHOD_NEEDS_BUDGET: u32 = 1 << 2;
pub const KVH_METHOD_READS_PROMPT: u32 = 1 << 3;
pub const KVH_METHOD_NO_SCORER: u32 = 1 << 4;
pub const KVH_METHOD_SCORES_PARTS: u32 = 1 << 5;
pub const KVH_METHOD_EDITS_SCORES: u32 = 1 << 6;
pub const KVH_METHOD_OWN_TOTAL: u32 = 1 << 7;
pub const KVH_METHOD_NEEDS_SCORES: u32 = 1 << 8;
pub const KVH_METHOD_EDITS_VALUES: u32 = 1 << 9;
pub const KVH_METHOD_EDITS_KEYS: u32 = 1 << 10;
pub const KVH_METHOD_EDITS_POSITIONS: u32 = 1 << 11;
pub const KVH_METHOD_PRUNES_CHANNELS: u32 = 1 << 12;
pub const KVH_METHOD_DETERMINISTIC: u32 = 1 << 16;
pub const KVH_METHOD_DECIDES_LATE: u32 = 1 << 17;
pub const KVH_METHOD_MIXED_LAYERS: u32 = 1 << 18;
pub const KVH_WHEN_BEFORE_PREFILL: u32 = 0;
pub const KVH_WHEN_MONOTONE: u32 = 1;
pub const KVH_WHEN_AFTER_PREFILL: u32 = 2;
pub const KVH_LOG_DEBUG: i32 = 0;
pub const KVH_LOG_INFO: i32 = 1;
pub const KVH_LOG_WARN: i32 = 2;
pub const KVH_LOG_ERROR: i32 = 3;
pub const KVH_WEIGHT_QUERY: u32 = 0;
pub const KVH_WEIGHT_KEY: u32 = 1;
pub const KVH_WEIGHT_VALUE: u32 = 2;
pub const KVH_WEIGHT_OUTPUT: u32 = 3;
pub const KVH_WEIGHT_GATE: u32 = 4;
pub const KVH_WEIGHT_UP: u32 = 5;
pub const KVH_WEIGHT_DOWN: u32 = 6;
pub const KVH_EXT_APPENDIX: &str = "kvhost.appendix/1\0";
pub const KVH_EXT_BIAS: &str = "kvhost.bias/1\0";
pub const KVH_EXT_CALIBRATE: &str = "kvhost.calibrate/1\0";
pub const KVH_EXT_DRAFT: &str = "kvhost.draft/1\0";
pub const KVH_EXT_OWN_BUDGET: &str = "kvhost.own_budget/1\0";
pub const KVH_REDUCE_MAX: u32 = 0;
pub const KVH_REDUCE_SUM: u32 = 1;
pub const KVH_ROWS_PLAIN: u32 = 0;
pub const KVH_ROWS_BY_HIDDEN: u32 = 1;
pub const KVH_ROWS_BY_GRADIENT: u32 = 2;
pub const KVH_EXT_PASSES: &str = "kvhost.passes/1\0";
pub const KVH_EXT_SEQUENCE: &str = "kvhost.sequence/1\0";
pub const KVH_EXT_SURROGATE: &str = "kvhost.surrogate/1\0";

#[repr(C)]
pub struct kvh_instance {
    _defined_by_the_plugin: [u8; 0],
}

#[repr(C)]
pub struct kvh_sequence {
    _defined_by_the_plugin: [u8; 0],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_error {
    pub struct_size: u32,
    pub code: kvh_status,
    pub path: [c_char; 128],
    pub message: [c_char; 1024],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_device {
    pub r#type: i32,
    pub id: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_dtype {
    pub code: u8,
    pub bits: u8,
    pub lanes: u16,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_tensor {
    pub data: *mut c_void,
    pub device: kvh_device,
    pub ndim: i32,
    pub dtype: kvh_dtype,
    pub shape: *const i64,
    pub strides: *const i64,
    pub byte_offset: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub union kvh_value_v {
    pub i: i64,
    pub d: f64,
    pub s: *const c_char,
    pub ints: *const i64,
    pub doubles: *const f64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_value {
    pub r#type: u32,
    pub present: u32,
    pub count: i64,
    pub v: kvh_value_v,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_param {
    pub struct_size: u32,
    pub r#type: u32,
    pub flags: u32,
    pub reserved: u32,
    pub name: *const c_char,
    pub doc: *const c_char,
    pub unit: *const c_char,
    pub def: kvh_value,
    pub min: f64,
    pub max: f64,
    pub choices: *const *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_prompt_part {
    pub kind: u32,
    pub reserved: u32,
    pub begin: i64,
    pub end: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_prompt {
    pub struct_size: u32,
    pub n_parts: u32,
    pub n_tokens: i64,
    pub tokens: *const i32,
    pub parts: *const kvh_prompt_part,
    pub n_suffix: i64,
    pub suffix: *const i32,
    pub r#impl: *mut c_void,
    pub tokenize: Option<unsafe extern "C" fn(*const kvh_prompt, *const c_char, *mut i32, i64, *mut i64, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_rope {
    pub struct_size: u32,
    pub rotary_dim: i32,
    pub inv_freq: *const f32,
    pub attention_scaling: f64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_layer_shape {
    pub struct_size: u32,
    pub kind: u32,
    pub model_layer: i32,
    pub shares_with: i32,
    pub n_heads: i32,
    pub n_kv_heads: i32,
    pub key_dim: i32,
    pub value_dim: i32,
    pub entry_bytes: i64,
    pub window: i64,
    pub scale: f64,
    pub softcap: f64,
    pub sinks: *const f32,
    pub rope: *const kvh_rope,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_model {
    pub struct_size: u32,
    pub n_layers: i32,
    pub n_heads: i32,
    pub n_kv_heads: i32,
    pub head_dim: i32,
    pub hidden_size: i32,
    pub dtype: kvh_dtype,
    pub reserved: u32,
    pub device: kvh_device,
    pub family: *const c_char,
    pub model_dir: *const c_char,
    pub layers: *const *const kvh_layer_shape,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_need {
    pub tensor: u32,
    pub flags: u32,
    pub window: i64,
    pub phases: u32,
    pub layer_stride: u32,
    pub reserved: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_head {
    pub struct_size: u32,
    pub reserved: u32,
    pub n_entries: i64,
    pub keys: kvh_tensor,
    pub values: kvh_tensor,
    pub positions: *const i32,
    pub tensors: *const *const kvh_tensor,
    pub needs: *const *const kvh_tensor,
    pub n_tensors: u32,
    pub n_needs: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_exec {
    pub struct_size: u32,
    pub n_threads: u32,
    pub seed: u64,
    pub r#impl: *mut c_void,
    pub cancelled: Option<unsafe extern "C" fn(*const kvh_exec) -> i32>,
    pub parallel_for: Option<unsafe extern "C" fn(*const kvh_exec, i64, Option<unsafe extern "C" fn(*mut c_void, i64, i64, u32)>, *mut c_void)>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_layer {
    pub struct_size: u32,
    pub phase: i32,
    pub layer: i32,
    pub n_kv_heads: i32,
    pub n_seen: i64,
    pub q_len: i64,
    pub kv_len: i64,
    pub n_prompt: i64,
    pub layer_budget: i64,
    pub total_entries: i64,
    pub keep_ratio: f64,
    pub model: *const kvh_model,
    pub shape: *const kvh_layer_shape,
    pub exec: *const kvh_exec,
    pub prompt: *const kvh_prompt,
    pub heads: *const *const kvh_head,
    pub tensors: *const *const kvh_tensor,
    pub needs: *const *const kvh_tensor,
    pub n_tensors: u32,
    pub n_needs: u32,
    pub r#impl: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_scores {
    pub struct_size: u32,
    pub n_kv_heads: i32,
    pub n_entries: *const i64,
    pub scores: *const *mut f32,
    pub pins: *const *mut i8,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_score_view {
    pub struct_size: u32,
    pub n_kv_heads: i32,
    pub n_entries: *const i64,
    pub scores: *const *const f32,
    pub pins: *const *const i8,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_scorer {
    pub struct_size: u32,
    pub reserved: u32,
    pub score: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_layer, *mut kvh_scores, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_part {
    pub struct_size: u32,
    pub n_kv_heads: i32,
    pub n_entries: *const i64,
    pub entries: *const *const i32,
    pub n_seen: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_child {
    pub struct_size: u32,
    pub kind: u32,
    pub slot: u32,
    pub reserved: u32,
    pub r#impl: *mut c_void,
    pub name: *const c_char,
    pub score: Option<unsafe extern "C" fn(*const kvh_child, *const kvh_layer, *mut kvh_scores, *mut kvh_error) -> kvh_status>,
    pub score_part: Option<unsafe extern "C" fn(*const kvh_child, *const kvh_layer, *const kvh_part, *mut kvh_scores, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_head_allocator {
    pub struct_size: u32,
    pub reserved: u32,
    pub allocate: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_layer, *const kvh_score_view, *mut kvh_scores, *mut i64, *mut kvh_error) -> kvh_status>,
    pub when: Option<unsafe extern "C" fn(*const kvh_instance) -> u32>,
    pub observe: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_layer, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_layer_request {
    pub struct_size: u32,
    pub phase: i32,
    pub n_layers: i32,
    pub n_kv_heads: i32,
    pub n_observed: i32,
    pub reserved: u32,
    pub kv_len: i64,
    pub total_entries: i64,
    pub min_entries: *const i64,
    pub max_entries: *const i64,
    pub scores: *const *const kvh_score_view,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_layer_answer {
    pub struct_size: u32,
    pub exact: u32,
    pub shares: *mut f64,
    pub entries: *mut i64,
    pub observed: *mut f64,
    pub heads_exact: u32,
    pub reserved: u32,
    pub head_entries: *const *mut i64,
    pub observed_name: [c_char; 32],
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_layer_allocator {
    pub struct_size: u32,
    pub reserved: u32,
    pub when: Option<unsafe extern "C" fn(*const kvh_instance) -> u32>,
    pub observe: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_layer, *mut kvh_error) -> kvh_status>,
    pub allocate: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_layer_request, *mut kvh_layer_answer, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_edit {
    pub struct_size: u32,
    pub n_kv_heads: i32,
    pub n_kept: *const i64,
    pub kept: *const *const i32,
    pub values: *const *mut f32,
    pub keys: *const *mut f32,
    pub positions: *const *mut i32,
    pub scores: *const *const f32,
    pub channels: *const *mut u8,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_press {
    pub struct_size: u32,
    pub reserved: u32,
    pub edit: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_layer, *mut kvh_edit, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_slot {
    pub struct_size: u32,
    pub kinds: u32,
    pub min: u32,
    pub max: u32,
    pub flags: u32,
    pub reserved: u32,
    pub name: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_create_args {
    pub struct_size: u32,
    pub n_values: u32,
    pub values: *const kvh_value,
    pub model: *const kvh_model,
    pub host: *const kvh_host,
    pub children: *const *const kvh_child,
    pub n_children: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_needs {
    pub struct_size: u32,
    pub capacity: u32,
    pub count: u32,
    pub reserved: u32,
    pub needs: *mut kvh_need,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_sequence_info {
    pub struct_size: u32,
    pub phase: i32,
    pub seed: u64,
    pub n_prompt: i64,
    pub parts: *const kvh_prompt_part,
    pub n_parts: u32,
    pub reserved: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_moved {
    pub struct_size: u32,
    pub layer: i32,
    pub n_kv_heads: i32,
    pub reserved: u32,
    pub n_kept: *const i64,
    pub kept: *const *const i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_method {
    pub struct_size: u32,
    pub kind: u32,
    pub flags: u32,
    pub reserved: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub summary: *const c_char,
    pub paper: *const c_char,
    pub reference: *const c_char,
    pub notes: *const c_char,
    pub aliases: *const *const c_char,
    pub default_inner: *const c_char,
    pub params: *const *const kvh_param,
    pub slots: *const *const kvh_slot,
    pub static_needs: *const kvh_need,
    pub n_params: u32,
    pub n_slots: u32,
    pub n_static_needs: u32,
    pub reserved2: u32,
    pub create: Option<unsafe extern "C" fn(*const kvh_method, *const kvh_create_args, *mut *mut kvh_instance, *mut kvh_error) -> kvh_status>,
    pub destroy: Option<unsafe extern "C" fn(*mut kvh_instance)>,
    pub needs: Option<unsafe extern "C" fn(*const kvh_instance, *mut kvh_needs, *mut kvh_error) -> kvh_status>,
    pub begin: Option<unsafe extern "C" fn(*mut kvh_instance, *const kvh_sequence_info, *mut *mut kvh_sequence, *mut kvh_error) -> kvh_status>,
    pub end: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence)>,
    pub after_compact: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_moved, *mut kvh_error) -> kvh_status>,
    pub functions: *const c_void,
    pub extension: Option<unsafe extern "C" fn(*const kvh_method, *const c_char) -> *const c_void>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_host {
    pub struct_size: u32,
    pub abi_major: u32,
    pub abi_minor: u32,
    pub abi_minor_oldest: u32,
    pub version: *const c_char,
    pub r#impl: *mut c_void,
    pub log: Option<unsafe extern "C" fn(*const kvh_host, i32, *const c_char)>,
    pub extension: Option<unsafe extern "C" fn(*const kvh_host, *const c_char) -> *const c_void>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_plugin {
    pub magic: u32,
    pub struct_size: u32,
    pub abi_major: u32,
    pub abi_minor: u32,
    pub abi_minor_required: u32,
    pub n_methods: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub vendor: *const c_char,
    pub license: *const c_char,
    pub open: Option<unsafe extern "C" fn(*const kvh_host, *mut kvh_error) -> kvh_status>,
    pub method: Option<unsafe extern "C" fn(u32) -> *const kvh_method>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_low_rank {
    pub weight: u32,
    pub layer: i32,
    pub rank: i64,
    pub n_in: i64,
    pub n_out: i64,
    pub down: *const f32,
    pub up: *const f32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_appended {
    pub struct_size: u32,
    pub n_changes: u32,
    pub n_rows: i64,
    pub rows: *const f32,
    pub changes: *const kvh_low_rank,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_appendix {
    pub struct_size: u32,
    pub reserved: u32,
    pub get: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_appended, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_biases {
    pub struct_size: u32,
    pub n_kv_heads: i32,
    pub held: *const *const f32,
    pub kept: *const *mut f32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_bias_press {
    pub struct_size: u32,
    pub reserved: u32,
    pub edit: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_layer, *mut kvh_edit, *mut kvh_biases, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_learned {
    pub struct_size: u32,
    pub reserved: u32,
    pub r#impl: *mut c_void,
    pub tensor: Option<unsafe extern "C" fn(*const kvh_learned, *const c_char, *const i64, u32, *const f32, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_observer {
    pub struct_size: u32,
    pub reserved: u32,
    pub observe: Option<unsafe extern "C" fn(*mut kvh_instance, *const kvh_layer, *mut kvh_error) -> kvh_status>,
    pub finish: Option<unsafe extern "C" fn(*mut kvh_instance, *const kvh_learned, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_calibrate {
    pub struct_size: u32,
    pub reserved: u32,
    pub file: *const c_char,
    pub observer: *const kvh_method,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_draft {
    pub struct_size: u32,
    pub reserved: u32,
    pub n_tokens: Option<unsafe extern "C" fn(*const kvh_instance) -> i64>,
    pub cut: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_layer, *mut kvh_scores, *mut i64, *mut kvh_error) -> kvh_status>,
    pub observe: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_layer, *const kvh_tensor, *const i32, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_own_budget {
    pub struct_size: u32,
    pub reserved: u32,
    pub entries_per_head: Option<unsafe extern "C" fn(*const kvh_instance, i64) -> i64>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_range {
    pub begin: i64,
    pub end: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_pass {
    pub struct_size: u32,
    pub reserved: u32,
    pub n_tokens: i64,
    pub tokens: *const i32,
    pub reduce: u32,
    pub rows: u32,
    pub per_head: u32,
    pub n_seen: u32,
    pub seen: *const kvh_range,
    pub columns: kvh_range,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_columns {
    pub struct_size: u32,
    pub n_rows: i32,
    pub n: i64,
    pub first_entry: i64,
    pub values: *const f32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_pass_cost {
    pub struct_size: u32,
    pub gradients: u32,
    pub n_passes: i64,
    pub n_tokens: i64,
    pub longest: i64,
    pub n_columns: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_passes {
    pub struct_size: u32,
    pub reserved: u32,
    pub cost: Option<unsafe extern "C" fn(*mut kvh_instance, *const kvh_prompt, *mut kvh_pass_cost, *mut kvh_error) -> kvh_status>,
    pub next: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_prompt, i64, *mut kvh_pass, *mut kvh_error) -> kvh_status>,
    pub observe: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, *const kvh_layer, *const kvh_columns, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_sequence_functions {
    pub struct_size: u32,
    pub reserved: u32,
    pub copy: Option<unsafe extern "C" fn(*mut kvh_instance, *const kvh_sequence, *mut *mut kvh_sequence, *mut kvh_error) -> kvh_status>,
    pub truncate: Option<unsafe extern "C" fn(*mut kvh_instance, *mut kvh_sequence, i64, *mut kvh_error) -> kvh_status>,
    pub save: Option<unsafe extern "C" fn(*mut kvh_instance, *const kvh_sequence, *mut u8, i64, *mut i64, *mut kvh_error) -> kvh_status>,
    pub load: Option<unsafe extern "C" fn(*mut kvh_instance, *const kvh_sequence_info, *const u8, i64, *mut *mut kvh_sequence, *mut kvh_error) -> kvh_status>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kvh_surrogate {
    pub struct_size: u32,
    pub reserved: u32,
    pub teacher: *const c_char,
    pub file_linear: *const c_char,
    pub file_mlp: *const c_char,
}

// Byte i of MARKS is i, up to 255: what lies at a field tells its offset.
#[repr(C, align(16))]
struct Marks([u8; 2048]);
const MARKS: Marks = {
    let mut marks = [0; 2048];
    let mut i = 0;
    while i < 2048 {
        marks[i] = i as u8;
        i += 1;
    }
    Marks(marks)
};
macro_rules! at {
    ($t:ty, $field:ident, $offset:expr) => {
        const _: () = {
            let place = unsafe { std::ptr::addr_of!((*(&MARKS as *const Marks as *const $t)).$field) };
            assert!(unsafe { *(place as *const u8) } == $offset);
        };
    };
}
macro_rules! size {
    ($t:ty, $bytes:expr) => {
        const _: () = assert!(std::mem::size_of::<$t>() == $bytes);
    };
}
// Of a struct that has grown since 1.0.
macro_rules! size_of_1_0 {
    ($t:ty, $bytes:expr) => {
        const _: () = assert!(std::mem::size_of::<$t>() > $bytes);
    };
}
size!(kvh_error, 1160);
at!(kvh_error, struct_size, 0);
at!(kvh_error, code, 4);
at!(kvh_error, path, 8);
at!(kvh_error, message, 136);
size!(kvh_device, 8);
at!(kvh_device, r#type, 0);
at!(kvh_device, id, 4);
size!(kvh_dtype, 4);
at!(kvh_dtype, code, 0);
at!(kvh_dtype, bits, 1);
at!(kvh_dtype, lanes, 2);
size!(kvh_tensor, 48);
at!(kvh_tensor, data, 0);
at!(kvh_tensor, device, 8);
at!(kvh_tensor, ndim, 16);
at!(kvh_tensor, dtype, 20);
at!(kvh_tensor, shape, 24);
at!(kvh_tensor, strides, 32);
at!(kvh_tensor, byte_offset, 40);
size!(kvh_value, 24);
at!(kvh_value, r#type, 0);
at!(kvh_value, present, 4);
at!(kvh_value, count, 8);
at!(kvh_value, v, 16);
size!(kvh_param, 88);
at!(kvh_param, struct_size, 0);
at!(kvh_param, r#type, 4);
at!(kvh_param, flags, 8);
at!(kvh_param, reserved, 12);
at!(kvh_param, name, 16);
at!(kvh_param, doc, 24);
at!(kvh_param, unit, 32);
at!(kvh_param, def, 40);
at!(kvh_param, min, 64);
at!(kvh_param, max, 72);
at!(kvh_param, choices, 80);
size!(kvh_prompt_part, 24);
at!(kvh_prompt_part, kind, 0);
at!(kvh_prompt_part, reserved, 4);
at!(kvh_prompt_part, begin, 8);
at!(kvh_prompt_part, end, 16);
size!(kvh_prompt, 64);
at!(kvh_prompt, struct_size, 0);
at!(kvh_prompt, n_parts, 4);
at!(kvh_prompt, n_tokens, 8);
at!(kvh_prompt, tokens, 16);
at!(kvh_prompt, parts, 24);
at!(kvh_prompt, n_suffix, 32);
at!(kvh_prompt, suffix, 40);
at!(kvh_prompt, r#impl, 48);
at!(kvh_prompt, tokenize, 56);
size!(kvh_rope, 24);
at!(kvh_rope, struct_size, 0);
at!(kvh_rope, rotary_dim, 4);
at!(kvh_rope, inv_freq, 8);
at!(kvh_rope, attention_scaling, 16);
size!(kvh_layer_shape, 80);
at!(kvh_layer_shape, struct_size, 0);
at!(kvh_layer_shape, kind, 4);
at!(kvh_layer_shape, model_layer, 8);
at!(kvh_layer_shape, shares_with, 12);
at!(kvh_layer_shape, n_heads, 16);
at!(kvh_layer_shape, n_kv_heads, 20);
at!(kvh_layer_shape, key_dim, 24);
at!(kvh_layer_shape, value_dim, 28);
at!(kvh_layer_shape, entry_bytes, 32);
at!(kvh_layer_shape, window, 40);
at!(kvh_layer_shape, scale, 48);
at!(kvh_layer_shape, softcap, 56);
at!(kvh_layer_shape, sinks, 64);
at!(kvh_layer_shape, rope, 72);
size!(kvh_model, 64);
at!(kvh_model, struct_size, 0);
at!(kvh_model, n_layers, 4);
at!(kvh_model, n_heads, 8);
at!(kvh_model, n_kv_heads, 12);
at!(kvh_model, head_dim, 16);
at!(kvh_model, hidden_size, 20);
at!(kvh_model, dtype, 24);
at!(kvh_model, reserved, 28);
at!(kvh_model, device, 32);
at!(kvh_model, family, 40);
at!(kvh_model, model_dir, 48);
at!(kvh_model, layers, 56);
size!(kvh_need, 32);
at!(kvh_need, tensor, 0);
at!(kvh_need, flags, 4);
at!(kvh_need, window, 8);
at!(kvh_need, phases, 16);
at!(kvh_need, layer_stride, 20);
at!(kvh_need, reserved, 24);
size!(kvh_head, 144);
at!(kvh_head, struct_size, 0);
at!(kvh_head, reserved, 4);
at!(kvh_head, n_entries, 8);
at!(kvh_head, keys, 16);
at!(kvh_head, values, 64);
at!(kvh_head, positions, 112);
at!(kvh_head, tensors, 120);
at!(kvh_head, needs, 128);
at!(kvh_head, n_tensors, 136);
at!(kvh_head, n_needs, 140);
size!(kvh_exec, 40);
at!(kvh_exec, struct_size, 0);
at!(kvh_exec, n_threads, 4);
at!(kvh_exec, seed, 8);
at!(kvh_exec, r#impl, 16);
at!(kvh_exec, cancelled, 24);
at!(kvh_exec, parallel_for, 32);
size!(kvh_layer, 144);
at!(kvh_layer, struct_size, 0);
at!(kvh_layer, phase, 4);
at!(kvh_layer, layer, 8);
at!(kvh_layer, n_kv_heads, 12);
at!(kvh_layer, n_seen, 16);
at!(kvh_layer, q_len, 24);
at!(kvh_layer, kv_len, 32);
at!(kvh_layer, n_prompt, 40);
at!(kvh_layer, layer_budget, 48);
at!(kvh_layer, total_entries, 56);
at!(kvh_layer, keep_ratio, 64);
at!(kvh_layer, model, 72);
at!(kvh_layer, shape, 80);
at!(kvh_layer, exec, 88);
at!(kvh_layer, prompt, 96);
at!(kvh_layer, heads, 104);
at!(kvh_layer, tensors, 112);
at!(kvh_layer, needs, 120);
at!(kvh_layer, n_tensors, 128);
at!(kvh_layer, n_needs, 132);
at!(kvh_layer, r#impl, 136);
size!(kvh_scores, 32);
at!(kvh_scores, struct_size, 0);
at!(kvh_scores, n_kv_heads, 4);
at!(kvh_scores, n_entries, 8);
at!(kvh_scores, scores, 16);
at!(kvh_scores, pins, 24);
size!(kvh_score_view, 32);
at!(kvh_score_view, struct_size, 0);
at!(kvh_score_view, n_kv_heads, 4);
at!(kvh_score_view, n_entries, 8);
at!(kvh_score_view, scores, 16);
at!(kvh_score_view, pins, 24);
size!(kvh_scorer, 16);
at!(kvh_scorer, struct_size, 0);
at!(kvh_scorer, reserved, 4);
at!(kvh_scorer, score, 8);
size!(kvh_part, 32);
at!(kvh_part, struct_size, 0);
at!(kvh_part, n_kv_heads, 4);
at!(kvh_part, n_entries, 8);
at!(kvh_part, entries, 16);
at!(kvh_part, n_seen, 24);
size!(kvh_child, 48);
at!(kvh_child, struct_size, 0);
at!(kvh_child, kind, 4);
at!(kvh_child, slot, 8);
at!(kvh_child, reserved, 12);
at!(kvh_child, r#impl, 16);
at!(kvh_child, name, 24);
at!(kvh_child, score, 32);
at!(kvh_child, score_part, 40);
size!(kvh_head_allocator, 32);
at!(kvh_head_allocator, struct_size, 0);
at!(kvh_head_allocator, reserved, 4);
at!(kvh_head_allocator, allocate, 8);
at!(kvh_head_allocator, when, 16);
at!(kvh_head_allocator, observe, 24);
size!(kvh_layer_request, 64);
at!(kvh_layer_request, struct_size, 0);
at!(kvh_layer_request, phase, 4);
at!(kvh_layer_request, n_layers, 8);
at!(kvh_layer_request, n_kv_heads, 12);
at!(kvh_layer_request, n_observed, 16);
at!(kvh_layer_request, reserved, 20);
at!(kvh_layer_request, kv_len, 24);
at!(kvh_layer_request, total_entries, 32);
at!(kvh_layer_request, min_entries, 40);
at!(kvh_layer_request, max_entries, 48);
at!(kvh_layer_request, scores, 56);
size!(kvh_layer_answer, 80);
at!(kvh_layer_answer, struct_size, 0);
at!(kvh_layer_answer, exact, 4);
at!(kvh_layer_answer, shares, 8);
at!(kvh_layer_answer, entries, 16);
at!(kvh_layer_answer, observed, 24);
at!(kvh_layer_answer, heads_exact, 32);
at!(kvh_layer_answer, reserved, 36);
at!(kvh_layer_answer, head_entries, 40);
at!(kvh_layer_answer, observed_name, 48);
size!(kvh_layer_allocator, 32);
at!(kvh_layer_allocator, struct_size, 0);
at!(kvh_layer_allocator, reserved, 4);
at!(kvh_layer_allocator, when, 8);
at!(kvh_layer_allocator, observe, 16);
at!(kvh_layer_allocator, allocate, 24);
size!(kvh_edit, 64);
at!(kvh_edit, struct_size, 0);
at!(kvh_edit, n_kv_heads, 4);
at!(kvh_edit, n_kept, 8);
at!(kvh_edit, kept, 16);
at!(kvh_edit, values, 24);
at!(kvh_edit, keys, 32);
at!(kvh_edit, positions, 40);
at!(kvh_edit, scores, 48);
at!(kvh_edit, channels, 56);
size!(kvh_press, 16);
at!(kvh_press, struct_size, 0);
at!(kvh_press, reserved, 4);
at!(kvh_press, edit, 8);
size!(kvh_slot, 32);
at!(kvh_slot, struct_size, 0);
at!(kvh_slot, kinds, 4);
at!(kvh_slot, min, 8);
at!(kvh_slot, max, 12);
at!(kvh_slot, flags, 16);
at!(kvh_slot, reserved, 20);
at!(kvh_slot, name, 24);
size!(kvh_create_args, 48);
at!(kvh_create_args, struct_size, 0);
at!(kvh_create_args, n_values, 4);
at!(kvh_create_args, values, 8);
at!(kvh_create_args, model, 16);
at!(kvh_create_args, host, 24);
at!(kvh_create_args, children, 32);
at!(kvh_create_args, n_children, 40);
at!(kvh_create_args, reserved, 44);
size!(kvh_needs, 24);
at!(kvh_needs, struct_size, 0);
at!(kvh_needs, capacity, 4);
at!(kvh_needs, count, 8);
at!(kvh_needs, reserved, 12);
at!(kvh_needs, needs, 16);
size!(kvh_sequence_info, 40);
at!(kvh_sequence_info, struct_size, 0);
at!(kvh_sequence_info, phase, 4);
at!(kvh_sequence_info, seed, 8);
at!(kvh_sequence_info, n_prompt, 16);
at!(kvh_sequence_info, parts, 24);
at!(kvh_sequence_info, n_parts, 32);
at!(kvh_sequence_info, reserved, 36);
size!(kvh_moved, 32);
at!(kvh_moved, struct_size, 0);
at!(kvh_moved, layer, 4);
at!(kvh_moved, n_kv_heads, 8);
at!(kvh_moved, reserved, 12);
at!(kvh_moved, n_kept, 16);
at!(kvh_moved, kept, 24);
size!(kvh_method, 184);
at!(kvh_method, struct_size, 0);
at!(kvh_method, kind, 4);
at!(kvh_method, flags, 8);
at!(kvh_method, reserved, 12);
at!(kvh_method, name, 16);
at!(kvh_method, version, 24);
at!(kvh_method, summary, 32);
at!(kvh_method, paper, 40);
at!(kvh_method, reference, 48);
at!(kvh_method, notes, 56);
at!(kvh_method, aliases, 64);
at!(kvh_method, default_inner, 72);
at!(kvh_method, params, 80);
at!(kvh_method, slots, 88);
at!(kvh_method, static_needs, 96);
at!(kvh_method, n_params, 104);
at!(kvh_method, n_slots, 108);
at!(kvh_method, n_static_needs, 112);
at!(kvh_method, reserved2, 116);
at!(kvh_method, create, 120);
at!(kvh_method, destroy, 128);
at!(kvh_method, needs, 136);
at!(kvh_method, begin, 144);
at!(kvh_method, end, 152);
at!(kvh_method, after_compact, 160);
at!(kvh_method, functions, 168);
at!(kvh_method, extension, 176);
size!(kvh_host, 48);
at!(kvh_host, struct_size, 0);
at!(kvh_host, abi_major, 4);
at!(kvh_host, abi_minor, 8);
at!(kvh_host, abi_minor_oldest, 12);
at!(kvh_host, version, 16);
at!(kvh_host, r#impl, 24);
at!(kvh_host, log, 32);
at!(kvh_host, extension, 40);
size!(kvh_plugin, 72);
at!(kvh_plugin, magic, 0);
at!(kvh_plugin, struct_size, 4);
at!(kvh_plugin, abi_major, 8);
at!(kvh_plugin, abi_minor, 12);
at!(kvh_plugin, abi_minor_required, 16);
at!(kvh_plugin, n_methods, 20);
at!(kvh_plugin, name, 24);
at!(kvh_plugin, version, 32);
at!(kvh_plugin, vendor, 40);
at!(kvh_plugin, license, 48);
at!(kvh_plugin, open, 56);
at!(kvh_plugin, method, 64);
size!(kvh_low_rank, 48);
at!(kvh_low_rank, weight, 0);
at!(kvh_low_rank, layer, 4);
at!(kvh_low_rank, rank, 8);
at!(kvh_low_rank, n_in, 16);
at!(kvh_low_rank, n_out, 24);
at!(kvh_low_rank, down, 32);
at!(kvh_low_rank, up, 40);
size!(kvh_appended, 32);
at!(kvh_appended, struct_size, 0);
at!(kvh_appended, n_changes, 4);
at!(kvh_appended, n_rows, 8);
at!(kvh_appended, rows, 16);
at!(kvh_appended, changes, 24);
size!(kvh_appendix, 16);
at!(kvh_appendix, struct_size, 0);
at!(kvh_appendix, reserved, 4);
at!(kvh_appendix, get, 8);
size!(kvh_biases, 24);
at!(kvh_biases, struct_size, 0);
at!(kvh_biases, n_kv_heads, 4);
at!(kvh_biases, held, 8);
at!(kvh_biases, kept, 16);
size!(kvh_bias_press, 16);
at!(kvh_bias_press, struct_size, 0);
at!(kvh_bias_press, reserved, 4);
at!(kvh_bias_press, edit, 8);
size!(kvh_learned, 24);
at!(kvh_learned, struct_size, 0);
at!(kvh_learned, reserved, 4);
at!(kvh_learned, r#impl, 8);
at!(kvh_learned, tensor, 16);
size!(kvh_observer, 24);
at!(kvh_observer, struct_size, 0);
at!(kvh_observer, reserved, 4);
at!(kvh_observer, observe, 8);
at!(kvh_observer, finish, 16);
size!(kvh_calibrate, 24);
at!(kvh_calibrate, struct_size, 0);
at!(kvh_calibrate, reserved, 4);
at!(kvh_calibrate, file, 8);
at!(kvh_calibrate, observer, 16);
size!(kvh_draft, 32);
at!(kvh_draft, struct_size, 0);
at!(kvh_draft, reserved, 4);
at!(kvh_draft, n_tokens, 8);
at!(kvh_draft, cut, 16);
at!(kvh_draft, observe, 24);
size!(kvh_own_budget, 16);
at!(kvh_own_budget, struct_size, 0);
at!(kvh_own_budget, reserved, 4);
at!(kvh_own_budget, entries_per_head, 8);
size!(kvh_range, 16);
at!(kvh_range, begin, 0);
at!(kvh_range, end, 8);
size!(kvh_pass, 64);
at!(kvh_pass, struct_size, 0);
at!(kvh_pass, reserved, 4);
at!(kvh_pass, n_tokens, 8);
at!(kvh_pass, tokens, 16);
at!(kvh_pass, reduce, 24);
at!(kvh_pass, rows, 28);
at!(kvh_pass, per_head, 32);
at!(kvh_pass, n_seen, 36);
at!(kvh_pass, seen, 40);
at!(kvh_pass, columns, 48);
size!(kvh_columns, 32);
at!(kvh_columns, struct_size, 0);
at!(kvh_columns, n_rows, 4);
at!(kvh_columns, n, 8);
at!(kvh_columns, first_entry, 16);
at!(kvh_columns, values, 24);
size!(kvh_pass_cost, 40);
at!(kvh_pass_cost, struct_size, 0);
at!(kvh_pass_cost, gradients, 4);
at!(kvh_pass_cost, n_passes, 8);
at!(kvh_pass_cost, n_tokens, 16);
at!(kvh_pass_cost, longest, 24);
at!(kvh_pass_cost, n_columns, 32);
size!(kvh_passes, 32);
at!(kvh_passes, struct_size, 0);
at!(kvh_passes, reserved, 4);
at!(kvh_passes, cost, 8);
at!(kvh_passes, next, 16);
at!(kvh_passes, observe, 24);
size_of_1_0!(kvh_sequence_functions, 16);
at!(kvh_sequence_functions, struct_size, 0);
at!(kvh_sequence_functions, reserved, 4);
at!(kvh_sequence_functions, copy, 8);
at!(kvh_sequence_functions, truncate, 16);
at!(kvh_sequence_functions, save, 24);
at!(kvh_sequence_functions, load, 32);
size!(kvh_surrogate, 32);
at!(kvh_surrogate, struct_size, 0);
at!(kvh_surrogate, reserved, 4);
at!(kvh_surrogate, teacher, 8);
at!(kvh_surrogate, file_linear, 16);
at!(kvh_surrogate, file_mlp, 24);
