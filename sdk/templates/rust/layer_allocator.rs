// SPDX-License-Identifier: @license@
//! @name@: says in a sentence how it divides the budget over layers. Paper: -. Checked against: -.
mod kvhost;
#[cfg(test)]
mod tests;

use kvhost::*;

struct @Class@ {
    decay: f64,
}

impl Method for @Class@ {
    fn describe() -> Description {
        Description::new("@name@")
            .summary("Lower layers get more, by a constant factor from layer to layer")
            .default_inner("snapkv")
            .param(real("decay", 0.9).above(0.0).max(1.0).doc("A layer's share of the one before it"))
    }
    fn new(args: &Args) -> Result<Self> {
        Ok(@Class@ { decay: args.real("decay")? })
    }
}

impl LayerAllocator for @Class@ {
    /// Shares on any scale; the host rounds them so that the total is met exactly. Nothing of the prompt but its length
    /// is needed, so that every layer is cut as soon as it was read.
    fn shares(&self, request: &LayerRequest) -> Result<Vec<f64>> {
        Ok((0..request.n_layers()).map(|l| self.decay.powi(l as i32)).collect())
    }
}

kvhost::export!(kvhost::layer_allocator::<@Class@>);
