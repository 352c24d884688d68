// SPDX-License-Identifier: Apache-2.0
// HeadKV's published file: how important each query head was found to be.
#pragma once

#include <kvhost/resources.hpp>
#include <nlohmann/json.hpp>

namespace kvhost::allocators {

class HeadScores {
 public:
  // [create] Throws KVH_E_RESOURCE at /params/scores, one line.
  explicit HeadScores(const std::string& path)
      : path_(path), all_(parse(sdk::read_resource(path, kLargest, kParameter, kWanted))) {}

  // The mean of what was measured of query head `head` of `layer`.
  double mean(int32_t layer, int32_t head) const {
    const std::string name = std::to_string(layer) + "-" + std::to_string(head);
    const auto found = all_.find(name);
    if (found == all_.end() || !found->is_array() || found->empty())
      refuse("has no list of scores for head \"" + name + "\"");
    double sum = 0;
    for (const auto& score : *found) {
      if (!score.is_number() || !(score.get<double>() >= 0))
        refuse("has something that is no score, 0 or more, for head \"" + name + "\"");
      sum += score.get<double>();
    }
    return sum / static_cast<double>(found->size());
  }

  [[noreturn]] void refuse(const std::string& what) const {
    sdk::bad_resource(kParameter, "'" + path_ + "' " + what + "; expected " + kWanted);
  }

 private:
  static constexpr int64_t kLargest = 16 << 20;
  static constexpr int kDeepest = 2;
  static constexpr const char* kParameter = "/params/scores";
  static constexpr const char* kWanted =
      "HeadKV's JSON, an object of \"layer-head\" (query heads) and a list of scores each, as "
      "github.com/FYYFU/HeadKV publishes them (Important_Head/head_score)";

  nlohmann::json parse(const std::string& text) const {
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (in_string && c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = !in_string;
      } else if (!in_string) {
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        if (depth > kDeepest) refuse("is nested too deep");
      }
    }
    nlohmann::json all = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!all.is_object()) refuse("is no JSON object");
    return all;
  }

  std::string path_;
  nlohmann::json all_;
};

}  // namespace kvhost::allocators
