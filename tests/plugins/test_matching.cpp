// SPDX-License-Identifier: Apache-2.0
// Attention matching on made-up inputs: figures of its published formulas, and least squares against
// another way to solve them.
#include "support/matching_pursuit.hpp"  // before Catch2: libtorch has a CHECK of its own

#include <catch2/catch.hpp>
#include <cmath>

using namespace kvhost::scorers;

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

// Six entries, eight queries.
Matched small() {
  Matched head;
  head.keys = made(7, 6, 2);
  head.values = made(8, 6, 2);
  head.queries = 3 * made(9, 8, 2);
  head.scale = 1 / std::sqrt(2.0);
  return head;
}

void check(const at::Tensor& got, const std::vector<double>& wanted, double within = 5e-6) {
  const at::Tensor flat = got.to(at::kDouble).contiguous().flatten();
  REQUIRE(flat.numel() == static_cast<int64_t>(wanted.size()));
  for (size_t i = 0; i < wanted.size(); ++i)
    CHECK(flat.data_ptr<double>()[i] == Approx(wanted[i]).margin(within));
}

at::Tensor indices(const std::vector<int64_t>& entries) { return at::tensor(entries, at::kLong); }

// How far attention over what is kept is from that over everything, for all queries.
double output_error(const Matched& head, const at::Tensor& kept, const at::Tensor& values, const at::Tensor& biases) {
  const at::Tensor all = head.scores(head.queries).softmax(-1).matmul(head.values);
  const Matched few{head.queries, head.keys.index_select(0, kept), {}, biases, head.scale};
  return (few.scores(head.queries).softmax(-1).matmul(values) - all).norm().item<double>();
}

constexpr BiasRule kPublished{-3, 3, /*n_steps=*/0};

}  // namespace

TEST_CASE("attention matching: keys, biases, values and the error as published") {
  const Matched head = small();
  const at::Tensor shares = attention_share(head, Share::Rms);
  check(shares, {.099244, .091998, .313002, .282045, .144298, .451477}, 1e-6);
  const at::Tensor kept = indices({5, 2, 3});
  const Fit fit = fit_kept(head, kept, &kPublished, /*ridge=*/0);
  check(fit.biases, {.545012, .186944, .343516});
  check(fit.values, {-.623020, .818654, .468767, -1.120201, -.825605, .021703});
  CHECK(output_error(head, kept, fit.values, fit.biases) == Approx(.482998).margin(2e-6));
  CHECK(output_error(head, kept, head.values.index_select(0, kept), {}) ==
        Approx(.700888).margin(2e-6));
}

TEST_CASE("attention matching: the pursuit's keys and weights as published") {
  const Matched head = small();
  const std::vector<int64_t> taken = Pursuit(head, PursuitRule{}).take(3);
  CHECK(taken == std::vector<int64_t>{2, 5, 4});
  const BiasRule wide{std::log(1e-12), 7, /*n_steps=*/0};
  check(fit_kept(head, indices(taken), &wide, 0).biases, {.688609, .104455, .750306});
  CHECK(Pursuit(head, PursuitRule{2, 1}).take(5).size() == 5);
  CHECK(Pursuit(head, PursuitRule{4, 2}).take(9).size() == 6);  // all there are
}

TEST_CASE("attention matching: tiles of queries come to what one matrix does, biases held before count") {
  Matched head;
  head.queries = 2 * made(1, 600, 8);  // more than two tiles
  head.keys = made(2, 70, 8);
  head.values = made(3, 70, 8);
  head.biases = made(4, 70, 1).squeeze(1);
  head.scale = .5;
  const at::Tensor kept = at::arange(0, 70, 7, at::kLong);
  const Fit fit = fit_kept(head, kept, &kPublished, 0);
  const at::Tensor scores =
      (head.queries.to(at::kDouble).matmul(head.keys.to(at::kDouble).t()) * head.scale) +
      head.biases.to(at::kDouble);
  const at::Tensor weights = (scores - scores.amax(-1, true)).exp();
  const at::Tensor sums = weights.sum(-1, true), some = weights.index_select(1, kept);
  const at::Tensor biases = std::get<0>(at::linalg_lstsq(some, sums, {}, "gelsd"))
                                .squeeze(-1)
                                .clamp(std::exp(-3.0), std::exp(3.0))
                                .log();
  CHECK((fit.biases - biases).abs().max().item<double>() < 1e-3);
  const at::Tensor rows =
      (head.queries.to(at::kDouble).matmul(head.keys.index_select(0, kept).to(at::kDouble).t()) *
           head.scale +
       fit.biases)
          .softmax(-1);
  const at::Tensor target = weights.matmul(head.values.to(at::kDouble)) / sums;
  const at::Tensor values = std::get<0>(at::linalg_lstsq(rows, target, {}, "gelsd"));
  const double best = (rows.matmul(values) - target).norm().item<double>();
  CHECK(output_error(head, kept, fit.values, fit.biases) == Approx(best).epsilon(1e-3));
}

TEST_CASE("attention matching: steps of projected gradient lower what the clamp left, within the bounds") {
  const Matched head = small();
  const at::Tensor kept = indices({0, 1, 4});
  const auto missed = [&](int64_t n_steps) {
    const BiasRule rule{-.5, .5, n_steps};
    const at::Tensor weights = fit_kept(head, kept, &rule, 0).biases.to(at::kDouble).exp();
    const Numerators all(head.scores(head.queries));
    CHECK(weights.min().item<double>() > std::exp(-.5) - 1e-6);
    CHECK(weights.max().item<double>() < std::exp(.5) + 1e-6);
    return (all.weights.index_select(1, kept).to(at::kDouble).mv(weights) -
            all.sums.squeeze(-1).to(at::kDouble))
        .norm()
        .item<double>();
  };
  CHECK(missed(2) <= missed(0));
  CHECK(missed(50) <= missed(2));
}

TEST_CASE("attention matching: fewer queries than kept entries, and entries that repeat, stay finite") {
  Matched head = small();
  head.queries = head.queries.narrow(0, 0, 2);
  head.keys = at::cat({head.keys, head.keys});
  head.values = at::cat({head.values, head.values});
  const at::Tensor kept = indices({0, 2, 6, 8, 9});
  const Fit fit = fit_kept(head, kept, &kPublished, 0);
  CHECK(fit.values.isfinite().all().item<bool>());
  CHECK(fit.values.abs().max().item<double>() < 100);
  CHECK(fit.biases.isfinite().all().item<bool>());
}
