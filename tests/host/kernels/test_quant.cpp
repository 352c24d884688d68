// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/weight_type.hpp"
#include "kernels/quant/dequantize.hpp"
#include "kernels/quant/quant_gemv.hpp"
#include "kernels/quant/quantize.hpp"
#include "quant_cases.hpp"

namespace {

using namespace kvhost;

std::vector<uint8_t> from_hex(const std::string& text) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  return out;
}

nlohmann::json golden() {
  std::ifstream file(std::string(KVHOST_TEST_DATA) + "/golden/gguf_types.json");
  return nlohmann::json::parse(file);
}

// Largest difference from the product with the unpacked weights, as a part of the sum of the sizes
// of what is added up. The input's 16 bits lose at most 1 / 65534 of its group's largest.
struct Tolerance {
  WeightType type;
  double part;
};
constexpr Tolerance kTolerances[] = {
    {WeightType::Q8_0, 3e-5},
    {WeightType::Q4_0, 3e-5},
    {WeightType::Q4_1, 3e-5},
    {WeightType::Q5_0, 3e-5},
    {WeightType::Q5_1, 3e-5},
    {WeightType::Q2_K, 3e-5},
    {WeightType::Q3_K, 3e-5},
    {WeightType::Q4_K, 3e-5},
    {WeightType::Q5_K, 3e-5},
    {WeightType::Q6_K, 3e-5},
    {WeightType::MXFP4, 3e-5},
};

std::vector<float> random_floats(size_t n, uint32_t seed) {
  std::mt19937 draw(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(n);
  for (float& x : out) x = normal(draw);
  return out;
}

// x weight^T of one matrix in double precision beside the kernel's.
void check_products(const Tolerance& tolerance, int64_t n_rows, int64_t n_in, int64_t n_out) {
  CAPTURE(weight_type_info(tolerance.type).name, n_rows, n_in, n_out);
  const auto seed = static_cast<uint32_t>(n_rows * 100 + n_out);
  const auto blocks = quant_cases::random_blocks(tolerance.type, n_in * n_out, seed);
  const auto x = random_floats(static_cast<size_t>(n_rows * n_in), seed + 1);
  const auto bias = random_floats(static_cast<size_t>(n_out), seed + 2);
  std::vector<float> weight(static_cast<size_t>(n_in * n_out));
  dequantize(tolerance.type, blocks.data(), n_in * n_out, weight.data());
  std::vector<float> out(static_cast<size_t>(n_rows * n_out));
  const QuantMatrix matrix{tolerance.type, blocks.data(), bias.data(), out.data(), n_out};
  quant_gemv({DType::Float32, x.data(), n_rows, n_in, false}, {&matrix, 1});
  double worst = 0;
  for (int64_t t = 0; t < n_rows; ++t) {
    for (int64_t r = 0; r < n_out; ++r) {
      double sum = static_cast<double>(bias[static_cast<size_t>(r)]), size = 1e-3;
      for (int64_t i = 0; i < n_in; ++i) {
        const double part = static_cast<double>(x[static_cast<size_t>(t * n_in + i)]) *
                            static_cast<double>(weight[static_cast<size_t>(r * n_in + i)]);
        sum += part;
        size += std::abs(part);
      }
      const auto got = static_cast<double>(out[static_cast<size_t>(t * n_out + r)]);
      worst = std::max(worst, std::abs(got - sum) / size);
    }
  }
  CHECK(worst <= tolerance.part);
}

}  // namespace

TEST_CASE("blocks of every type unpack to the bits of the gguf package") {
  size_t n_types = 0;
  const nlohmann::json file = golden();
  for (const auto& one : file["read"]) {
    const auto type = find_weight_type(one["type"].get<std::string>());
    REQUIRE(type.has_value());
    CAPTURE(one["type"].get<std::string>());
    const auto blocks = from_hex(one["blocks"]), expected = from_hex(one["weights"]);
    std::vector<float> got(expected.size() / sizeof(float));
    dequantize(*type, blocks.data(), static_cast<int64_t>(got.size()), got.data());
    size_t different = 0;
    for (size_t i = 0; i < got.size(); ++i)
      different += std::memcmp(&got[i], &expected[i * sizeof(float)], sizeof(float)) != 0;
    CHECK(different == 0);
    ++n_types;
  }
  CHECK(n_types == weight_types().size());
}

TEST_CASE("row products of every type are those of the unpacked weights") {
  size_t n_types = 0;
  for (const Tolerance& tolerance : kTolerances) {
    for (const int64_t n_rows : {1, 2, 3, 4, 5, 8, 11}) check_products(tolerance, n_rows, 512, 37);
    check_products(tolerance, 1, weight_type_info(tolerance.type).block, 1);
    check_products(tolerance, 2, 256 * 9, 301);
    ++n_types;
  }
  for (const auto& info : weight_types()) n_types += is_plain(info.type) ? 1 : 0;
  CHECK(n_types == weight_types().size());
}

