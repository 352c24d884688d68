// SPDX-License-Identifier: Apache-2.0
// What authors of plugins test with: one layer of a sequence.
#pragma once

#include <kvhost/testing/fake_layer.hpp>
