// SPDX-License-Identifier: @license@
//! @name@ against its formula, written again as plainly as can be.
use crate::kvhost::testing::*;

fn check(layer: &FakeLayer, n_recent: i64) {
    let got = Made::new(&[("n_recent", n_recent as f64)], None).unwrap().score(layer).unwrap();
    for (h, head) in layer.heads.iter().enumerate() {
        for (i, &position) in head.positions.iter().enumerate() {
            let want: f64 = head.values[8 * i..8 * i + 8].iter().map(|&x| x as f64 * x as f64).sum();
            assert!((got.scores[h][i] as f64 - want).abs() < 1e-5 * want.max(1.0), "head {h}, entry {i}");
            assert_eq!(got.pins[h][i] == 1, position as i64 >= layer.n_seen - n_recent);
        }
    }
}

#[test]
fn formula() {
    check(&FakeLayer::prompt(2, 20), 4);
    // While generating, heads hold different tokens.
    let mut ragged = FakeLayer::new(vec![vec![0, 3, 9, 30, 38, 39], vec![1, 20, 39]], 40);
    ragged.decoding = true;
    check(&ragged, 2);
}
