// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace kvhost {

const char* version();  // of kvhost: "0.1.0"

}  // namespace kvhost
