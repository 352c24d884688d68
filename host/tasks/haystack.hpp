// SPDX-License-Identifier: Apache-2.0
// Text in which things are hidden, cut to size and into sentences; words to name hidden things by.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kvhost::tasks {

using Strings = std::vector<std::string>;

// The first n of `words` with spaces between them.
std::string first_words(const Strings& words, size_t n);

// Sentences of a text without line breaks. A sentence ends at . ! or ?, with closing quotes and
// brackets, before a space and something that is no lower-case letter. Joined with spaces they are
// the text again. RULER uses NLTK's, which also knows abbreviations.
Strings sentences(std::string_view text);

// `inserts` in their order, each before the sentence of its position; positions ascend.
std::string with_inserts(const Strings& sentences,
                         const std::vector<size_t>& positions,
                         const Strings& inserts);

// Different words, sorted: of 5 to 12 lower-case ASCII letters, without the 200 commonest of these,
// which an answer would hold by chance.
Strings word_list(std::string_view text);

}  // namespace kvhost::tasks
