/* SPDX-License-Identifier: Apache-2.0 */
#include <kvhost/base.h>

KVH_EXPORT int kvhost_plugin_v0 = 1;
