// SPDX-License-Identifier: Apache-2.0
#include <ATen/Functions.h>

#include <catch2/catch.hpp>

#include "base/error.hpp"
#include "decoder_fixture.hpp"
#include "kernels/quant/quantize.hpp"
#include "model/weight_slots.hpp"
#include "model_files.hpp"

using namespace kvhost;
using namespace kvhost::test;

TEST_CASE("weights quantised while loading: every matrix, embedding and head, no norm") {
  const auto plain = Weights::load(model_dir("neox_parallel"), DType::Float32);
  for (const WeightType form : {WeightType::Q8_0, WeightType::Q4_0}) {
    INFO(weight_type_info(form).name);
    const auto weights = Weights::load(model_dir("neox_parallel"), DType::Float32, form);
    ModelWeights held = weights->tensors();  // copies share the numbers
    for (const auto& slot : weight_slots(weights->config(), held)) {
      if (!slot.matrix) continue;
      CAPTURE(slot.name);
      CHECK(slot.matrix->quantised());
    }
    CHECK(held.layers.size() == plain->tensors().layers.size());
    const auto& layer = weights->tensors().layers[1];
    for (const Matrix* matrix : {&weights->tensors().embedding,
                                 &weights->tensors().lm_head,
                                 &layer.qkv.weight,
                                 &layer.output.weight,
                                 &layer.up.weight,
                                 &layer.down.weight}) {
      REQUIRE(matrix->quantised());
      CHECK(matrix->type() == form);
    }
    const at::Tensor numbers = plain->tensors().embedding.dense().contiguous();
    std::vector<std::byte> expected(static_cast<size_t>(weights->tensors().embedding.bytes()));
    quantize(form, numbers.const_data_ptr<float>(), numbers.numel(), expected.data());
    CHECK(std::equal(expected.begin(), expected.end(), weights->tensors().embedding.blocks()));
    CHECK(at::equal(layer.attention_norm.weight, plain->tensors().layers[1].attention_norm.weight));
  }
}

TEST_CASE("a quantised model's logits are those of its weights as numbers") {
  const auto weights = Weights::load(model_dir("neox_parallel"), DType::Float32, WeightType::Q4_0);
  const Decoder decoder(weights);
  const Tokens tokens = some_tokens(150, weights->config().vocab_size);
  const at::Tensor slow = reference_logits(*weights, tokens);
  for (const int64_t block : {1, 7, 32, 150}) {
    INFO(block);
    CHECK(max_difference(in_blocks(decoder, tokens, block), slow) <= tolerance(slow));
  }
}

TEST_CASE("how weights are to be kept is refused where it cannot be") {
  CHECK_THROWS_WITH(Weights::load(model_dir("llama_gqa"), DType::Float32, WeightType::Q8_0),
                    Catch::Contains("has rows of 40 numbers; expected a multiple of 32 for Q8_0"));
  CHECK_THROWS_WITH(
      Weights::load(model_dir("llama_gqa"), DType::Float32, WeightType::BF16),
      Catch::Contains("bf16 for a model that runs in float32; expected bfloat16, or weights"));
  const auto numbers = Weights::load(model_dir("llama_gqa"), DType::BFloat16, WeightType::BF16);
  CHECK(numbers->tensors().embedding.dense().scalar_type() == at::kBFloat16);
}
