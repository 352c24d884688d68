// SPDX-License-Identifier: Apache-2.0
// The stages a decoder is made of. "Per token" stages want whole tokens; a WholeText stage before
// them gives them one.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "tokenizer/decoder.hpp"
#include "tokenizer/regex.hpp"

namespace kvhost::tok {

// A space between tokens.
std::unique_ptr<DecodeStage> make_join_stage();
// Holds everything back until the end.
std::unique_ptr<DecodeStage> make_whole_text_stage();
// Byte-level spelling to text; bytes that are no UTF-8 become U+FFFD once that is certain.
std::unique_ptr<DecodeStage> make_byte_level_stage();
// <0x..> tokens to text. A run that is not UTF-8 as a whole becomes one U+FFFD per byte, so a run
// waits for its end.
std::unique_ptr<DecodeStage> make_byte_fallback_stage();
// Per token.
std::unique_ptr<DecodeStage> make_replace_stage(Pattern pattern, std::string content);
std::unique_ptr<DecodeStage> make_strip_stage(char32_t content, size_t start, size_t stop);
std::unique_ptr<DecodeStage> make_metaspace_stage(std::string mark, bool drop_in_first);
// The first `start` characters of the text, as far as they are `content`, go.
std::unique_ptr<DecodeStage> make_strip_start_stage(char32_t content, size_t start);

}  // namespace kvhost::tok
