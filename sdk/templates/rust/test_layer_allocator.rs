// SPDX-License-Identifier: @license@
//! @name@: a share for every layer, as the rule says.
use crate::kvhost::testing::*;

#[test]
fn formula() {
    let got = Made::new(&[("decay", 0.5)], None).unwrap().shares(3, 2, 100, 210).unwrap();
    assert_eq!(got, [1.0, 0.5, 0.25]);
}
