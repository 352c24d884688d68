// SPDX-License-Identifier: Apache-2.0
// Text of tokens that come one by one, cut at the first stop text. Given out as soon as it is
// final: never part of a character, never what may still become part of a stop text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.hpp"

namespace kvhost {

class TextOut {
 public:
  // No tokenizer: no text.
  TextOut(const Tokenizer* tokenizer, std::vector<std::string> stops);

  // False when a stop text was completed.
  bool push(int32_t token);
  // No token follows.
  void finish();
  // What became final since it was asked last.
  std::string take_new();
  const std::string& text() const { return text_; }
  const std::string& stop() const { return stop_; }  // the stop text that was completed, or ""

 private:
  bool add(const std::string& piece);

  std::optional<StreamDecoder> decoder_;
  std::vector<std::string> stops_;
  size_t longest_stop_ = 0;
  std::string text_, stop_;
  size_t final_ = 0, taken_ = 0;  // bytes
  bool stopped_ = false;
};

}  // namespace kvhost