// What is asked for alone and together, in a batch or divided among threads, is the same to the bit.
TEST_CASE("a product does not depend on the rows that are read beside it") {
  const int64_t n_in = 768, n_rows = 7, n_out = 11;
  const auto x = random_floats(static_cast<size_t>(n_rows * n_in), 8);
  for (const auto& info : weight_types()) {
    if (is_plain(info.type)) continue;
    CAPTURE(info.name);
    const auto blocks = quant_cases::random_blocks(info.type, n_in * n_out, 9);
    std::vector<float> together(static_cast<size_t>(n_rows * n_out));
    const QuantMatrix all{info.type, blocks.data(), nullptr, together.data(), n_out};
    quant_gemv({DType::Float32, x.data(), n_rows, n_in, false}, {&all, 1});
    size_t different = 0;
    for (int64_t t = 0; t < n_rows; ++t) {
      for (int64_t r = 0; r < n_out; ++r) {
        float alone = 0;
        const QuantMatrix one{
            info.type, blocks.data() + r * row_bytes(info.type, n_in), nullptr, &alone, 1};
        quant_gemv({DType::Float32, x.data() + t * n_in, 1, n_in, false}, {&one, 1});
        different += alone != together[static_cast<size_t>(t * n_out + r)];
      }
    }
    CHECK(different == 0);
  }
}

TEST_CASE("several matrices of different types share one input in bfloat16") {
  const int64_t n_in = 768, n_rows = 3;
  std::vector<uint16_t> x(static_cast<size_t>(n_rows * n_in));
  std::vector<float> wide(x.size());
  const auto floats = random_floats(x.size(), 5);
  for (size_t i = 0; i < x.size(); ++i) {
    uint32_t bits;
    std::memcpy(&bits, &floats[i], sizeof bits);
    bits &= 0xffff0000u;
    x[i] = static_cast<uint16_t>(bits >> 16);
    std::memcpy(&wide[i], &bits, sizeof bits);
  }
  const auto first = quant_cases::random_blocks(WeightType::Q6_K, n_in * 70, 1);
  const auto second = quant_cases::random_blocks(WeightType::Q4_1, n_in * 33, 2);
  std::vector<float> together[2] = {std::vector<float>(n_rows * 70),
                                    std::vector<float>(n_rows * 33)};
  const QuantMatrix both[] = {{WeightType::Q6_K, first.data(), nullptr, together[0].data(), 70},
                              {WeightType::Q4_1, second.data(), nullptr, together[1].data(), 33}};
  quant_gemv({DType::BFloat16, x.data(), n_rows, n_in, true}, both);
  for (int m = 0; m < 2; ++m) {
    std::vector<float> alone(together[m].size());
    QuantMatrix matrix = both[m];
    matrix.out = alone.data();
    quant_gemv({DType::Float32, wide.data(), n_rows, n_in, false}, {&matrix, 1});
    CHECK(alone == together[m]);
  }
}

TEST_CASE("an input that is not a number is not lost in whole numbers") {
  for (const auto& info : weight_types()) {
    if (is_plain(info.type)) continue;
    CAPTURE(info.name);
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      std::vector<float> x(256, 1.0F);
      x[77] = bad;
      const auto blocks = quant_cases::random_blocks(info.type, 256, 3);
      float out = 0;
      const QuantMatrix matrix{info.type, blocks.data(), nullptr, &out, 1};
      quant_gemv({DType::Float32, x.data(), 1, 256, false}, {&matrix, 1});
      CHECK_FALSE(std::isfinite(out));
    }
  }
}

// The largest sums there can be, which whole numbers have to hold.
TEST_CASE("weights and inputs at the ends of their ranges do not overflow") {
  const int64_t n_in = 512;
  for (const auto& info : weight_types()) {
    if (is_plain(info.type)) continue;
    CAPTURE(info.name);
    for (const int fill : {0xff, 0x7f, 0x80}) {
      const auto blocks = quant_cases::filled_blocks(info.type, n_in, static_cast<uint8_t>(fill));
      for (const float sign : {1.0F, -1.0F}) {
        const std::vector<float> x(static_cast<size_t>(n_in), sign);
        std::vector<float> weight(static_cast<size_t>(n_in));
        dequantize(info.type, blocks.data(), n_in, weight.data());
        double sum = 0, size = 1e-3;
        for (const float w : weight) {
          sum += static_cast<double>(sign * w);
          size += std::abs(static_cast<double>(w));
        }
        float out = 0;
        const QuantMatrix matrix{info.type, blocks.data(), nullptr, &out, 1};
        quant_gemv({DType::Float32, x.data(), 1, n_in, false}, {&matrix, 1});
        CHECK(std::abs(static_cast<double>(out) - sum) <= 3e-5 * size);
      }
    }
  }
}

TEST_CASE("numbers become the blocks that the gguf package makes of them") {
  const nlohmann::json file = golden();
  const auto bytes = from_hex(file["numbers"]);
  std::vector<float> numbers(bytes.size() / sizeof(float));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  REQUIRE(file["made"].size() == 2);
  for (const auto& one : file["made"]) {
    CAPTURE(one["type"].get<std::string>());
    const auto type = find_weight_type(one["type"].get<std::string>());
    REQUIRE(can_quantize(*type));
    const auto expected = from_hex(one["blocks"]);
    std::vector<uint8_t> got(expected.size());
    quantize(*type, numbers.data(), static_cast<int64_t>(numbers.size()), got.data());
    CHECK(got == expected);
  }
}
