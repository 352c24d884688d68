// SPDX-License-Identifier: Apache-2.0
// What authors of plugins test with: a method of a built plugin.
#pragma once

#include <kvhost/testing/plugin_method.hpp>
