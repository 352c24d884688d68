// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/scalar_type.hpp"
#include "kernels/quant/quantize.hpp"
#include "model/linear.hpp"

using namespace kvhost;

namespace {

// The same numbers as blocks.
Matrix in_blocks_of(WeightType type, const at::Tensor& dense) {
  const at::Tensor numbers = dense.to(at::kFloat).contiguous();
  const auto blocks = std::make_shared<std::vector<std::byte>>(
      static_cast<size_t>(numbers.size(0) * row_bytes(type, numbers.size(1))));
  quantize(type, numbers.const_data_ptr<float>(), numbers.numel(), blocks->data());
  return Matrix::of_blocks(type, blocks->data(), dense.size(0), dense.size(1), blocks);
}

// Largest difference from the product in double precision, as a part of the largest result.
double error_of(const at::Tensor& got, const Linear& layer, const at::Tensor& x) {
  at::Tensor expected =
      at::matmul(x.to(at::kDouble), layer.weight.numbers(DType::Float32).to(at::kDouble).t());
  if (layer.bias.defined()) expected = expected + layer.bias.to(at::kDouble);
  REQUIRE(got.sizes() == expected.sizes());
  return ((got.to(at::kDouble) - expected).abs().max() / expected.abs().max()).item<double>();
}

double resident_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::stod(line.substr(8)) / 1e3;
  FAIL("/proc/self/status says nothing of RssAnon");
  return 0;
}

}  // namespace

TEST_CASE("linear layers of numbers and of blocks agree, for few tokens and for many") {
  at::manual_seed(3);
  for (const DType dtype : {DType::Float32, DType::BFloat16, DType::Float16}) {
    const auto options = at::TensorOptions().dtype(scalar_type(dtype));
    const double allowed = dtype == DType::Float32 ? 1e-4 : dtype == DType::Float16 ? 2e-3 : 1e-2;
    const at::Tensor dense = at::randn({601, 96}).to(options.dtype());
    const Linear plain{Matrix(dense), at::randn({601}).to(options.dtype())};
    const Linear eight{in_blocks_of(WeightType::Q8_0, dense), plain.bias};
    const Linear four{in_blocks_of(WeightType::Q4_0, dense), {}};
    for (const int64_t n_tokens : {1, 3, 9, 31, 33, 70}) {
      CAPTURE(dtype_name(dtype), n_tokens);
      const at::Tensor x = at::randn({n_tokens, 96}).to(options.dtype());
      const auto out = apply_linears(dtype, {&plain, &eight, &four}, x);
      CHECK(out[0].scalar_type() == scalar_type(dtype));
      CHECK(error_of(out[0], plain, x) < allowed);
      CHECK(error_of(out[1], eight, x) < allowed);
      CHECK(error_of(out[2], four, x) < allowed);
      for (const Linear* layer : {&plain, &eight, &four}) {
        const at::Tensor wide = wide_linear(dtype, layer->weight, x);
        CHECK(wide.scalar_type() == at::kFloat);
        CHECK(error_of(wide, {layer->weight, {}}, x) < allowed);
      }
    }
  }
}

// Where products in half width are compiled by their shape (AVX-512 with bfloat16), every length
// took a quarter of a megabyte or more for good: 65 MB here.
TEST_CASE("products with prompts of all lengths leave no memory behind") {
  const Linear dense{Matrix(at::randn({256, 128}).to(at::kBFloat16)), {}};
  const Linear blocks{in_blocks_of(WeightType::Q8_0, at::randn({256, 128})), {}};
  const auto all_lengths = [&](int64_t first, int64_t last) {
    for (int64_t n = first; n < last; ++n) {
      const at::Tensor x = at::ones({n, 128}, at::kBFloat16);
      REQUIRE(apply_linears(DType::BFloat16, {&dense, &blocks}, x)[0].size(0) == n);
    }
  };
  all_lengths(500, 510);
  const double before = resident_megabytes();
  all_lengths(9, 260);
  CHECK(resident_megabytes() - before < 32);
}
