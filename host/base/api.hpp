// SPDX-License-Identifier: Apache-2.0
// What libkvhost.so shows; everything else stays inside it.
#pragma once

#define KVHOST_API __attribute__((visibility("default")))
