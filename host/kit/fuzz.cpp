// SPDX-License-Identifier: Apache-2.0
#include "kit/fuzz.hpp"

#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstring>
#include <random>

#include "base/error.hpp"
#include "kit/checks.hpp"
#include "kit/subject.hpp"
#include "kvhost/method.h"

namespace kvhost {

using registry::MethodInfo;
using registry::ParamInfo;
using testing::CallFailed;
using testing::Settings;

namespace {

using Rng = std::mt19937_64;
using Values = LayerSpec::Values;

int64_t below(Rng& rng, int64_t n) { return static_cast<int64_t>(rng() % static_cast<uint64_t>(n)); }
double share(Rng& rng) { return static_cast<double>(rng() >> 11) * 0x1p-53; }  // [0, 1)
template <typename T>
const T& one_of(Rng& rng, const std::vector<T>& all) {
  return all[static_cast<size_t>(below(rng, static_cast<int64_t>(all.size())))];
}

struct Case {
  LayerSpec spec;
  Settings settings;
};

int64_t drawn_integer(Rng& rng, const ParamInfo& param) {
  const bool odd = param.flags & KVH_PARAM_ODD;
  const auto bound = [&](double at, uint32_t open, int64_t step) {
    return static_cast<int64_t>(at) + (param.flags & open ? step : 0);
  };
  int64_t low = param.flags & KVH_PARAM_HAS_MIN ? bound(param.min, KVH_PARAM_EXCLUSIVE_MIN, 1) : -4;
  int64_t high = param.flags & KVH_PARAM_HAS_MAX ? bound(param.max, KVH_PARAM_EXCLUSIVE_MAX, -1) : low + 100;
  if (odd) low += low % 2 == 0 ? 1 : 0, high -= high % 2 == 0 ? 1 : 0;
  if (high <= low) return low;
  if (below(rng, 8) == 0) return below(rng, 2) ? high : low;
  // As many small numbers as large ones: the distance from the least is drawn by its logarithm.
  const double span = std::log2(static_cast<double>(high - low) + 1);
  const auto away = static_cast<int64_t>(std::exp2(share(rng) * std::min(span, below(rng, 4) ? 9.0 : span))) - 1;
  const int64_t drawn = std::min(high, low + away);
  return odd && drawn % 2 == 0 ? drawn + 1 : drawn;
}

double drawn_real(Rng& rng, const ParamInfo& param) {
  const bool has_min = param.flags & KVH_PARAM_HAS_MIN, has_max = param.flags & KVH_PARAM_HAS_MAX;
  const double low = has_min ? param.min : has_max ? param.max - 10 : -10;
  const double high = has_max ? param.max : low + 20;
  if (below(rng, 8) == 0 && has_min && !(param.flags & KVH_PARAM_EXCLUSIVE_MIN)) return low;
  if (below(rng, 8) == 0 && has_max && !(param.flags & KVH_PARAM_EXCLUSIVE_MAX)) return high;
  const double drawn = low + (high - low) * (0.5 * share(rng) + 0.5 * std::pow(share(rng), 8));
  return drawn > low && drawn < high ? drawn : low + (high - low) / 2;
}

// Of every parameter its default or another value that the host would let through. Lists and files
// stay as they are.
Settings drawn_settings(Rng& rng, const MethodInfo& method) {
  Settings out;
  for (const ParamInfo& param : method.params) {
    if (below(rng, 5) < 2) continue;
    if (param.type == KVH_PARAM_BOOL) out[param.name] = below(rng, 2);
    if (param.type == KVH_PARAM_INT) out[param.name] = drawn_integer(rng, param);
    if (param.type == KVH_PARAM_FLOAT) out[param.name] = drawn_real(rng, param);
    if (param.type == KVH_PARAM_CHOICE && !param.choices.empty()) out[param.name] = one_of(rng, param.choices);
  }
  return out;
}

LayerSpec drawn_layer(Rng& rng, const MethodInfo& method, uint64_t seed) {
  LayerSpec spec;
  const auto n_kv_heads = static_cast<int32_t>(one_of<int64_t>(rng, {1, 2, 3, 4, 8}));
  const auto group = static_cast<int32_t>(one_of<int64_t>(rng, {1, 1, 2, 3, 7}));
  spec.shape = {n_kv_heads * group,
                n_kv_heads,
                static_cast<int32_t>(4 + 2 * below(rng, one_of<int64_t>(rng, {8, 8, 66}))),
                static_cast<int32_t>(1 + below(rng, 40)),
                static_cast<int32_t>(1 + below(rng, 6))};
  spec.n_tokens = static_cast<int32_t>(1 + below(rng, one_of<int64_t>(rng, {3, 17, 70, 70, 300})));
  const bool both = (method.flags & KVH_METHOD_DECODE) && (method.flags & KVH_METHOD_PREFILL);
  spec.ragged = both ? below(rng, 2) == 0 : !(method.flags & KVH_METHOD_PREFILL);
  spec.dtype_code = one_of<uint8_t>(rng, {0, 0, KVH_DTYPE_FLOAT, KVH_DTYPE_BFLOAT});
  spec.values = one_of<Values>(rng, {Values::Plain, Values::Plain, Values::Small, Values::Large, Values::Equal,
                                     Values::Ties, Values::Sparse});
  spec.seed = seed == 0 ? 1 : seed;
  return spec;
}

Case drawn_case(const MethodInfo& method, uint64_t seed) {
  Rng rng(seed);
  Case out;
  out.settings = drawn_settings(rng, method);
  out.spec = drawn_layer(rng, method, seed);
  return out;
}

std::string in_words(const Case& drawn, const std::string& name) {
  std::string text;
  for (const auto& [param, value] : drawn.settings) {
    text += (text.empty() ? "" : ", ") + param + "=";
    if (const auto* i = std::get_if<int64_t>(&value)) text += std::to_string(*i);
    if (const auto* d = std::get_if<double>(&value)) text += std::to_string(*d);
    if (const auto* s = std::get_if<std::string>(&value)) text += *s;
  }
  const char* const values[] = {"plain", "small", "large", "equal", "tied", "sparse"};
  const LayerSpec& spec = drawn.spec;
  return name + (text.empty() ? "" : "(" + text + ")") + " over " + std::to_string(spec.n_tokens) + " tokens, " +
         std::to_string(spec.shape.n_heads) + " heads, " + std::to_string(spec.shape.n_kv_heads) + " of keys, of " +
         std::to_string(spec.shape.head_dim) + (spec.ragged ? ", ragged" : "") + ", " +
         (spec.dtype_code == 0                  ? "float32"
          : spec.dtype_code == KVH_DTYPE_FLOAT ? "float16"
                                                : "bfloat16") +
         ", " + values[static_cast<int>(spec.values)] + " numbers";
}

// Shared with the child, so that its end tells where it was.
struct Progress {
  std::atomic<int64_t> at{0}, n_refused{0}, n_not_asked{0};
};

class SharedProgress {
 public:
  SharedProgress() {
    void* page = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) run_failed("validate", std::string("mmap: ") + strerror(errno));
    progress_ = new (page) Progress;
  }
  ~SharedProgress() { munmap(progress_, sizeof(Progress)); }
  SharedProgress(const SharedProgress&) = delete;
  SharedProgress& operator=(const SharedProgress&) = delete;
  Progress* operator->() const { return progress_; }

