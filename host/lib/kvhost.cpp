// SPDX-License-Identifier: Apache-2.0
// The umbrella header must stand on its own.
#include "engine.hpp"
