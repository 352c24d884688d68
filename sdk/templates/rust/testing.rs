// SPDX-License-Identifier: Apache-2.0
//! For tests: one layer made of plain vectors, and the library's first method, called through the C tables as the host
//! calls it.
use super::abi::*;
use super::glue::no_error;
use super::view::words;
use super::{Error, Result};
use std::ptr::{null, null_mut};

const N_HEADS: i32 = 4;
const HEAD_DIM: usize = 8;

/// Entries of one KV head: positions, and random keys and values [n, 8].
pub struct FakeHead {
    pub positions: Vec<i32>,
    pub keys: Vec<f32>,
    pub values: Vec<f32>,
    shape: Box<[i64; 2]>,
    strides: Box<[i64; 2]>,
}

/// A layer of a model with 4 heads, 3 layers and as many KV heads as there are lists of positions.
pub struct FakeLayer {
    pub heads: Vec<FakeHead>,
    pub n_seen: i64,
    pub decoding: bool,
    pub budget: i64,
}

impl FakeLayer {
    pub fn new(positions: Vec<Vec<i32>>, n_seen: i64) -> Self {
        let mut state = 7u64;
        let mut random = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0 // [-1, 1)
        };
        let heads = positions.into_iter().map(|positions| {
            let n = positions.len();
            let mut floats = || (0..n * HEAD_DIM).map(|_| random()).collect::<Vec<f32>>();
            let (keys, values) = (floats(), floats());
            FakeHead { positions, keys, values, shape: Box::new([n as i64, HEAD_DIM as i64]), strides: Box::new([HEAD_DIM as i64, 1]) }
        });
        FakeLayer { heads: heads.collect(), n_seen, decoding: false, budget: -1 }
    }
    /// A prompt of `n` tokens: all heads hold all of them.
    pub fn prompt(n_kv_heads: usize, n: i32) -> Self {
        FakeLayer::new(vec![(0..n).collect(); n_kv_heads], n as i64)
    }

    /// `body` with the layer as a method sees it.
    pub fn show<T>(&self, body: impl FnOnce(&kvh_layer) -> T) -> T {
        let mut shape: kvh_layer_shape = unsafe { std::mem::zeroed() };
        shape.struct_size = size::<kvh_layer_shape>();
        shape.shares_with = -1;
        (shape.n_heads, shape.n_kv_heads) = (N_HEADS, self.heads.len() as i32);
        (shape.key_dim, shape.value_dim) = (HEAD_DIM as i32, HEAD_DIM as i32);
        (shape.entry_bytes, shape.scale) = (8 * HEAD_DIM as i64, 1.0 / (HEAD_DIM as f64).sqrt());
        let shapes = [&shape as *const _; 3];
        let mut model: kvh_model = unsafe { std::mem::zeroed() };
        model.struct_size = size::<kvh_model>();
        (model.n_layers, model.n_heads, model.n_kv_heads) = (3, N_HEADS, self.heads.len() as i32);
        (model.head_dim, model.hidden_size) = (HEAD_DIM as i32, 16);
        (model.dtype, model.device) = (FLOAT, CPU);
        (model.family, model.model_dir) = ("llama\0".as_ptr() as *const _, "\0".as_ptr() as *const _);
        model.layers = shapes.as_ptr();
        let heads: Vec<kvh_head> = self.heads.iter().map(FakeHead::shown).collect();
        let pointers: Vec<*const kvh_head> = heads.iter().map(|head| head as *const _).collect();
        let exec = kvh_exec { struct_size: size::<kvh_exec>(), n_threads: 1, seed: 5, r#impl: null_mut(), cancelled: Some(never), parallel_for: Some(run) };
        let mut layer: kvh_layer = unsafe { std::mem::zeroed() };
        layer.struct_size = size::<kvh_layer>();
        layer.phase = if self.decoding { KVH_PHASE_DECODE } else { KVH_PHASE_PREFILL };
        layer.n_kv_heads = self.heads.len() as i32;
        (layer.n_seen, layer.q_len, layer.n_prompt) = (self.n_seen, self.n_seen, self.n_seen);
        layer.kv_len = self.heads.iter().map(|head| head.positions.len()).max().unwrap_or(0) as i64;
        (layer.layer_budget, layer.total_entries, layer.keep_ratio) = (self.budget, -1, 1.0);
        (layer.model, layer.shape, layer.exec, layer.heads) = (&model, &shape, &exec, pointers.as_ptr());
        body(&layer)
    }
}

