// SPDX-License-Identifier: @license@
//! @name@: the budget is met exactly, whatever it is, and goes where the rule says.
use crate::kvhost::testing::*;

#[test]
fn formula() {
    let mut layer = FakeLayer::prompt(2, 10);
    let row = |low: f32, high: f32| (0..10).map(|i| if i % 2 == 0 { low } else { high }).collect();
    let scores = Table { scores: vec![row(0.0, 9.0), row(4.0, 5.0)], pins: vec![vec![0; 10]; 2] };
    let method = Made::new(&[], None).unwrap();
    for budget in 0..=20 {
        layer.budget = budget;
        let got = method.allocate(&layer, &scores).unwrap();
        assert_eq!(got.iter().sum::<i64>(), budget);
        assert!(got.iter().all(|n| (0..=10).contains(n)));
        assert!(!(4..=16).contains(&budget) || got[0] > got[1]);
    }
    layer.budget = -1;
    assert!(method.allocate(&layer, &scores).is_err(), "no budget, no answer");
}
