// SPDX-License-Identifier: @license@
//! @name@: says in a sentence what it keeps. Paper: -. Checked against: -.
mod kvhost;
#[cfg(test)]
mod tests;

use kvhost::*;

struct @Class@ {
    n_recent: i64,
}

impl Method for @Class@ {
    fn describe() -> Description {
        Description::new("@name@")
            .summary("Entries with the largest values, the last tokens in any case")
            .param(integer("n_recent", 8).min(0.0).unit("tokens").doc("Last tokens that always stay"))
            .decodes() // may run while generating too
    }
    fn new(args: &Args) -> Result<Self> {
        Ok(@Class@ { n_recent: args.integer("n_recent")? })
    }
}

impl Scorer for @Class@ {
    /// A number for every entry of every KV head; larger = keep.
    fn score(&self, layer: &Layer, out: &mut Scores) -> Result<()> {
        out.for_each_head(layer, |h, scores, pins| {
            let head = layer.head(h);
            let values = head.values()?; // [n, head_dim]
            let mut scratch = Vec::new();
            for (i, score) in scores.iter_mut().enumerate() {
                *score = values.row(i, &mut scratch).iter().map(|&x| x as f64 * x as f64).sum::<f64>() as f32;
            }
            pins[head.count_before(layer.n_seen() - self.n_recent)..].fill(1);
            Ok(())
        })
    }
}

kvhost::export!(kvhost::scorer::<@Class@>);
