// SPDX-License-Identifier: Apache-2.0
//! What a method is shown, with names: borrowed for the duration of a call.
use super::abi::*;
use super::{Error, Result};
use std::ffi::CStr;
use std::os::raw::{c_char, c_void};
use std::sync::Mutex;

/// An empty array may be NULL.
pub(super) fn slice<'a, T>(data: *const T, n: i64) -> &'a [T] {
    if n <= 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, n as usize) } }
}
fn slice_mut<'a, T>(data: *mut T, n: i64) -> &'a mut [T] {
    if n <= 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(data, n as usize) } }
}
fn item<T: Copy>(data: *const T, i: usize) -> T {
    unsafe { *data.add(i) }
}
pub(super) fn words<'a>(text: *const c_char) -> &'a str {
    if text.is_null() { "" } else { unsafe { CStr::from_ptr(text) }.to_str().unwrap_or("") }
}

fn half(bits: u16) -> f32 {
    let magnitude = ((bits & 0x7fff) as u32) << 13;
    let mut wide = (f32::from_bits(magnitude) * 5192296858534827628530496329220096.0).to_bits(); // 2^112
    if bits & 0x7c00 == 0x7c00 {
        wide = 0x7f800000 | (magnitude & 0x007fffff); // infinity, NaN
    }
    f32::from_bits(wide | ((bits & 0x8000) as u32) << 16)
}

/// A tensor on the CPU, read row by row along its last axis, as float32 whatever its dtype is.
#[derive(Clone, Copy)]
pub struct View<'a>(&'a kvh_tensor);

impl<'a> View<'a> {
    pub fn new(tensor: &'a kvh_tensor, n_axes: i32) -> Result<Self> {
        let known = matches!((tensor.dtype.code, tensor.dtype.bits),
                             (KVH_DTYPE_FLOAT, 32) | (KVH_DTYPE_FLOAT, 16) | (KVH_DTYPE_BFLOAT, 16));
        if tensor.ndim != n_axes || !known {
            let found = format!("{} axes, dtype code {}, {} bits", tensor.ndim, tensor.dtype.code, tensor.dtype.bits);
            return Err(Error::new(KVH_E_SHAPE, format!("a tensor of {found}; expected {n_axes} axes of 16- or 32-bit floats")));
        }
        if tensor.device.r#type != KVH_DEVICE_CPU {
            return Err(Error::new(KVH_E_UNSUPPORTED, "a tensor that is not on the CPU; this method reads CPU memory"));
        }
        Ok(View(tensor))
    }
    pub fn size(&self, axis: usize) -> usize {
        item(self.0.shape, axis) as usize
    }
    /// The row at these indices of all axes but the last: in place, or converted into `scratch`.
    pub fn row<'s>(&'s self, indices: &[usize], scratch: &'s mut Vec<f32>) -> &'s [f32] {
        let last = self.0.ndim as usize - 1;
        let (n, stride) = (self.size(last), item(self.0.strides, last));
        let mut first = 0;
        for (axis, &i) in indices.iter().enumerate() {
            assert!(axis < last && i < self.size(axis), "a row outside of the tensor");
            first += i as i64 * item(self.0.strides, axis);
        }
        let base = unsafe { (self.0.data as *const u8).add(self.0.byte_offset as usize) };
        let wide = self.0.dtype.bits == 32;
        if wide && stride == 1 {
            return slice(unsafe { (base as *const f32).offset(first as isize) }, n as i64);
        }
        let brain = self.0.dtype.code == KVH_DTYPE_BFLOAT;
        scratch.clear();
        for j in 0..n as i64 {
            let at = (first + j * stride) as isize;
            scratch.push(match (wide, brain) {
                (true, _) => unsafe { *(base as *const f32).offset(at) },
                (_, true) => f32::from_bits((unsafe { *(base as *const u16).offset(at) } as u32) << 16),
                _ => half(unsafe { *(base as *const u16).offset(at) }),
            });
        }
        scratch
    }
}

/// [rows, cols]
#[derive(Clone, Copy)]
pub struct Matrix<'a>(View<'a>);
impl<'a> Matrix<'a> {
    pub fn new(tensor: &'a kvh_tensor) -> Result<Self> {
        Ok(Matrix(View::new(tensor, 2)?))
    }
    pub fn rows(&self) -> usize {
        self.0.size(0)
    }
    pub fn cols(&self) -> usize {
        self.0.size(1)
    }
    pub fn row<'s>(&'s self, i: usize, scratch: &'s mut Vec<f32>) -> &'s [f32] {
        self.0.row(&[i], scratch)
    }
}

