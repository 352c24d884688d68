// SPDX-License-Identifier: Apache-2.0
//! From a Rust type to the C tables. Nothing unwinds out of here.
use super::abi::*;
use super::view::{slice, words};
use super::*;
use std::os::raw::c_char;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;

pub(super) fn no_error() -> kvh_error {
    kvh_error { struct_size: std::mem::size_of::<kvh_error>() as u32, code: KVH_OK, path: [0; 128], message: [0; 1024] }
}

/// Cut between characters, ended by NUL.
fn copy(to: &mut [c_char], from: &str) {
    let mut n = from.len().min(to.len() - 1);
    while !from.is_char_boundary(n) {
        n -= 1;
    }
    for (to, from) in to.iter_mut().zip(&from.as_bytes()[..n]) {
        *to = *from as c_char;
    }
    to[n] = 0;
}

/// Where and why code of this library panicked last.
static PANIC: Mutex<String> = Mutex::new(String::new());

fn panic_words(payload: &(dyn std::any::Any + Send)) -> String {
    let last = PANIC.lock().map(|mut words| std::mem::take(&mut *words)).unwrap_or_default();
    if !last.is_empty() {
        return last;
    }
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("panicked").to_string()
}

/// Runs `body`; what it returns or panics with becomes a status and words.
unsafe fn guard(error: *mut kvh_error, body: impl FnOnce() -> Result<()>) -> kvh_status {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return KVH_OK,
        Ok(Err(failure)) => failure,
        Err(payload) => Error::new(KVH_E_INTERNAL, panic_words(&*payload)),
    };
    if let Some(error) = error.as_mut() {
        error.code = failure.status;
        copy(&mut error.path, &failure.path);
        copy(&mut error.message, &failure.message.replace('\n', " "));
    }
    failure.status
}

/// Parameters by name; the host has filled in defaults and checked ranges.
pub struct Args<'a> {
    method: &'a kvh_method,
    args: &'a kvh_create_args,
}
impl<'a> Args<'a> {
    fn value(&self, name: &str, kind: u32) -> Result<kvh_value_v> {
        let params = slice(self.method.params, self.method.n_params as i64);
        let values = slice(self.args.values, self.args.n_values as i64);
        for (&param, value) in params.iter().zip(values) {
            if words(unsafe { &*param }.name) != name {
                continue;
            }
            if value.r#type != kind || value.present == 0 {
                return Err(Error::parameter(name, format!("is no value of type {kind}; expected it as it was declared")));
            }
            return Ok(value.v);
        }
        Err(Error::new(KVH_E_INTERNAL, format!("no parameter '{name}' is declared")))
    }
    pub fn integer(&self, name: &str) -> Result<i64> {
        Ok(unsafe { self.value(name, KVH_PARAM_INT)?.i })
    }
    pub fn real(&self, name: &str) -> Result<f64> {
        Ok(unsafe { self.value(name, KVH_PARAM_FLOAT)?.d })
    }
    pub fn flag(&self, name: &str) -> Result<bool> {
        Ok(unsafe { self.value(name, KVH_PARAM_BOOL)?.i } != 0)
    }
    pub fn choice(&self, name: &str) -> Result<String> {
        Ok(words(unsafe { self.value(name, KVH_PARAM_CHOICE)?.s }).to_string())
    }
    pub fn file(&self, name: &str) -> Result<String> {
        Ok(words(unsafe { self.value(name, KVH_PARAM_FILE)?.s }).to_string())
    }
    /// The scorer inside a wrapper or press.
    pub fn child(&self) -> Result<Child> {
        match slice(self.args.children, self.args.n_children as i64) {
            [child] => Ok(Child(*child)),
            all => Err(Error { status: KVH_E_CONFIG, path: "/inner".into(), message: format!("{} scorers inside; expected one", all.len()) }),
        }
    }
}

pub struct Needs<'a>(&'a mut kvh_needs);
impl<'a> Needs<'a> {
    /// `window`: of the last tokens; 0: of all.
    pub fn add(&mut self, tensor: u32, window: i64) {
        if self.0.count < self.0.capacity {
            let need = kvh_need { tensor, flags: 0, window, phases: 0, layer_stride: 0, reserved: 0 };
            unsafe { *self.0.needs.add(self.0.count as usize) = need };
        }
        self.0.count += 1;
    }
}

