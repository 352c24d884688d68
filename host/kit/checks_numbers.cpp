// SPDX-License-Identifier: Apache-2.0
// That a method computes: every answer is there and finite, nothing else is touched, and threads,
// dtypes and odd sizes make no difference.
#include <cmath>
#include <cstring>
#include <numeric>
#include <thread>

#include "kit/checks.hpp"
#include "kit/subject.hpp"
#include "kvhost/method.h"
#include "kvhost/spread.h"

namespace kvhost {

using registry::Kind;
using registry::MethodInfo;
using testing::FakeLayer;
using testing::FakeShape;
using testing::ScoreTable;

namespace {

bool scores(const MethodInfo& method) {
  return method.kind == Kind::Scorer || method.kind == Kind::Wrapper;
}

Verdict skipped(std::string why) { return {Outcome::Skip, std::move(why)}; }

// Half of what the layer holds.
void give_budget(kvh_layer& layer) {
  int64_t n = 0;
  for (int32_t h = 0; h < layer.n_kv_heads; ++h) n += layer.heads[h]->n_entries;
  layer.layer_budget = n / 2;
}

// ---- scorers and wrappers ----

std::vector<float> scored(const Subject& subject, const LayerSpec& spec, std::string& fault) {
  const auto layer = subject.layer(spec);
  give_budget(layer->raw());
  FencedScores out(layer->raw());
  subject.method().score_into(layer->raw(), out.raw());
  fault = out.fault();
  return out.scores();
}

Verdict check_scores(const MethodInfo& method, const LayerSpec& spec, const testing::Settings& settings) {
  const Subject subject(method, settings, spec);
  std::string fault;
  scored(subject, spec, fault);
  return fault.empty() ? Verdict{} : failed(fault);
}

// ---- head allocators ----

ScoreTable made_up(const kvh_layer& layer) {
  ScoreTable table(layer);
  kvh_scores raw = table.raw();
  make_up_scores(raw);
  return table;
}

// Whether a host would refuse this configuration while generating: of windows it has what was seen
// since the prompt's end, never all.
bool wants_all_while_generating(const Subject& subject) {
  for (const kvh_need& need : subject.needs()) {
    const bool window = need.tensor == KVH_T_HIDDEN || need.tensor == KVH_T_QUERY_WINDOW ||
                        need.tensor == KVH_T_WINDOW_ATTENTION || need.tensor == KVH_T_ATTENTION_SUM;
    const bool there = !need.phases || (need.phases >> KVH_PHASE_DECODE & 1);
    const bool all = need.window <= 0 || (need.flags & KVH_NEED_SPREAD);
    if (window && there && all && !(need.flags & KVH_NEED_OPTIONAL)) return true;
  }
  return false;
}

bool decides_late(const Subject& subject) {
  const auto* table = static_cast<const kvh_head_allocator*>(subject.method().method().functions);
  return table->when && table->when(subject.method().instance()) == KVH_WHEN_AFTER_PREFILL;
}

Verdict check_heads(const MethodInfo& method, const LayerSpec& spec, const testing::Settings& settings) {
  const Subject subject(method, settings, spec);
  if (decides_late(subject)) return skipped("looks at all layers of a model first");
  const auto layer = subject.layer(spec);
  int64_t n = 0;
  for (int32_t h = 0; h < spec.shape.n_kv_heads; ++h) n += layer->raw().heads[h]->n_entries;
  const bool own = method.flags & KVH_METHOD_OWN_TOTAL;
  for (const int64_t budget : {n / 2, n / 4, int64_t{1}, int64_t{0}, n}) {
    layer->raw().layer_budget = own ? n : budget;
    ScoreTable table = made_up(layer->raw());
    const std::vector<int64_t> got = subject.method().allocate(layer->raw(), table);
    const int64_t sum = std::accumulate(got.begin(), got.end(), int64_t{0});
    const std::string where = "a budget of " + std::to_string(budget) + ": ";
    if (!own && sum != budget)
      return failed(where + "heads get " + std::to_string(sum) + " entries together");
    for (size_t h = 0; h < got.size(); ++h)
      if (got[h] < 0 || got[h] > layer->fake().n_entries(h))
        return failed(where + "head " + std::to_string(h) + " gets " + std::to_string(got[h]) +
                      " of its " + std::to_string(layer->fake().n_entries(h)) + " entries");
  }
  return {};
}

// ---- layer allocators ----

Verdict check_layers(const MethodInfo& method, const LayerSpec& spec, const testing::Settings& settings) {
  const Subject subject(method, settings, spec);
  const int32_t n_layers = spec.shape.n_layers, n_heads = spec.shape.n_kv_heads;
  if (method.flags & KVH_METHOD_NEEDS_SCORES) return skipped("goes by the scores of a whole model");
  const bool looks = subject.method().when() != KVH_WHEN_BEFORE_PREFILL;
  const auto layer = subject.layer(spec);
  for (int32_t l = 0; looks && l < n_layers; ++l) {
    layer->raw().layer = l;
    subject.method().observe(layer->raw());
  }
  const int64_t total = int64_t{spec.n_tokens} * n_heads * n_layers / 2;
  const auto got = subject.method().allocate(n_layers, n_heads, spec.n_tokens, total);
  for (int32_t l = 0; l < n_layers; ++l) {
    const auto at = static_cast<size_t>(l);
    const double share = got.exact ? static_cast<double>(got.entries[at]) : got.shares[at];
    if (!std::isfinite(share) || share < 0)
      return failed("layer " + std::to_string(l) + " gets " + std::to_string(share) +
                    "; expected a finite share, not below 0");
  }
  return {};
}

// ---- presses ----

// Rows of the kept entries, with a fence around each.
class Rows {
 public:
  Rows(size_t n_heads, size_t n) {
    for (size_t h = 0; h < n_heads; ++h) {
      memory_.emplace_back(n + 2 * kFence, kFenced);
      for (size_t i = 0; i < n; ++i)
        memory_.back()[kFence + i] = static_cast<float>(i % 7) / 7 - 0.4f;
    }
    for (auto& row : memory_) rows_.push_back(row.data() + kFence);
  }
  float* const* get() { return rows_.data(); }
  std::string fault(const char* what) const {
    for (const auto& row : memory_) {
      for (size_t i = 0; i < kFence; ++i)
        if (row[i] != kFenced || row[row.size() - 1 - i] != kFenced)
          return std::string("wrote outside of the ") + what;
      for (const float x : row)
        if (!std::isfinite(x)) return std::string("left NaN or infinity in the ") + what;
    }
    return "";
  }

