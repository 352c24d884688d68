// SPDX-License-Identifier: Apache-2.0
#include "engine/text_out.hpp"

#include <algorithm>

namespace kvhost {

TextOut::TextOut(const Tokenizer* tokenizer, std::vector<std::string> stops)
    : stops_(std::move(stops)) {
  if (tokenizer) decoder_.emplace(*tokenizer);
  for (const auto& stop : stops_) longest_stop_ = std::max(longest_stop_, stop.size());
}

bool TextOut::push(int32_t token) { return !decoder_ || add(decoder_->push(token)); }

void TextOut::finish() {
  if (stopped_ || !decoder_) return;
  add(decoder_->flush());
  if (!stopped_) final_ = text_.size();
}

std::string TextOut::take_new() {
  std::string piece = text_.substr(taken_, final_ - taken_);
  taken_ = final_;
  return piece;
}

bool TextOut::add(const std::string& piece) {
  // A stop text that is complete only now ends in the new piece, or in what was held back.
  const size_t from = text_.size() - std::min(text_.size(), longest_stop_);
  text_ += piece;
  size_t first = std::string::npos;
  for (const auto& stop : stops_)
    if (const size_t at = text_.find(stop, from); at < first) {
      first = at;
      stop_ = stop;
    }
  if (first != std::string::npos) {
    text_.resize(first);
    stopped_ = true;
    final_ = first;
    return false;
  }
  size_t end = longest_stop_ == 0 ? text_.size()
                                  : text_.size() - std::min(text_.size(), longest_stop_ - 1);
  const auto inside = [&] {  // a character
    return end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xC0) == 0x80;
  };
  while (end > final_ && inside()) --end;
  final_ = std::max(final_, end);
  return true;
}

}  // namespace kvhost
