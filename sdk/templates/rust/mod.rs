// SPDX-License-Identifier: Apache-2.0
//! kvhost's plugin ABI as Rust has it: a trait for each kind of method, errors as `Result`, panics that stay inside.
//! This folder needs no crate and goes along with the project; `abi` is the C headers, word for word.
#![allow(dead_code)]

pub mod abi;
mod describe;
mod glue;
#[cfg(test)]
pub mod testing;
mod view;

use abi::*;
pub use describe::*;
pub use glue::*;
pub use view::*;

/// Why a call fails, in words for the user: what was found; what was expected.
#[derive(Debug)]
pub struct Error {
    pub status: kvh_status,
    pub path: String, // JSON pointer of a parameter: "/params/window_size"
    pub message: String,
}
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(status: kvh_status, message: impl Into<String>) -> Self {
        Error { status, path: String::new(), message: message.into() }
    }
    /// A parameter is wrong.
    pub fn parameter(name: &str, message: impl Into<String>) -> Self {
        Error { status: KVH_E_CONFIG, path: format!("/params/{name}"), message: message.into() }
    }
}

/// What all kinds have. One instance serves all sequences, from any thread.
pub trait Method: Sized + Send + Sync + 'static {
    fn describe() -> Description;
    fn new(args: &Args) -> Result<Self>;
    /// Keys, values and positions come without asking; the rest is asked for here, and named by `Description::uses`.
    fn needs(&self, _needs: &mut Needs) {}
}
/// A number per entry, larger = keep. A wrapper is one that keeps `args.child()`, the scorer inside.
pub trait Scorer: Method {
    fn score(&self, layer: &Layer, out: &mut Scores) -> Result<()>;
}
/// Entries of each KV head, whose sum is `layer.layer_budget()` exactly.
pub trait HeadAllocator: Method {
    fn allocate(&self, layer: &Layer, scores: &ScoreView) -> Result<Vec<i64>>;
}
/// A share for each layer, on any scale, from the prompt's length alone.
pub trait LayerAllocator: Method {
    fn shares(&self, request: &LayerRequest) -> Result<Vec<f64>>;
}
/// Rewrites what the description says of the entries that stay.
pub trait Press: Method {
    fn edit(&self, layer: &Layer, edit: &mut Edit) -> Result<()>;
}

/// Exports the library's methods: `kvhost::export!(kvhost::scorer::<MyMethod>);` Name, version, vendor and licence are those of
/// Cargo.toml.
macro_rules! export {
    ($($method:expr),+ $(,)?) => {
        const KVHOST_METHODS: &[fn() -> *const $crate::kvhost::abi::kvh_method] = &[$($method),+];
        unsafe extern "C" fn kvhost_method(index: u32) -> *const $crate::kvhost::abi::kvh_method {
            static BUILT: $crate::kvhost::Built = $crate::kvhost::Built::new();
            BUILT.at(index, KVHOST_METHODS)
        }
        #[no_mangle]
        #[allow(non_upper_case_globals)]
        pub static kvhost_plugin_v1: $crate::kvhost::Plugin = $crate::kvhost::Plugin($crate::kvhost::abi::kvh_plugin {
            magic: $crate::kvhost::abi::KVH_MAGIC,
            struct_size: std::mem::size_of::<$crate::kvhost::abi::kvh_plugin>() as u32,
            abi_major: $crate::kvhost::abi::KVH_ABI_MAJOR,
            abi_minor: $crate::kvhost::abi::KVH_ABI_MINOR,
            abi_minor_required: 0,
            n_methods: KVHOST_METHODS.len() as u32,
            name: concat!(env!("CARGO_PKG_NAME"), "\0").as_ptr() as *const _,
            version: concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr() as *const _,
            vendor: concat!(env!("CARGO_PKG_AUTHORS"), "\0").as_ptr() as *const _,
            license: concat!(env!("CARGO_PKG_LICENSE"), "\0").as_ptr() as *const _,
            open: None,
            method: Some(kvhost_method),
        });
    };
}
pub(crate) use export;
