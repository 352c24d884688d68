// SPDX-License-Identifier: Apache-2.0
//! What a listing shows of a method: texts, parameters, needs, flags.
use super::abi::*;
use std::ffi::CString;
use std::os::raw::c_char;
use std::ptr::null;

/// Texts of a descriptor live as long as the process.
fn text(words: &str) -> *const c_char {
    CString::new(words).expect("a text without NUL").into_raw()
}
fn rows<T>(values: Vec<T>) -> *const T {
    Box::leak(values.into_boxed_slice()).as_ptr()
}

/// A tensor or text has no more elements than a host would take of tokens.
const MOST_TOKENS: f64 = (1u64 << 24) as f64;

pub struct Param(kvh_param);

impl Param {
    fn new(kind: u32, name: &str, v: kvh_value_v) -> Self {
        Param(kvh_param {
            struct_size: std::mem::size_of::<kvh_param>() as u32,
            r#type: kind,
            flags: 0,
            reserved: 0,
            name: text(name),
            doc: null(),
            unit: null(),
            def: kvh_value { r#type: kind, present: 1, count: 0, v },
            min: 0.0,
            max: 0.0,
            choices: null(),
        })
    }
    pub fn doc(mut self, words: &str) -> Self {
        self.0.doc = text(words);
        self
    }
    pub fn unit(mut self, words: &str) -> Self {
        self.0.unit = text(words);
        self
    }
    pub fn min(mut self, bound: f64) -> Self {
        self.0.min = bound;
        self.flag(KVH_PARAM_HAS_MIN)
    }
    pub fn max(mut self, bound: f64) -> Self {
        self.0.max = bound;
        self.flag(KVH_PARAM_HAS_MAX)
    }
    pub fn above(self, bound: f64) -> Self {
        self.min(bound).flag(KVH_PARAM_EXCLUSIVE_MIN)
    }
    pub fn below(self, bound: f64) -> Self {
        self.max(bound).flag(KVH_PARAM_EXCLUSIVE_MAX)
    }
    pub fn odd(self) -> Self {
        self.flag(KVH_PARAM_ODD)
    }
    fn flag(mut self, bits: u32) -> Self {
        self.0.flags |= bits;
        self
    }
    fn finished(self) -> kvh_param {
        let unbounded = self.0.r#type == KVH_PARAM_INT && self.0.flags & KVH_PARAM_HAS_MAX == 0;
        let odd = self.0.flags & KVH_PARAM_ODD != 0;
        if unbounded { self.max(MOST_TOKENS - if odd { 1.0 } else { 0.0 }).0 } else { self.0 }
    }
}

pub fn integer(name: &str, def: i64) -> Param {
    Param::new(KVH_PARAM_INT, name, kvh_value_v { i: def })
}
pub fn real(name: &str, def: f64) -> Param {
    Param::new(KVH_PARAM_FLOAT, name, kvh_value_v { d: def })
}
pub fn boolean(name: &str, def: bool) -> Param {
    Param::new(KVH_PARAM_BOOL, name, kvh_value_v { i: def as i64 })
}
/// The first word is the default.
pub fn choice(name: &str, words: &[&str]) -> Param {
    let mut all: Vec<*const c_char> = words.iter().map(|word| text(word)).collect();
    let mut param = Param::new(KVH_PARAM_CHOICE, name, kvh_value_v { s: all[0] });
    all.push(null());
    param.0.choices = rows(all);
    param
}
/// A path the method opens itself; "" when not given.
pub fn file(name: &str) -> Param {
    Param::new(KVH_PARAM_FILE, name, kvh_value_v { s: text("") })
}

pub struct Description {
    pub(super) raw: kvh_method,
    params: Vec<*const kvh_param>,
    needs: Vec<kvh_need>,
}

impl Description {
    /// `name`: [a-z][a-z0-9_]*, what users type.
    pub fn new(name: &str) -> Self {
        let mut raw: kvh_method = unsafe { std::mem::zeroed() };
        raw.struct_size = std::mem::size_of::<kvh_method>() as u32;
        raw.flags = KVH_METHOD_DETERMINISTIC | KVH_METHOD_PREFILL;
        raw.name = text(name);
        Description { raw, params: Vec::new(), needs: Vec::new() }
    }
    pub fn summary(mut self, words: &str) -> Self {
        self.raw.summary = text(words);
        self
    }
    /// "arXiv:2404.14469"
    pub fn paper(mut self, words: &str) -> Self {
        self.raw.paper = text(words);
        self
    }
    /// What the implementation is checked against.
    pub fn reference(mut self, words: &str) -> Self {
        self.raw.reference = text(words);
        self
    }
    /// The scorer that stands inside when none is written there.
    pub fn default_inner(mut self, scorer: &str) -> Self {
        self.raw.default_inner = text(scorer);
        self
    }
    pub fn param(mut self, param: Param) -> Self {
        self.params.push(Box::leak(Box::new(param.finished())));
        self
    }
    /// A tensor (KVH_T_*) that some configuration may ask for in `needs`; nothing else is delivered.
    pub fn uses(mut self, tensor: u32) -> Self {
        self.needs.push(kvh_need { tensor, flags: 0, window: 0, phases: 0, layer_stride: 0, reserved: 0 });
        self
    }
    /// It may run while generating too.
    pub fn decodes(self) -> Self {
        self.flags(KVH_METHOD_DECODE)
    }
    /// KVH_METHOD_*: KVH_METHOD_NEEDS_BUDGET, KVH_METHOD_EDITS_VALUES, ...
    pub fn flags(mut self, bits: u32) -> Self {
        self.raw.flags |= bits;
        self
    }
    pub fn not_deterministic(mut self) -> Self {
        self.raw.flags &= !KVH_METHOD_DETERMINISTIC;
        self
    }
    pub(super) fn finished(mut self) -> kvh_method {
        self.raw.n_params = self.params.len() as u32;
        self.raw.params = rows(std::mem::take(&mut self.params));
        self.raw.n_static_needs = self.needs.len() as u32;
        self.raw.static_needs = rows(std::mem::take(&mut self.needs));
        self.raw
    }
}
