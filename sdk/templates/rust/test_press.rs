// SPDX-License-Identifier: @license@
//! @name@ on the values of a few entries that stay.
use crate::kvhost::testing::*;

#[test]
fn formula() {
    let layer = FakeLayer::prompt(2, 6);
    let mut values = vec![vec![2.0; 3 * 8], vec![-1.0; 8]];
    Made::new(&[("factor", 1.5)], None).unwrap().edit(&layer, &[vec![0, 2, 5], vec![1]], &mut values).unwrap();
    assert!(values[0].iter().all(|&x| x == 3.0) && values[1].iter().all(|&x| x == -1.5));
}
