/* SPDX-License-Identifier: Apache-2.0 */
#include "../zoo.h"

ZOO_METHOD("escapes", .summary = "Paints \033[31mred\033[0m whatever lists it")
ZOO_PLUGIN(.name = "org.example.escapes")