 private:
  Progress* progress_;
};

// A refusal with words is an answer; anything else that is thrown is not.
Verdict run_case(const MethodInfo& method, const Case& drawn, Progress& progress) {
  try {
    Verdict verdict = check_numbers(method, drawn.spec, drawn.settings);
    if (verdict.outcome == Outcome::Skip) ++progress.n_not_asked;
    return verdict;
  } catch (const CallFailed& e) {
    const bool refusal = e.code == KVH_E_CONFIG || e.code == KVH_E_UNSUPPORTED || e.code == KVH_E_RESOURCE;
    const std::string words = e.what();
    if (!refusal || words.empty())
      return failed("status " + std::to_string(e.code) + (words.empty() ? ", no words" : ", '" + words + "'"));
    ++progress.n_refused;
    return {};
  }
}

// A case has so much time of the processor, on all its threads together, and ten times that by the
// clock: a busy machine is not held against a method.
void set_deadline(std::chrono::milliseconds deadline) {
  const auto seconds = std::max<int64_t>(1, deadline.count() / 1000);
  itimerval timer{};
  timer.it_value.tv_sec = seconds;
  setitimer(ITIMER_PROF, &timer, nullptr);
  alarm(static_cast<unsigned>(10 * seconds));
}

// From case `first` on, until one fails.
Verdict run_cases(const MethodInfo& method, const FuzzOptions& options, int64_t first, Progress& progress) {
  for (const int number : {SIGALRM, SIGPROF}) std::signal(number, SIG_DFL);
  for (int64_t i = first; i < options.n; ++i) {
    progress.at = i;
    set_deadline(options.deadline);
    const Verdict verdict = run_case(method, drawn_case(method, options.seed + static_cast<uint64_t>(i)), progress);
    if (verdict.outcome == Outcome::Fail) return verdict;
  }
  progress.at = options.n;
  return {};
}

}  // namespace

FuzzReport fuzz_method(const MethodInfo& method, const FuzzOptions& options) {
  constexpr size_t kMostFindings = 10;
  FuzzReport report;
  report.skipped = why_not_numbers(method);
  if (!report.skipped.empty()) return report;
  const SharedProgress progress;
  for (int64_t i = 0; i < options.n && report.findings.size() < kMostFindings; i = progress->at + 1) {
    const auto all = 10 * options.deadline * std::max<int64_t>(1, options.n - i) + std::chrono::seconds(30);
    Verdict verdict =
        try_in_child([&] { return run_cases(method, options, i, *progress.operator->()); }, all);
    if (verdict.outcome != Outcome::Fail) break;
    if (verdict.reason.find("SIGALRM") != std::string::npos || verdict.reason.find("SIGPROF") != std::string::npos)
      verdict.reason = "did not return within " + std::to_string(options.deadline.count() / 1000) + " s";
    const uint64_t seed = options.seed + static_cast<uint64_t>(progress->at.load());
    report.findings.push_back({seed, in_words(drawn_case(method, seed), method.name), verdict.reason});
  }
  report.n_run = std::min<int64_t>(options.n, progress->at + 1);
  report.n_refused = progress->n_refused;
  report.n_not_asked = progress->n_not_asked;
  return report;
}

}  // namespace kvhost
