// SPDX-License-Identifier: @license@
//! @name@: says in a sentence what it changes in the entries that stay. Paper: -. Checked against: -.
mod kvhost;
#[cfg(test)]
mod tests;

use kvhost::abi::KVH_METHOD_EDITS_VALUES;
use kvhost::*;

struct @Class@ {
    factor: f32,
}

impl Method for @Class@ {
    fn describe() -> Description {
        Description::new("@name@")
            .summary("Scales the values of the entries that stay")
            .param(real("factor", 1.0).above(0.0).max(10.0).doc("What values are multiplied by"))
            .flags(KVH_METHOD_EDITS_VALUES)
            .decodes()
    }
    fn new(args: &Args) -> Result<Self> {
        Ok(@Class@ { factor: args.real("factor")? as f32 })
    }
}

impl Press for @Class@ {
    /// After the selection: edit.kept(h) says which entries of layer.head(h) stay, edit.values() are theirs.
    fn edit(&self, layer: &Layer, edit: &mut Edit) -> Result<()> {
        for h in 0..layer.n_kv_heads() {
            for value in edit.values(h, layer) {
                *value *= self.factor;
            }
        }
        Ok(())
    }
}

kvhost::export!(kvhost::press::<@Class@>);
