// SPDX-License-Identifier: Apache-2.0
// Words seen lately and their ids. A text repeats most of its words.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/piece_model.hpp"

namespace kvhost::tok {

class WordCache {
 public:
  bool find(std::string_view word, std::vector<int32_t>* ids) {
    if (word.size() > kLongestWord) return false;
    const std::lock_guard lock(mutex_);
    const auto it = words_.find(word);
    if (it == words_.end()) return false;
    ids->insert(ids->end(), it->second.begin(), it->second.end());
    return true;
  }

  void add(std::string_view word, std::vector<int32_t> ids) {
    if (word.size() > kLongestWord) return;
    const std::lock_guard lock(mutex_);
    if (words_.size() >= kWords) words_.clear();
    words_.emplace(word, std::move(ids));
  }

 private:
  static constexpr size_t kLongestWord = 128, kWords = 1 << 16;

  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<int32_t>, StringHash, std::equal_to<>> words_;
};

}  // namespace kvhost::tok
