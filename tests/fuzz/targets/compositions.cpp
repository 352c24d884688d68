// SPDX-License-Identifier: Apache-2.0
#include "fuzz/fuzz.hpp"
#include "spec/spec.hpp"

FUZZ_TARGET(press_text, false) {
  (void)kvhost::parse_spec_text(std::string(input), "--press");
}

FUZZ_TARGET(press_json, true) {
  (void)kvhost::parse_spec_json(std::string(input), "press.json", "");
}