/// One KV head; its entries are in ascending position order.
#[derive(Clone, Copy)]
pub struct Head<'a>(&'a kvh_head);
impl<'a> Head<'a> {
    pub fn n_entries(&self) -> usize {
        self.0.n_entries as usize
    }
    pub fn positions(&self) -> &'a [i32] {
        slice(self.0.positions, self.0.n_entries)
    }
    /// [n, head_dim], RoPE applied
    pub fn keys(&self) -> Result<Matrix<'a>> {
        Matrix::new(&self.0.keys)
    }
    /// [n, head_dim]
    pub fn values(&self) -> Result<Matrix<'a>> {
        Matrix::new(&self.0.values)
    }
    /// What was asked for of this head, by KVH_T_*.
    pub fn get(&self, tensor: u32) -> Result<&'a kvh_tensor> {
        delivered(self.0.tensors, self.0.n_tensors, tensor)
    }
    /// [group_size, W, n] softmax rows of the last W queries: `row(&[g, w], ...)`
    pub fn window_attention(&self) -> Result<View<'a>> {
        View::new(self.get(KVH_T_WINDOW_ATTENTION)?, 3)
    }
    /// How many leading entries stand before `position`.
    pub fn count_before(&self, position: i64) -> usize {
        self.positions().partition_point(|&p| (p as i64) < position)
    }
}

fn delivered<'a>(tensors: *const *const kvh_tensor, n: u32, id: u32) -> Result<&'a kvh_tensor> {
    let found = if id < n { item(tensors, id as usize) } else { std::ptr::null() };
    unsafe { found.as_ref() }.ok_or_else(|| Error::new(KVH_E_NEED_MISSING, format!("tensor {id} was not delivered; ask for it in needs()")))
}

#[derive(Clone, Copy)]
pub struct Layer<'a>(pub &'a kvh_layer);
impl<'a> Layer<'a> {
    pub fn index(&self) -> i32 {
        self.0.layer
    }
    pub fn decoding(&self) -> bool {
        self.0.phase == KVH_PHASE_DECODE
    }
    pub fn shape(&self) -> &'a kvh_layer_shape {
        unsafe { &*self.0.shape }
    }
    pub fn n_kv_heads(&self) -> usize {
        self.0.n_kv_heads as usize
    }
    pub fn n_heads(&self) -> usize {
        self.shape().n_heads as usize
    }
    pub fn group_size(&self) -> usize {
        self.n_heads() / self.n_kv_heads()
    }
    pub fn head_dim(&self) -> usize {
        self.shape().key_dim as usize
    }
    /// The next token's position.
    pub fn n_seen(&self) -> i64 {
        self.0.n_seen
    }
    pub fn kv_len(&self) -> i64 {
        self.0.kv_len
    }
    pub fn keep_ratio(&self) -> f64 {
        self.0.keep_ratio
    }
    pub fn seed(&self) -> u64 {
        unsafe { self.0.exec.as_ref() }.map_or(0, |exec| exec.seed)
    }
    /// Entries that this layer keeps over all heads.
    pub fn layer_budget(&self) -> Result<i64> {
        if self.0.layer_budget >= 0 {
            return Ok(self.0.layer_budget);
        }
        Err(Error::new(KVH_E_NEED_MISSING, "the layer's budget is not known yet; this method needs it"))
    }
    pub fn head(&self, h: usize) -> Head<'a> {
        assert!(h < self.n_kv_heads(), "a head that the layer does not have");
        Head(unsafe { &*item(self.0.heads, h) })
    }
    /// What was asked for of the layer as a whole, by KVH_T_*.
    pub fn get(&self, tensor: u32) -> Result<&'a kvh_tensor> {
        delivered(self.0.tensors, self.0.n_tensors, tensor)
    }
}

// Nobody writes to what is shown while a call lasts.
unsafe impl Sync for Layer<'_> {}
unsafe impl Sync for Head<'_> {}
unsafe impl Sync for View<'_> {}
unsafe impl Sync for ScoreView<'_> {}

/// What a scorer said, to be read.
pub struct ScoreView<'a>(pub(super) &'a kvh_score_view);
impl<'a> ScoreView<'a> {
    pub fn row(&self, h: usize) -> &'a [f32] {
        slice(item(self.0.scores, h), item(self.0.n_entries, h))
    }
    pub fn pins(&self, h: usize) -> &'a [i8] {
        slice(item(self.0.pins, h), item(self.0.n_entries, h))
    }
}

