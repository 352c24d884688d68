// SPDX-License-Identifier: Apache-2.0
// A DecodeRun to bytes and back, and back to an earlier token.
#include "press/decode_snapshot.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/error.hpp"
#include "base/scalar_type.hpp"
#include "kvhost/sequence.h"
#include "press/decode_run.hpp"

namespace kvhost {
namespace {

constexpr const char* kCuts = "decode.cuts";
constexpr const char* kStates = "decode.states";

std::string ring_name(int64_t layer, const char* what) {
  return "decode.layer." + std::to_string(layer) + "." + what;
}

const char* stored_name(at::ScalarType type) {
  return type == at::kBFloat16 ? "BF16" : type == at::kHalf ? "F16" : "F32";
}

void add_ring(const std::string& name, const at::Tensor& ring, DecodeSnapshot& to) {
  if (!ring.defined() || ring.numel() == 0) return;
  const at::Tensor rows = ring.contiguous();
  NamedTensor out{name, stored_name(rows.scalar_type()), rows.sizes().vec(), {}};
  const auto* bytes = static_cast<const uint8_t*>(rows.const_data_ptr());
  out.bytes.assign(bytes, bytes + rows.nbytes());
  to.tensors.push_back(std::move(out));
}

// What was saved, looked at as something that may be anything.
class Reader {
 public:
  Reader(const DecodeSnapshot& from, const std::string& file) : from_(from), file_(file) {}

  [[noreturn]] void refuse(const std::string& what) const {
    cannot_load(file_, what + "; make it again with kvhost compress");
  }
  const NamedTensor* find(const std::string& name) const {
    for (const NamedTensor& one : from_.tensors)
      if (one.name == name) return &one;
    return nullptr;
  }
  const std::string& fact(const std::string& key) const {
    const auto found = from_.facts.find(key);
    if (found == from_.facts.end()) refuse("has no '" + key + "' in its metadata; expected one");
    return found->second;
  }
  int64_t number(const std::string& text, const std::string& of) const {
    int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, value);
    if (failed != std::errc() || stop != end || value < 0)
      refuse("has " + of + " '" + text + "'; expected a whole number");
    return value;
  }
  // Rows of this many columns, at most `most` of them; undefined where there are none.
  at::Tensor ring(const std::string& name,
                  const std::vector<int64_t>& shape,
                  size_t rows_at,
                  at::ScalarType type) const {
    const NamedTensor* found = find(name);
    if (!found) return {};
    std::vector<int64_t> expected = shape;
    if (found->shape.size() == shape.size() && found->shape[rows_at] > 0 &&
        found->shape[rows_at] <= shape[rows_at])
      expected[rows_at] = found->shape[rows_at];
    if (found->shape != expected || found->dtype != stored_name(type))
      refuse("tensor '" + name + "' is of another shape or type; expected those of this model's " +
             std::to_string(shape[rows_at]) + " last rows at most");
    at::Tensor out = at::empty(found->shape, at::TensorOptions().dtype(type));
    if (out.nbytes() != found->bytes.size())
      refuse("tensor '" + name + "' has " + std::to_string(found->bytes.size()) +
             " bytes; expected " + std::to_string(out.nbytes()));
    std::memcpy(out.mutable_data_ptr(), found->bytes.data(), out.nbytes());
    if (!out.isfinite().all().item<bool>())
      refuse("tensor '" + name + "' holds NaN or infinity; expected finite numbers");
    return out;
  }
  std::vector<DecodeCut> cuts() const {
    const NamedTensor* found = find(kCuts);
    std::vector<DecodeCut> out;
    if (!found) return out;
    if (found->dtype != "I64" || found->shape.size() != 2 || found->shape[1] != 3)
      refuse(std::string("tensor '") + kCuts + "' is of another shape or type; expected I64 [n, 3]");
    std::vector<int64_t> numbers(found->bytes.size() / sizeof(int64_t));
    std::memcpy(numbers.data(), found->bytes.data(), numbers.size() * sizeof(int64_t));
    for (size_t i = 0; i + 2 < numbers.size(); i += 3)
      out.push_back({numbers[i], numbers[i + 1], numbers[i + 2]});
    return out;
  }
  SavedStates states() const;

 private:
  const DecodeSnapshot& from_;
  const std::string& file_;
};

SavedStates Reader::states() const {
  SavedStates out;
  out.file = file_;
  const NamedTensor* found = find(kStates);
  const std::vector<uint8_t> none, &bytes = found ? found->bytes : none;
  const std::string& text = fact("decode_states");
  size_t at = 0;
  for (size_t line = 0; line < text.size();) {
    const size_t end = std::min(text.find('\n', line), text.size());
    const std::string words = text.substr(line, end - line);
    const size_t first = words.find(' '), second = words.find(' ', first + 1);
    if (first == std::string::npos || second == std::string::npos)
      refuse("has decode_states '" + words + "'; expected BYTES METHOD VERSION");
    const auto n = static_cast<size_t>(number(words.substr(0, first), "a state of bytes"));
    if (n > bytes.size() - at)
      refuse("has states of more bytes than " + std::string(kStates) + "; expected as many");
    SavedState state{words.substr(first + 1, second - first - 1), words.substr(second + 1), {}};
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    state.bytes.assign(begin, begin + static_cast<std::ptrdiff_t>(n));
    out.all.push_back(std::move(state));
    at += n;
    line = end + 1;
  }
  if (at != bytes.size())
    refuse("has " + std::to_string(bytes.size()) + " bytes of states, and names " +
           std::to_string(at) + "; expected as many");
  return out;
}

}  // namespace

