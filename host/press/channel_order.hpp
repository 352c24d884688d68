// SPDX-License-Identifier: Apache-2.0
// Keys whose channels were dropped cannot be written anew, nor lose channels once more: what does so
// stands before.
#pragma once

#include "press/press.hpp"

namespace kvhost {

// Throw Error(BadRequest) that names both methods.
void check_channels_last(const std::deque<Stage>& stages);
// Of what compresses a prompt, and what compresses while generating behind it.
void check_channels_last(const Press& prefill, const Press& decode);

}  // namespace kvhost
