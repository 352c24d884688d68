// SPDX-License-Identifier: Apache-2.0
// Ridge regression with an intercept, in closed form.
#pragma once

#include "train/pair_store.hpp"
#include "train/surrogate.hpp"

namespace kvhost::train {

// Minimises |y - W x - b|^2 + alpha |W|^2, as scikit-learn's Ridge does.
SurrogateLayer fit_linear(const Pairs& pairs, double alpha);

}  // namespace kvhost::train