/// Every score is written and finite; larger = keep. Pins begin as 0: > 0 keep first, < 0 drop first.
pub struct Scores<'a>(pub(super) &'a mut kvh_scores);
impl<'a> Scores<'a> {
    pub fn n_kv_heads(&self) -> usize {
        self.0.n_kv_heads as usize
    }
    pub fn row(&mut self, h: usize) -> &mut [f32] {
        slice_mut(item(self.0.scores, h), item(self.0.n_entries, h))
    }
    pub fn pins(&mut self, h: usize) -> &mut [i8] {
        slice_mut(item(self.0.pins, h), item(self.0.n_entries, h))
    }
    /// body(h, scores, pins) for every KV head, on as many threads as the host has.
    pub fn for_each_head<F>(&mut self, layer: &Layer, body: F) -> Result<()>
    where
        F: Fn(usize, &mut [f32], &mut [i8]) -> Result<()> + Sync,
    {
        let job = Job { raw: self.0, body, failed: Mutex::new(None) };
        let exec = unsafe { layer.0.exec.as_ref() };
        match exec.and_then(|e| e.parallel_for.map(|run| (e, run))) {
            Some((exec, run)) => unsafe {
                run(exec, self.0.n_kv_heads as i64, Some(part::<F>), &job as *const _ as *mut c_void)
            },
            None => unsafe { part::<F>(&job as *const _ as *mut c_void, 0, self.0.n_kv_heads as i64, 0) },
        }
        match job.failed.into_inner().unwrap_or(None) {
            None => Ok(()),
            Some(Failure::Error(error)) => Err(error),
            Some(Failure::Panic(payload)) => std::panic::resume_unwind(payload),
        }
    }
}

enum Failure {
    Error(Error),
    Panic(Box<dyn std::any::Any + Send>),
}
struct Job<F> {
    raw: *const kvh_scores,
    body: F,
    failed: Mutex<Option<Failure>>,
}
unsafe extern "C" fn part<F>(arg: *mut c_void, begin: i64, end: i64, _thread: u32)
where
    F: Fn(usize, &mut [f32], &mut [i8]) -> Result<()> + Sync,
{
    let job = &*(arg as *const Job<F>);
    let raw = &*job.raw;
    for h in begin as usize..end as usize {
        let n = item(raw.n_entries, h);
        let (scores, pins) = (slice_mut(item(raw.scores, h), n), slice_mut(item(raw.pins, h), n));
        let run = std::panic::AssertUnwindSafe(|| (job.body)(h, scores, pins));
        let failure = match std::panic::catch_unwind(run) {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => Failure::Error(error),
            Err(payload) => Failure::Panic(payload),
        };
        if let Ok(mut failed) = job.failed.lock() {
            failed.get_or_insert(failure);
        }
    }
}

/// The scorer inside a wrapper or press; stays as long as the instance.
#[derive(Clone, Copy)]
pub struct Child(pub(super) *const kvh_child);
unsafe impl Send for Child {}
unsafe impl Sync for Child {}
impl Child {
    /// Inside `score()`: fills `out`; its pins stay.
    pub fn score(&self, layer: &Layer, out: &mut Scores) -> Result<()> {
        let mut error = super::no_error();
        let child = unsafe { &*self.0 };
        let score = child.score.expect("a child that scores");
        match unsafe { score(self.0, layer.0, out.0, &mut error) } {
            KVH_OK => Ok(()),
            status => Err(Error {
                status,
                path: words(error.path.as_ptr()).to_string(),
                message: words(error.message.as_ptr()).to_string(),
            }),
        }
    }
}

pub struct LayerRequest<'a>(pub(super) &'a kvh_layer_request);
impl<'a> LayerRequest<'a> {
    pub fn decoding(&self) -> bool {
        self.0.phase == KVH_PHASE_DECODE
    }
    pub fn n_layers(&self) -> usize {
        self.0.n_layers as usize
    }
    pub fn n_kv_heads(&self) -> usize {
        self.0.n_kv_heads as usize
    }
    pub fn kv_len(&self) -> i64 {
        self.0.kv_len
    }
    pub fn total_entries(&self) -> i64 {
        self.0.total_entries
    }
}

/// What of a layer stays, and what of it may be rewritten.
pub struct Edit<'a>(pub(super) &'a mut kvh_edit);
impl<'a> Edit<'a> {
    /// Ascending indices into the head's entries.
    pub fn kept(&self, h: usize) -> &'a [i32] {
        slice(item(self.0.kept, h), item(self.0.n_kept, h))
    }
    /// [n_kept * value_dim], with KVH_METHOD_EDITS_VALUES
    pub fn values(&mut self, h: usize, layer: &Layer) -> &mut [f32] {
        rewritten(self.0.values, h, item(self.0.n_kept, h) * layer.shape().value_dim as i64)
    }
    /// [n_kept * key_dim], RoPE applied, with KVH_METHOD_EDITS_KEYS
    pub fn keys(&mut self, h: usize, layer: &Layer) -> &mut [f32] {
        rewritten(self.0.keys, h, item(self.0.n_kept, h) * layer.shape().key_dim as i64)
    }
    /// What the scorer gave all entries; empty when nothing was selected.
    pub fn scores(&self, h: usize, layer: &Layer) -> &'a [f32] {
        if self.0.scores.is_null() { &[] } else { slice(item(self.0.scores, h), layer.head(h).n_entries() as i64) }
    }
}
fn rewritten<'a>(all: *const *mut f32, h: usize, n: i64) -> &'a mut [f32] {
    assert!(!all.is_null(), "not declared to be edited; say so by Description::flags");
    slice_mut(item(all, h), n)
}