impl FakeHead {
    fn shown(&self) -> kvh_head {
        let tensor = |data: &Vec<f32>| kvh_tensor {
            data: data.as_ptr() as *mut _,
            device: CPU,
            ndim: 2,
            dtype: FLOAT,
            shape: self.shape.as_ptr(),
            strides: self.strides.as_ptr(),
            byte_offset: 0,
        };
        let mut head: kvh_head = unsafe { std::mem::zeroed() };
        head.struct_size = size::<kvh_head>();
        head.n_entries = self.positions.len() as i64;
        (head.keys, head.values, head.positions) = (tensor(&self.keys), tensor(&self.values), self.positions.as_ptr());
        head
    }
}

const CPU: kvh_device = kvh_device { r#type: KVH_DEVICE_CPU, id: 0 };
const FLOAT: kvh_dtype = kvh_dtype { code: KVH_DTYPE_FLOAT, bits: 32, lanes: 1 };
fn size<T>() -> u32 {
    std::mem::size_of::<T>() as u32
}
unsafe extern "C" fn never(_: *const kvh_exec) -> i32 {
    0
}
type Body = Option<unsafe extern "C" fn(*mut std::os::raw::c_void, i64, i64, u32)>;
unsafe extern "C" fn run(_: *const kvh_exec, n: i64, body: Body, arg: *mut std::os::raw::c_void) {
    body.unwrap()(arg, 0, n / 2, 0);
    body.unwrap()(arg, n / 2, n, 0);
}

/// Scores and pins of every head.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub scores: Vec<Vec<f32>>,
    pub pins: Vec<Vec<i8>>,
}
impl Table {
    fn of(layer: &kvh_layer) -> Self {
        let counts = (0..layer.n_kv_heads as usize).map(|h| unsafe { (**layer.heads.add(h)).n_entries as usize });
        Table { scores: counts.clone().map(|n| vec![f32::NAN; n]).collect(), pins: counts.map(|n| vec![0; n]).collect() }
    }
    fn shown<T>(&mut self, body: impl FnOnce(&mut kvh_scores) -> T) -> T {
        let counts: Vec<i64> = self.scores.iter().map(|row| row.len() as i64).collect();
        let scores: Vec<*mut f32> = self.scores.iter_mut().map(|row| row.as_mut_ptr()).collect();
        let pins: Vec<*mut i8> = self.pins.iter_mut().map(|row| row.as_mut_ptr()).collect();
        body(&mut kvh_scores {
            struct_size: size::<kvh_scores>(),
            n_kv_heads: counts.len() as i32,
            n_entries: counts.as_ptr(),
            scores: scores.as_ptr(),
            pins: pins.as_ptr(),
        })
    }
}

