// SPDX-License-Identifier: @license@
//! @name@ around scores that the test makes up.
use crate::kvhost::testing::*;

#[test]
fn formula() {
    let layer = FakeLayer::prompt(2, 6);
    let mut inside = Table { scores: vec![vec![3.0, 0.0, 0.0, 6.0, 0.0, 0.0], vec![1.0; 6]], pins: vec![vec![0; 6]; 2] };
    inside.pins[0][5] = 1;
    let got = Made::new(&[("kernel_size", 3.0)], Some(inside)).unwrap().score(&layer).unwrap();
    assert_eq!(got.scores[0], [1.0, 1.0, 2.0, 2.0, 2.0, 0.0]);
    assert_eq!(got.scores[1][2], 1.0);
    assert_eq!(got.pins[0][5], 1);
}

#[test]
fn nothing_inside() {
    assert_eq!(Made::new(&[], None).err().unwrap().path, "/inner");
}