unsafe extern "C" fn create<M: Method>(
    method: *const kvh_method, args: *const kvh_create_args, out: *mut *mut kvh_instance, error: *mut kvh_error,
) -> kvh_status {
    guard(error, || {
        let made = M::new(&Args { method: &*method, args: &*args })?;
        *out = Box::into_raw(Box::new(made)) as *mut kvh_instance;
        Ok(())
    })
}
unsafe extern "C" fn destroy<M: Method>(instance: *mut kvh_instance) {
    guard(std::ptr::null_mut(), || {
        drop(Box::from_raw(instance as *mut M));
        Ok(())
    });
}
unsafe extern "C" fn needs<M: Method>(instance: *const kvh_instance, out: *mut kvh_needs, error: *mut kvh_error) -> kvh_status {
    guard(error, || {
        (*out).count = 0;
        (*(instance as *const M)).needs(&mut Needs(&mut *out));
        Ok(())
    })
}
unsafe extern "C" fn score<M: Scorer>(
    instance: *mut kvh_instance, _: *mut kvh_sequence, layer: *const kvh_layer, out: *mut kvh_scores, error: *mut kvh_error,
) -> kvh_status {
    guard(error, || (*(instance as *const M)).score(&Layer(&*layer), &mut Scores(&mut *out)))
}
unsafe extern "C" fn allocate_heads<M: HeadAllocator>(
    instance: *mut kvh_instance, _: *mut kvh_sequence, layer: *const kvh_layer, scores: *const kvh_score_view,
    _rewrite: *mut kvh_scores, budgets: *mut i64, error: *mut kvh_error,
) -> kvh_status {
    guard(error, || {
        let counts = (*(instance as *const M)).allocate(&Layer(&*layer), &ScoreView(&*scores))?;
        fill(budgets, &counts, (*layer).n_kv_heads)
    })
}
unsafe extern "C" fn allocate_layers<M: LayerAllocator>(
    instance: *mut kvh_instance, _: *mut kvh_sequence, request: *const kvh_layer_request, answer: *mut kvh_layer_answer,
    error: *mut kvh_error,
) -> kvh_status {
    guard(error, || {
        let shares = (*(instance as *const M)).shares(&LayerRequest(&*request))?;
        (*answer).exact = 0;
        fill((*answer).shares, &shares, (*request).n_layers)
    })
}
unsafe extern "C" fn edit<M: Press>(
    instance: *mut kvh_instance, _: *mut kvh_sequence, layer: *const kvh_layer, edit: *mut kvh_edit, error: *mut kvh_error,
) -> kvh_status {
    guard(error, || (*(instance as *const M)).edit(&Layer(&*layer), &mut Edit(&mut *edit)))
}
unsafe fn fill<T: Copy>(to: *mut T, from: &[T], n: i32) -> Result<()> {
    if from.len() != n as usize {
        return Err(Error::new(KVH_E_SHAPE, format!("an answer of {} numbers; expected {n}", from.len())));
    }
    std::ptr::copy_nonoverlapping(from.as_ptr(), to, from.len());
    Ok(())
}

fn method<M: Method, T>(kind: u32, functions: T) -> *const kvh_method {
    let mut raw = M::describe().finished();
    raw.kind = kind;
    raw.create = Some(create::<M>);
    raw.destroy = Some(destroy::<M>);
    raw.needs = Some(needs::<M>);
    raw.functions = Box::leak(Box::new(functions)) as *const T as *const _;
    Box::leak(Box::new(raw))
}
fn size<T>() -> u32 {
    std::mem::size_of::<T>() as u32
}

pub fn scorer<M: Scorer>() -> *const kvh_method {
    method::<M, _>(KVH_KIND_SCORER, kvh_scorer { struct_size: size::<kvh_scorer>(), reserved: 0, score: Some(score::<M>) })
}
pub fn wrapper<M: Scorer>() -> *const kvh_method {
    method::<M, _>(KVH_KIND_WRAPPER, kvh_scorer { struct_size: size::<kvh_scorer>(), reserved: 0, score: Some(score::<M>) })
}
pub fn head_allocator<M: HeadAllocator>() -> *const kvh_method {
    let allocate = Some(allocate_heads::<M> as unsafe extern "C" fn(_, _, _, _, _, _, _) -> _);
    let table = kvh_head_allocator { struct_size: size::<kvh_head_allocator>(), reserved: 0, allocate, when: None, observe: None };
    method::<M, _>(KVH_KIND_HEAD_ALLOCATOR, table)
}
pub fn layer_allocator<M: LayerAllocator>() -> *const kvh_method {
    let allocate = Some(allocate_layers::<M> as unsafe extern "C" fn(_, _, _, _, _) -> _);
    let table = kvh_layer_allocator { struct_size: size::<kvh_layer_allocator>(), reserved: 0, when: None, observe: None, allocate };
    method::<M, _>(KVH_KIND_LAYER_ALLOCATOR, table)
}
pub fn press<M: Press>() -> *const kvh_method {
    method::<M, _>(KVH_KIND_PRESS, kvh_press { struct_size: size::<kvh_press>(), reserved: 0, edit: Some(edit::<M>) })
}

/// The one exported object. Constant, so any thread may read it.
#[repr(transparent)]
pub struct Plugin(pub kvh_plugin);
unsafe impl Sync for Plugin {}

/// The descriptors, made when first asked for and kept for the life of the process.
pub struct Built(Mutex<Vec<usize>>);
impl Built {
    pub const fn new() -> Self {
        Built(Mutex::new(Vec::new()))
    }
    pub fn at(&self, index: u32, all: &[fn() -> *const kvh_method]) -> *const kvh_method {
        let found = catch_unwind(AssertUnwindSafe(|| {
            let mut built = self.0.lock().ok()?;
            if built.is_empty() {
                keep_panics();
                built.extend(all.iter().map(|make| make() as usize));
            }
            built.get(index as usize).copied()
        }));
        found.ok().flatten().unwrap_or(0) as *const kvh_method
    }
}

/// What a panic says goes to the host with the status, not to standard error. The standard library inside this library is
/// its own, and so is its hook; under test the words stay where Rust puts them.
fn keep_panics() {
    if cfg!(test) {
        return;
    }
    std::panic::set_hook(Box::new(|info| {
        if let Ok(mut last) = PANIC.lock() {
            *last = info.to_string();
        }
    }));
}
