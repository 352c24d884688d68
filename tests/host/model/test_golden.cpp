// SPDX-License-Identifier: Apache-2.0
// Both decoders against logits of transformers. Regenerate: python tests/oracle/make_tiny_models.py
// && python tests/oracle/logits_golden.py
#include <catch2/catch.hpp>

#include "decoder_fixture.hpp"
#include "model_files.hpp"

using namespace kvhost;
using namespace kvhost::test;

// Blocks of `size`, the first of which is long enough for the rotation that the whole prompt has.
static at::Tensor in_like_blocks(const Decoder& decoder, const Tokens& prompt, int64_t size) {
  const int64_t least = decoder.config().rope.short_positions;
  const bool is_long = static_cast<int64_t>(prompt.size()) > least;
  return in_blocks(decoder, prompt, is_long ? std::max(size, least + 1) : size);
}

TEST_CASE("float32 logits equal those of transformers") {
  const OneThread quick;
  for (const auto& name : golden_models()) {
    INFO(name);
    const auto expected = golden(name);
    const auto prompt = expected.at("prompt").get<Tokens>();
    const at::Tensor logits = golden_logits(expected);
    const double allowed = 1e-4 * expected.at("max_abs_logit").get<double>();
    const auto weights = Weights::load(model_dir(name), DType::Float32);

    const at::Tensor slow = reference_logits(*weights, prompt);
    CHECK(max_difference(slow.narrow(0, slow.size(0) - logits.size(0), logits.size(0)), logits) <=
          allowed);
    const Decoder decoder(weights);
    KvCache cache(decoder.cache_layout());
    CHECK(max_difference(decoder.forward(prompt, cache)[0], logits[-1]) <= allowed);
    CHECK(max_difference(in_like_blocks(decoder, prompt, 1), slow) <= allowed);
    CHECK(max_difference(in_like_blocks(decoder, prompt, 7), slow) <= allowed);
    CHECK(max_difference(in_like_blocks(decoder, prompt, 50), slow) <= allowed);
  }
}

TEST_CASE("greedy continuations in float32 equal those of transformers") {
  const OneThread quick;
  for (const auto& name : golden_models()) {
    INFO(name);
    const auto expected = golden(name);
    const Decoder decoder(Weights::load(model_dir(name), DType::Float32));
    KvCache cache(decoder.cache_layout());
    Tokens found = {most_likely(decoder.forward(expected.at("prompt").get<Tokens>(), cache))};
    while (found.size() < expected.at("greedy").size())
      found.push_back(most_likely(decoder.forward(std::span(&found.back(), 1), cache)));
    CHECK(found == expected.at("greedy").get<Tokens>());
  }
}

TEST_CASE(
    "bfloat16 stays within twice transformers' own error, float16 within its bfloat16 error") {
  const OneThread quick;
  for (const auto& name : golden_models()) {
    INFO(name);
    const auto expected = golden(name);
    const auto prompt = expected.at("prompt").get<Tokens>();
    const at::Tensor logits = golden_logits(expected);
    const double error = expected.at("bfloat16_error").get<double>();
    for (const DType dtype : {DType::BFloat16, DType::Float16}) {
      INFO(dtype_name(dtype));
      const double allowed = dtype == DType::BFloat16 ? 2 * error : error;
      const auto weights = Weights::load(model_dir(name), dtype);
      const Decoder decoder(weights);
      const int64_t n = logits.size(0);
      const auto last = [&](const at::Tensor& all) { return all.narrow(0, all.size(0) - n, n); };
      CHECK(max_difference(last(in_blocks(decoder, prompt, prompt.size())), logits) <= allowed);
      CHECK(max_difference(last(in_like_blocks(decoder, prompt, 40)), logits) <= allowed);
      CHECK(max_difference(last(in_like_blocks(decoder, prompt, 1)), logits) <= allowed);
      CHECK(max_difference(last(reference_logits(*weights, prompt)), logits) <= allowed);
    }
  }
}
