// SPDX-License-Identifier: Apache-2.0
// Running the decoders in tests.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "base/parallel.hpp"
#include "model/decoder.hpp"
#include "model/reference.hpp"
#include "model/weights.hpp"

// libtorch has a CHECK of its own, which ends the process.
#undef CHECK
#define CHECK(...) INTERNAL_CATCH_TEST("CHECK", Catch::ResultDisposition::ContinueOnFailure, __VA_ARGS__)

namespace kvhost::test {

using Tokens = std::vector<int32_t>;

// The tiny models run fastest on one thread; tests of longer prompts keep all.
class OneThread {
 public:
  OneThread() : before_(num_threads()) { set_num_threads(1); }
  ~OneThread() { set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

inline at::Tensor golden_logits(const nlohmann::json& golden) {  // [positions, vocab_size]
  const auto rows = golden.at("logits").get<std::vector<std::vector<float>>>();
  at::Tensor out = at::empty(
      {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows[0].size())}, at::kFloat);
  for (size_t i = 0; i < rows.size(); ++i)
    out[static_cast<int64_t>(i)].copy_(at::tensor(rows[i], at::kFloat));
  return out;
}

inline double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

inline double tolerance(const at::Tensor& exact) { return 1e-4 * exact.abs().max().item<double>(); }

// Logits of all tokens, in forwards of at most `block` tokens.
inline at::Tensor in_blocks(const Decoder& decoder, std::span<const int32_t> tokens, size_t block) {
  KvCache cache(decoder.cache_layout());
  std::vector<at::Tensor> parts;
  ForwardOptions options;
  options.all_logits = true;
  for (size_t first = 0; first < tokens.size(); first += block)
    parts.push_back(decoder.forward(
        tokens.subspan(first, std::min(block, tokens.size() - first)), cache, options));
  return at::cat(parts);
}

inline int32_t most_likely(const at::Tensor& logits) {
  return static_cast<int32_t>(logits[-1].argmax().item<int64_t>());
}

// Reproducible token ids.
inline Tokens some_tokens(int64_t n, int64_t vocab_size) {
  Tokens out;
  uint64_t state = 12345;
  for (int64_t i = 0; i < n; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    out.push_back(static_cast<int32_t>((state >> 33) % static_cast<uint64_t>(vocab_size)));
  }
  return out;
}

}  // namespace kvhost::test
