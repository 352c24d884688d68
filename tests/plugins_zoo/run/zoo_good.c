/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

ZOO_METHOD("zoo_good", .summary = "Scores every entry by its index: the last ones are kept")
ZOO_PLUGIN(.name = "org.example.zoo_good")
