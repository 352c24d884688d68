// SPDX-License-Identifier: @license@
//! @name@: says in a sentence what it makes of another scorer's numbers. Paper: -. Checked against: -.
mod kvhost;
#[cfg(test)]
mod tests;

use kvhost::*;

struct @Class@ {
    inner: Child,
    kernel_size: usize,
}

impl Method for @Class@ {
    fn describe() -> Description {
        Description::new("@name@")
            .summary("Scores of the scorer inside, averaged over neighbours")
            .default_inner("snapkv")
            .param(integer("kernel_size", 3).min(1.0).max(1023.0).odd().unit("entries").doc("How many neighbours, itself included"))
            .decodes()
    }
    fn new(args: &Args) -> Result<Self> {
        Ok(@Class@ { inner: args.child()?, kernel_size: args.integer("kernel_size")? as usize })
    }
}

impl Scorer for @Class@ {
    fn score(&self, layer: &Layer, out: &mut Scores) -> Result<()> {
        self.inner.score(layer, out)?; // pins of the scorer inside stay
        out.for_each_head(layer, |_, scores, _| {
            let given = scores.to_vec();
            for (i, score) in scores.iter_mut().enumerate() {
                let begin = i.saturating_sub(self.kernel_size / 2);
                let end = (i + self.kernel_size / 2 + 1).min(given.len()); // zeros beyond both ends
                *score = given[begin..end].iter().sum::<f32>() / self.kernel_size as f32;
            }
            Ok(())
        })
    }
}

kvhost::export!(kvhost::wrapper::<@Class@>);
