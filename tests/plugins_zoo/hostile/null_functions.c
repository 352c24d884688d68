/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

ZOO_METHOD("null_functions", .functions = 0)
ZOO_PLUGIN(.open = 0)
