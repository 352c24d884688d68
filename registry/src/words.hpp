// SPDX-License-Identifier: Apache-2.0
// The words that manifests and listings use for the numbers of the ABI.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "registry/catalog.hpp"

namespace kvhost::registry {

struct Word {
  uint32_t value;
  const char* word;
};
using Words = std::vector<Word>;

const Words& kind_words();         // KVH_KIND_*
const Words& method_flag_words();  // KVH_METHOD_*
const Words& param_type_words();   // KVH_PARAM_BOOL, ...
const Words& param_flag_words();   // KVH_PARAM_HAS_MIN, ...
const Words& tensor_words();       // KVH_T_*
const Words& need_flag_words();    // KVH_NEED_*
const Words& phase_words();        // 1 << KVH_PHASE_*

// The word of a tensor, or its number where this kvhost does not know it.
std::string tensor_text(uint32_t tensor);

// The word for `value`, or null when there is none.
const char* word_of(const Words& words, uint32_t value);
// The value of `word`; throws std::runtime_error naming `what` and the known words.
uint32_t value_of(const Words& words, const std::string& word, const std::string& what);

// Bits to words and back.
std::vector<std::string> words_of_bits(const Words& words, uint32_t bits);
uint32_t bits_of_words(const Words& words,
                       const std::vector<std::string>& found,
                       const std::string& what);
uint32_t known_bits(const Words& words);

}  // namespace kvhost::registry
