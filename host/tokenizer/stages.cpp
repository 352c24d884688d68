// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/stages.hpp"

#include "base/error.hpp"
#include "base/interrupt.hpp"

namespace kvhost::tok {

void check_stages(const JsonNode& node, size_t n) {
  constexpr size_t kMostStages = 256;
  if (n >= kMostStages)
    node.fail("found more than " + std::to_string(kMostStages) +
              " stages; expected at most that many");
}

void check_growth(size_t before, size_t after) {
  constexpr size_t kMostTimes = 64, kAlwaysAllowed = 1 << 16;
  throw_if_interrupted();
  if (after > before * kMostTimes + kAlwaysAllowed)
    run_failed("tokenizer",
               "its stages make a text of " + std::to_string(before) + " bytes one of " +
                   std::to_string(after) + "; expected at most " + std::to_string(kMostTimes) +
                   " times as long; look at normalizer and pre_tokenizer in its file");
}

}  // namespace kvhost::tok