/// What a wrapper finds inside: this table at every call.
unsafe extern "C" fn given(child: *const kvh_child, _: *const kvh_layer, out: *mut kvh_scores, _: *mut kvh_error) -> kvh_status {
    let table = &*((*child).r#impl as *const Table);
    for h in 0..table.scores.len() {
        let n = table.scores[h].len();
        std::ptr::copy_nonoverlapping(table.scores[h].as_ptr(), *(*out).scores.add(h), n);
        std::ptr::copy_nonoverlapping(table.pins[h].as_ptr(), *(*out).pins.add(h), n);
    }
    KVH_OK
}

/// The first method of this library, configured.
pub struct Made {
    method: &'static kvh_method,
    instance: *mut kvh_instance,
    _child: Option<Box<(Table, kvh_child)>>,
}

fn checked(call: impl FnOnce(*mut kvh_error) -> kvh_status) -> Result<()> {
    let mut error = no_error();
    match call(&mut error) {
        KVH_OK => Ok(()),
        status => Err(Error { status, path: words(error.path.as_ptr()).into(), message: words(error.message.as_ptr()).into() }),
    }
}

impl Made {
    /// `settings`: numbers in place of defaults. `inside`: what the scorer inside says.
    pub fn new(settings: &[(&str, f64)], inside: Option<Table>) -> Result<Self> {
        let method = unsafe { &*crate::kvhost_plugin_v1.0.method.unwrap()(0) };
        let mut values = Vec::new();
        for i in 0..method.n_params as usize {
            let param = unsafe { &**method.params.add(i) };
            let mut value = param.def;
            if let Some((_, number)) = settings.iter().find(|(name, _)| *name == words(param.name)) {
                value.v = if param.r#type == KVH_PARAM_FLOAT { kvh_value_v { d: *number } } else { kvh_value_v { i: *number as i64 } };
            }
            values.push(value);
        }
        let child = inside.map(|table| {
            let mut pair = Box::new((table, unsafe { std::mem::zeroed::<kvh_child>() }));
            (pair.1.struct_size, pair.1.kind) = (size::<kvh_child>(), KVH_KIND_SCORER);
            pair.1.score = Some(given);
            pair.1.r#impl = &mut pair.0 as *mut Table as *mut _;
            pair
        });
        let children = [child.as_ref().map_or(null(), |pair| &pair.1 as *const kvh_child)];
        let args = kvh_create_args {
            struct_size: size::<kvh_create_args>(),
            n_values: values.len() as u32,
            values: values.as_ptr(),
            model: null(),
            host: null(),
            children: children.as_ptr(),
            n_children: child.is_some() as u32,
            reserved: 0,
        };
        let mut instance = null_mut();
        checked(|error| unsafe { method.create.unwrap()(method, &args, &mut instance, error) })?;
        Ok(Made { method, instance, _child: child })
    }

    pub fn score(&self, layer: &FakeLayer) -> Result<Table> {
        let table = unsafe { &*(self.method.functions as *const kvh_scorer) };
        layer.show(|shown| {
            let mut out = Table::of(shown);
            let instance = self.instance;
            out.shown(|raw| checked(|error| unsafe { table.score.unwrap()(instance, null_mut(), shown, raw, error) }))?;
            Ok(out)
        })
    }
    pub fn allocate(&self, layer: &FakeLayer, scores: &Table) -> Result<Vec<i64>> {
        let table = unsafe { &*(self.method.functions as *const kvh_head_allocator) };
        let mut budgets = vec![-1; layer.heads.len()];
        let (instance, answer) = (self.instance, budgets.as_mut_ptr());
        layer.show(|shown| {
            scores.clone().shown(|raw| {
                let view = kvh_score_view {
                    struct_size: size::<kvh_score_view>(),
                    n_kv_heads: raw.n_kv_heads,
                    n_entries: raw.n_entries,
                    scores: raw.scores as *const *const f32,
                    pins: raw.pins as *const *const i8,
                };
                checked(|error| unsafe { table.allocate.unwrap()(instance, null_mut(), shown, &view, null_mut(), answer, error) })
            })
        })?;
        Ok(budgets)
    }
    pub fn shares(&self, n_layers: usize, n_kv_heads: i32, kv_len: i64, total_entries: i64) -> Result<Vec<f64>> {
        let table = unsafe { &*(self.method.functions as *const kvh_layer_allocator) };
        let mut shares = vec![f64::NAN; n_layers];
        let mut request: kvh_layer_request = unsafe { std::mem::zeroed() };
        request.struct_size = size::<kvh_layer_request>();
        (request.n_layers, request.n_observed, request.n_kv_heads) = (n_layers as i32, n_layers as i32, n_kv_heads);
        (request.kv_len, request.total_entries) = (kv_len, total_entries);
        let mut answer: kvh_layer_answer = unsafe { std::mem::zeroed() };
        (answer.struct_size, answer.shares) = (size::<kvh_layer_answer>(), shares.as_mut_ptr());
        checked(|error| unsafe { table.allocate.unwrap()(self.instance, null_mut(), &request, &mut answer, error) })?;
        Ok(shares)
    }
    /// `kept`: of each head; `values`: [n_kept * 8] of each head, rewritten.
    pub fn edit(&self, layer: &FakeLayer, kept: &[Vec<i32>], values: &mut [Vec<f32>]) -> Result<()> {
        let table = unsafe { &*(self.method.functions as *const kvh_press) };
        let counts: Vec<i64> = kept.iter().map(|row| row.len() as i64).collect();
        let kept_rows: Vec<*const i32> = kept.iter().map(|row| row.as_ptr()).collect();
        let value_rows: Vec<*mut f32> = values.iter_mut().map(|row| row.as_mut_ptr()).collect();
        let mut edit: kvh_edit = unsafe { std::mem::zeroed() };
        (edit.struct_size, edit.n_kv_heads) = (size::<kvh_edit>(), counts.len() as i32);
        (edit.n_kept, edit.kept, edit.values) = (counts.as_ptr(), kept_rows.as_ptr(), value_rows.as_ptr());
        let instance = self.instance;
        layer.show(|shown| checked(|error| unsafe { table.edit.unwrap()(instance, null_mut(), shown, &mut edit, error) }))
    }
}
impl Drop for Made {
    fn drop(&mut self) {
        unsafe { self.method.destroy.unwrap()(self.instance) }
    }
}