 private:
  static constexpr size_t kFence = 32;
  static constexpr float kFenced = -7.25e33f;
  std::vector<std::vector<float>> memory_;
  std::vector<float*> rows_;
};

Verdict check_press(const MethodInfo& method, const LayerSpec& spec, const testing::Settings& settings) {
  const Subject subject(method, settings, spec);
  const auto layer = subject.layer(spec);
  const auto n_heads = static_cast<size_t>(spec.shape.n_kv_heads);
  std::vector<int32_t> kept;  // every second entry of the head that holds least
  int64_t least = spec.n_tokens;
  for (size_t h = 0; h < n_heads; ++h) least = std::min(least, layer->fake().n_entries(h));
  for (int32_t i = 0; i < least; i += 2) kept.push_back(i);
  const auto d = static_cast<size_t>(spec.shape.head_dim);
  Rows values(n_heads, kept.size() * d), keys(n_heads, kept.size() * d);
  std::vector<std::vector<int32_t>> positions(n_heads, kept);
  std::vector<std::vector<uint8_t>> channels(n_heads, std::vector<uint8_t>(d, 1));
  const ScoreTable table = made_up(layer->raw());
  const std::vector<int64_t> n_kept(n_heads, static_cast<int64_t>(kept.size()));
  std::vector<const int32_t*> kept_rows(n_heads, kept.data());
  std::vector<int32_t*> position_rows;
  std::vector<uint8_t*> channel_rows;
  std::vector<const float*> score_rows;
  for (size_t h = 0; h < n_heads; ++h) {
    position_rows.push_back(positions[h].data());
    channel_rows.push_back(channels[h].data());
    score_rows.push_back(table.scores[h].data());
  }
  const auto declares = [&](uint32_t flag) { return (method.flags & flag) != 0; };
  kvh_edit edit{};
  edit.struct_size = sizeof edit;
  edit.n_kv_heads = spec.shape.n_kv_heads;
  edit.n_kept = n_kept.data();
  edit.kept = kept_rows.data();
  if (declares(KVH_METHOD_EDITS_VALUES)) edit.values = values.get();
  if (declares(KVH_METHOD_EDITS_KEYS)) edit.keys = keys.get();
  if (declares(KVH_METHOD_EDITS_POSITIONS)) edit.positions = position_rows.data();
  if (declares(KVH_METHOD_PRUNES_CHANNELS)) edit.channels = channel_rows.data();
  edit.scores = score_rows.data();
  Rows biases(n_heads, kept.size());
  kvh_biases all_biases{sizeof all_biases, edit.n_kv_heads, nullptr, biases.get()};
  if (subject.method().with_biases())
    subject.method().edit(layer->raw(), edit, all_biases);
  else
    subject.method().edit(layer->raw(), edit);
  for (const std::string& fault :
       {values.fault("values"), keys.fault("keys"), biases.fault("biases")})
    if (!fault.empty()) return failed(fault);
  for (const auto& row : positions)
    if (!std::is_sorted(row.begin(), row.end()) || row.front() < 0)
      return failed("positions do not ascend from 0 on");
  return {};
}

// ---- what all kinds share ----

}  // namespace

Verdict check_numbers(const MethodInfo& method, const LayerSpec& spec, const testing::Settings& settings) {
  const std::string why = why_not_numbers(method);
  if (!why.empty()) return skipped(why);
  if (spec.ragged && !(method.flags & KVH_METHOD_DECODE))
    return skipped("does not run while generating");
  if (!spec.ragged && !(method.flags & KVH_METHOD_PREFILL))
    return skipped("runs while generating only");
  if (spec.ragged && method.kind == Kind::LayerAllocator) return skipped("heads are not its matter");
  if (spec.ragged && wants_all_while_generating(Subject(method, settings, spec)))
    return skipped("asks for all tokens, which a host refuses while generating");
  if (scores(method)) return check_scores(method, spec, settings);
  if (method.kind == Kind::HeadAllocator) return check_heads(method, spec, settings);
  if (method.kind == Kind::LayerAllocator) return check_layers(method, spec, settings);
  return check_press(method, spec, settings);
}

namespace {

Verdict check(const MethodInfo& method, const LayerSpec& spec) { return check_numbers(method, spec, {}); }

Verdict in_float32(const MethodInfo& method) { return check(method, {}); }
Verdict in_float16(const MethodInfo& method) { return check(method, {{}, 48, false, KVH_DTYPE_FLOAT}); }
Verdict in_bfloat16(const MethodInfo& method) {
  return check(method, {{}, 48, false, KVH_DTYPE_BFLOAT});
}
Verdict of_one_token(const MethodInfo& method) { return check(method, {{}, 1}); }
Verdict of_odd_sizes(const MethodInfo& method) {
  const Verdict wide = check(method, {{6, 2, 12, 20, 5}, 131});
  return wide.outcome == Outcome::Pass ? check(method, {{3, 3, 4, 12, 1}, 37}) : wide;
}
Verdict while_generating(const MethodInfo& method) { return check(method, {{}, 48, true}); }

// The same bits again, in the order and on the threads that happen to be.
Verdict same_again(const MethodInfo& method) {
  const std::string why = why_not_numbers(method);
  if (!why.empty() || !scores(method)) return skipped(why.empty() ? "gives no scores" : why);
  if (!(method.flags & KVH_METHOD_DETERMINISTIC)) return skipped("does not promise it");
  if (!(method.flags & KVH_METHOD_PREFILL)) return skipped("runs while generating only");
  const LayerSpec spec{{8, 4, 16, 32, 3}, 96};
  const Subject subject(method, {}, spec);
  const auto layer = subject.layer(spec);
  give_budget(layer->raw());
  const auto once = [&] {
    FencedScores out(layer->raw());
    Subject(method, {}, spec).method().score_into(layer->raw(), out.raw());
    return out.scores();
  };
  const std::vector<float> first = once();
  for (int i = 0; i < 4; ++i)
    if (const auto again = once();
        std::memcmp(again.data(), first.data(), first.size() * sizeof(float)) != 0)
      return failed("the same layer gets other scores the next time");
  return {};
}

// Sequences of several threads on one instance are independent: each has its own state.
Verdict side_by_side(const MethodInfo& method) {
  const std::string why = why_not_numbers(method);
  if (!why.empty() || !scores(method)) return skipped(why.empty() ? "gives no scores" : why);
  if (!(method.flags & KVH_METHOD_PREFILL)) return skipped("runs while generating only");
  constexpr int kThreads = 4;
  std::vector<std::string> faults(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      try {
        const LayerSpec spec{{}, 40 + 8 * t};
        const Subject subject(method, {}, spec);
        for (int i = 0; i < 20 && faults[t].empty(); ++i) scored(subject, spec, faults[t]);
      } catch (const std::exception& e) {
        faults[t] = e.what();
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto& fault : faults)
    if (!fault.empty()) return failed(fault);
  return {};
}

}  // namespace

const std::vector<Check>& number_checks() {
  static const std::vector<Check> all = {
      {3, "numbers.f32", "answers complete and finite, nothing else touched", in_float32},
      {3, "numbers.f16", "the same over a float16 cache", in_float16},
      {3, "numbers.bf16", "the same over a bfloat16 cache", in_bfloat16},
      {3, "numbers.one", "a prompt of one token", of_one_token},
      {3, "numbers.odd", "odd lengths, heads and widths", of_odd_sizes},
      {3, "numbers.ragged", "heads that hold different entries, while generating", while_generating},
      {4, "threads.same", "the same bits every time", same_again},
      {4, "threads.beside", "several sequences at once", side_by_side}};
  return all;
}

}  // namespace kvhost
