// SPDX-License-Identifier: Apache-2.0
// GRKV's refit: values of its published code, and that it lowers what it says it lowers.
#include "support/refit.hpp" // before Catch2: libtorch has a CHECK of its own

#include <catch2/catch.hpp>
#include <cmath>

using namespace kvhost::plugins;

namespace {

double g(double s, double i, double j) { return std::sin(s + .7 * i + 1.1 * j + .37 * i * j); }

at::Tensor made(double s, int64_t rows, int64_t cols) {
  at::Tensor out = at::empty({rows, cols}, at::kFloat);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j)
      out.data_ptr<float>()[i * cols + j] =
          static_cast<float>(g(s, static_cast<double>(i), static_cast<double>(j)));
  return out;
}

// One head, two queries, five entries of which 0, 2 and 4 are kept; the first of these is fixed.
Refit small() {
  Refit head;
  head.queries = made(2, 2, 2);
  head.scale = 1 / std::sqrt(2.0);
  head.weight = 3;
  const at::Tensor keys = made(3, 5, 2), values = made(4, 5, 2);
  head.target = (head.queries.matmul(keys.t()) * head.scale).softmax(-1).matmul(values);
  const at::Tensor kept = at::tensor(std::vector<int64_t>{0, 2, 4}, at::kLong);
  head.keys = keys.index_select(0, kept);
  head.values = values.index_select(0, kept);
  head.movable = at::tensor(std::vector<float>{0, 1, 1});
  return head;
}

void check(const at::Tensor& got, const std::vector<double>& wanted) {
  const at::Tensor flat = got.contiguous().flatten();
  REQUIRE(flat.numel() == static_cast<int64_t>(wanted.size()));
  for (size_t i = 0; i < wanted.size(); ++i)
    CHECK(flat.data_ptr<float>()[i] == Approx(wanted[i]).margin(5e-6));
}

double error(const Refit& head, const at::Tensor& keys, const at::Tensor& values) {
  return head.residual(keys, values).square().sum().item<double>();
}

}  // namespace

TEST_CASE("grkv: values are refitted as published") {
  const Refit head = small();
  check(head.target, {-.453847, -.022985, -.648224, -.141402});
  const at::Tensor change = value_change(head, .01);
  check(change, {0, 0, -.321535, .448155, -.075043, .284315});
  const at::Tensor held = capped(change, head.values, head.movable, .1, at::kFloat);
  CHECK(held.norm().item<double>() == Approx(.122939).margin(2e-6));
  CHECK((held.norm() / change.norm()).item<double>() == Approx(.196685).margin(2e-6));
  CHECK(error(head, head.keys, head.values + held) < error(head, head.keys, head.values));
}

TEST_CASE("grkv: the change of keys solves the linearised problem") {
  const Refit head = small();
  const at::Tensor change = KeyChange(head, head.values, .01).solve(64, 1e-9);
  CHECK(change.select(0, 0).abs().max().item<double>() == 0);  // the fixed one
  // A step along it lowers the error as fast as its length and the ridge say: against any other
  // direction of the same length it does best, so that turning it does worse.
  const auto after = [&](const at::Tensor& step) {
    return error(head, head.keys + step, head.values) + .01 * step.square().sum().item<double>();
  };
  const at::Tensor small_step = change * 1e-2;
  CHECK(after(small_step) < after(at::zeros_like(change)));
  for (int64_t s = 0; s < 5; ++s) {
    at::Tensor other = made(10 + static_cast<double>(s), 3, 2) * head.movable.unsqueeze(-1);
    other = other * (small_step.norm() / other.norm());
    CHECK(after(small_step) <= after(other) + 1e-9);
  }
}

TEST_CASE("grkv: what does not help is not done") {
  Refit head = small();
  const at::Tensor none = at::zeros_like(head.values), worse = at::ones_like(head.values);
  const at::Tensor better = capped(value_change(head, .01), head.values, head.movable, .1, at::kFloat);
  CHECK(best_state({head}, {worse}, {none}, .01) == 0);
  CHECK(best_state({head}, {better}, {worse}, .01) == 1);
  // bfloat16 rounds a small change of large numbers away.
  CHECK(capped(at::full({3, 2}, 1e-4f), at::full({3, 2}, 100.f), head.movable, .1, at::kBFloat16)
            .norm()
            .item<double>() == 0);
}
