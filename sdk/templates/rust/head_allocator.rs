// SPDX-License-Identifier: @license@
//! @name@: says in a sentence how it divides a layer's budget over its KV heads. Paper: -. Checked against: -.
mod kvhost;
#[cfg(test)]
mod tests;

use kvhost::*;

struct @Class@ {
    floor: f64,
}

impl Method for @Class@ {
    fn describe() -> Description {
        Description::new("@name@")
            .summary("Heads by the spread of their scores")
            .default_inner("snapkv")
            .param(real("floor", 0.2).min(0.0).max(1.0).doc("Share of an equal split that every head gets"))
            .decodes()
    }
    fn new(args: &Args) -> Result<Self> {
        Ok(@Class@ { floor: args.real("floor")? })
    }
}

fn spread(scores: &[f32]) -> f64 {
    let n = scores.len().max(1) as f64;
    let mean = scores.iter().map(|&x| x as f64).sum::<f64>() / n;
    (scores.iter().map(|&x| (x as f64 - mean).powi(2)).sum::<f64>() / n).sqrt()
}

impl HeadAllocator for @Class@ {
    /// Entries of every head, between 0 and what it has; their sum is the budget exactly. After the floors each entry goes
    /// to the head with the largest spread for each that it would have.
    fn allocate(&self, layer: &Layer, scores: &ScoreView) -> Result<Vec<i64>> {
        let n_heads = layer.n_kv_heads();
        let mut left = layer.layer_budget()?;
        let floor = (self.floor * (left / n_heads as i64) as f64) as i64;
        let spreads: Vec<f64> = (0..n_heads).map(|h| 1e-9 + spread(scores.row(h))).collect();
        let held = |h: usize| scores.row(h).len() as i64;
        let mut budgets: Vec<i64> = (0..n_heads).map(|h| floor.min(held(h))).collect();
        left -= budgets.iter().sum::<i64>();
        while left > 0 {
            let share = |h: usize| spreads[h] / (budgets[h] + 1) as f64;
            let free = (0..n_heads).filter(|&h| budgets[h] < held(h));
            match free.reduce(|a, b| if share(b) > share(a) { b } else { a }) {
                Some(best) => budgets[best] += 1,
                None => break, // a budget beyond what there is
            }
            left -= 1;
        }
        Ok(budgets)
    }
}

kvhost::export!(kvhost::head_allocator::<@Class@>);
