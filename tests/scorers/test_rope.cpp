// SPDX-License-Identifier: Apache-2.0
// The SDK's rotation against its definition in double precision.
#include <catch2/catch.hpp>
#include <cmath>
#include <kvhost/sdk.hpp>

#include "fake_layer.hpp"

using namespace kvhost::testing;
using namespace kvhost::sdk;

namespace {

// Half-split rotation of the first rotary_dim channels.
std::vector<double> rotated(const std::vector<float>& x, const kvh_rope& rope, int64_t position) {
  std::vector<double> out(x.begin(), x.end());
  const auto half = static_cast<size_t>(rope.rotary_dim / 2);
  for (size_t j = 0; j < half; ++j) {
    const double angle = static_cast<double>(position) * rope.inv_freq[j];
    const double c = rope.attention_scaling * std::cos(angle);
    const double s = rope.attention_scaling * std::sin(angle);
    out[j] = c * x[j] - s * x[j + half];
    out[j + half] = c * x[j + half] + s * x[j];
  }
  return out;
}

}  // namespace

TEST_CASE("a rotation is its definition, and undone by its inverse") {
  FakeLayer fake({}, FakeLayer::dense(2, 1), 1);
  fake.add_rope(GENERATE(1.0, 1.3));
  const Layer layer(fake.raw());
  const RopeTable table(layer, /*first=*/5, /*n=*/40);
  const std::vector<float> x = random_floats(fake.rng(), 8, -1, 1);
  for (const int64_t position : {5, 6, 44}) {
    std::vector<float> there(8), back(8);
    table.rotate(x.data(), 8, position, there.data());
    table.unrotate(there.data(), 8, position, back.data());
    const std::vector<double> want = rotated(x, *layer.rope(), position);
    for (size_t j = 0; j < 8; ++j) {
      CHECK(there[j] == Approx(want[j]).margin(1e-6));
      CHECK(back[j] == Approx(x[j]).margin(1e-6));
    }
  }
}

TEST_CASE("the mean rotation averages rotated rows, and both sides of a matrix") {
  FakeLayer fake({}, FakeLayer::dense(2, 1), 1);
  fake.add_rope(1.3);
  const MeanRotation mean(Layer(fake.raw()), /*first=*/10, /*n=*/7);
  const std::vector<float> x = random_floats(fake.rng(), 8, -1, 1);
  std::vector<float> found = x;
  mean.apply(found.data());
  std::vector<double> want(8, 0.0);
  for (int64_t p = 10; p < 17; ++p) {
    const std::vector<double> row = rotated(x, *fake.raw().shape->rope, p);
    for (size_t j = 0; j < 8; ++j) want[j] += row[j] / 7;
  }
  for (size_t j = 0; j < 8; ++j) CHECK(found[j] == Approx(want[j]).margin(1e-6));

  std::vector<float> square(64);  // x x^T -> (R x)(R x)^T
  for (size_t i = 0; i < 64; ++i) square[i] = x[i / 8] * x[i % 8];
  mean.apply_both_sides(square.data(), 8);
  for (size_t i = 0; i < 64; ++i) {
    CHECK(square[i] == Approx(want[i / 8] * want[i % 8]).margin(1e-6));
  }
}

TEST_CASE("a model without rotation leaves rows alone") {
  FakeLayer fake({}, FakeLayer::dense(2, 1), 1);
  const RopeTable table(Layer(fake.raw()), 0, 4);
  const MeanRotation mean(Layer(fake.raw()), 0, 4);
  const std::vector<float> x = random_floats(fake.rng(), 8, -1, 1);
  std::vector<float> y(8), z = x;
  table.unrotate(x.data(), 8, 3, y.data());
  mean.apply(z.data());
  CHECK(y == x);
  CHECK(z == x);
}