DecodeSnapshot DecodeRun::snapshot() const {
  DecodeSnapshot out;
  if (since_cut_ == 0 && cuts_.empty()) return out;
  out.facts["decode_since_cut"] = std::to_string(since_cut_);
  SavedStates states;
  if (!cuts_.empty())  // before, no method was called
    for (const StageRun& run : stages_) run.state.save(states);
  NamedTensor cuts{kCuts, "I64", {std::ssize(cuts_), 3}, {}};
  for (const DecodeCut& cut : cuts_)
    for (const int64_t number : {cut.n_seen, cut.entries, cut.bytes}) {
      const auto* bytes = reinterpret_cast<const uint8_t*>(&number);
      cuts.bytes.insert(cuts.bytes.end(), bytes, bytes + sizeof number);
    }
  out.tensors.push_back(std::move(cuts));
  NamedTensor all{kStates, "U8", {0}, {}};
  std::string& lines = out.facts["decode_states"];
  for (const SavedState& state : states.all) {
    lines += std::to_string(state.bytes.size()) + " " + state.method + " " + state.version + "\n";
    all.bytes.insert(all.bytes.end(), state.bytes.begin(), state.bytes.end());
  }
  all.shape[0] = std::ssize(all.bytes);
  out.tensors.push_back(std::move(all));
  for (size_t l = 0; l < rings_.size(); ++l) {
    add_ring(ring_name(static_cast<int64_t>(l), "queries"), rings_[l].queries, out);
    add_ring(ring_name(static_cast<int64_t>(l), "hidden"), rings_[l].hidden, out);
  }
  return out;
}

DecodeRun::DecodeRun(const DecodeSnapshot& from,
                     const std::string& file,
                     const PressedSequence& on,
                     const DecodePolicy& policy)
    : DecodeRun(Parts{}, on, policy) {
  const Reader reader(from, file);
  cuts_ = reader.cuts();
  const int64_t n_seen = on.cache.n_seen();
  for (const DecodeCut& cut : cuts_)  // they may lie behind n_seen, where positions were given anew
    if (cut.n_seen < 1)
      reader.refuse("has a cut at token " + std::to_string(cut.n_seen) + "; expected 1 or more");
  since_cut_ = reader.number(reader.fact("decode_since_cut"), "decode_since_cut");
  if (since_cut_ > n_seen)
    reader.refuse("has decode_since_cut " + std::to_string(since_cut_) + "; expected at most " +
                  std::to_string(n_seen));
  since_cut_ = std::min(since_cut_, policy_.every - 1);  // where cuts are closer now than they were
  const ModelConfig& config = on.decoder.config();
  const at::ScalarType type = scalar_type(on.cache.layout().dtype);
  for (size_t l = 0; l < rings_.size(); ++l) {
    const auto layer = static_cast<int64_t>(l);
    rings_[l].queries = reader.ring(ring_name(layer, "queries"),
                                    {config.n_heads, capture_.query_window, config.head_dim},
                                    /*rows_at=*/1,
                                    type);
    rings_[l].hidden = reader.ring(ring_name(layer, "hidden"),
                                   {capture_.hidden_window, config.hidden_size},
                                   /*rows_at=*/0,
                                   type);
  }
  SavedStates states = reader.states();
  const kvh_sequence_info info = sequence_info(KVH_PHASE_DECODE, on.seed, on.n_prompt);
  for (const auto& stage : on.press.stages()) {
    if (cuts_.empty())
      stages_.emplace_back(stage, info, on.cache, on.timings);
    else
      stages_.emplace_back(stage, info, states, on.cache, on.timings);
  }
  if (states.next != states.all.size())
    reader.refuse("holds " + std::to_string(states.all.size()) + " states of methods; expected " +
                  std::to_string(states.next));
}

std::string DecodeRun::why_not_back(int64_t n_tokens) const {
  const std::string expected = "; expected a sequence of which nothing was dropped since";
  const int64_t n_seen = on_.cache.n_seen(), dropped = n_seen - n_tokens;
  if (dropped > since_cut_ || on_.press.renumbers())
    return "entries of the first " + std::to_string(n_tokens) + " tokens are gone" + expected;
  if (cuts_.empty()) return "";
  for (const StageRun& run : stages_)
    if (const Instance* method = run.state.stays())
      return "'" + method->name() + "' keeps a state of its own while generating that cannot go back; "
             "expected a method with truncate() in its " KVH_EXT_SEQUENCE;
  return "";
}

void DecodeRun::go_back(int64_t n_tokens) {
  const int64_t dropped = on_.cache.n_seen() - n_tokens;
  since_cut_ -= dropped;
  // More tokens are read before the next cut than are forgotten here, so it finds as many rows as ever.
  const auto shorten = [dropped](at::Tensor& ring, int64_t dim) {
    if (!ring.defined()) return;
    const int64_t n = ring.size(dim) - dropped;
    ring = n > 0 ? ring.narrow(dim, 0, n).contiguous() : at::Tensor();
  };
  for (Rings& rings : rings_) shorten(rings.queries, 1), shorten(rings.hidden, 0);
  if (cuts_.empty()) return;
  for (StageRun& run : stages_) run.state.truncate(n_tokens);
}

}  // namespace kvhost
