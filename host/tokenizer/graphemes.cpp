// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/graphemes.hpp"

#include <unicode/brkiter.h>
#include <unicode/utext.h>

#include <algorithm>
#include <memory>

#include "base/error.hpp"

namespace kvhost::tok {

namespace {

std::unique_ptr<icu::BreakIterator> make_iterator() {
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<icu::BreakIterator> iterator(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
  if (U_FAILURE(status)) run_failed("ICU", std::string("no graphemes: ") + u_errorName(status));
  return iterator;
}

// Every character stands for itself.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x80 && c != '\r';
  });
}

}  // namespace

void for_each_grapheme(std::string_view text, const std::function<void(std::string_view)>& each) {
  if (is_plain(text)) {
    for (size_t i = 0; i < text.size(); ++i) each(text.substr(i, 1));
    return;
  }
  const auto iterator = make_iterator();
  UErrorCode status = U_ZERO_ERROR;
  UText utext = UTEXT_INITIALIZER;
  utext_openUTF8(&utext, text.data(), static_cast<int64_t>(text.size()), &status);
  iterator->setText(&utext, status);
  if (U_FAILURE(status)) run_failed("ICU", std::string("no graphemes: ") + u_errorName(status));
  int32_t begin = iterator->first();
  for (int32_t end = iterator->next(); end != icu::BreakIterator::DONE;
       begin = end, end = iterator->next())
    each(text.substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
  utext_close(&utext);
}

}  // namespace kvhost::tok
