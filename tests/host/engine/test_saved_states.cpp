// SPDX-License-Identifier: Apache-2.0
// A sequence that is compressed while it generates, saved and gone back: the states of its methods, the
// last queries, and when the next cut is due go along.
#include <catch2/catch.hpp>
#include <filesystem>

#include "base/error.hpp"
#include "engine/cache_file.hpp"
#include "engine/rewind.hpp"
#include "engine_fixture.hpp"
#include "temp_folder.hpp"

using namespace kvhost;
using namespace kvhost::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

const std::string kVotes = "h2o_attention(start_size=1,recent_size=2,window_size=4)";

PolicyOptions decoding(const std::string& decode, int64_t every = 4) {
  PolicyOptions options = keeping("none", 0, decode);
  options.decode_every = every;
  options.decode_budget = 20;
  return options;
}

// One folder for each process: cases run side by side.
fs::path scratch() {
  static const TempFolder folder;
  return folder / "states.safetensors";
}

Sequence saved_and_loaded(const Sequence& sequence, const Model& model, const PolicyOptions& options) {
  sequence.save(scratch());
  return Sequence::load(scratch(), model, engine().policy(model, options), {});
}

// The saved file with its states changed, and a digest that says nothing of it.
template <class Change>
std::string refusal(const Model& model, const PolicyOptions& options, const Change& change) {
  SavedCache cache = load_cache(scratch());
  change(cache);
  save_cache(scratch(), cache.cache, cache.logits, cache.tokens, cache.metadata, cache.decode);
  try {
    Sequence::load(scratch(), model, engine().policy(model, options), {});
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::CannotLoad);
    return error.what();
  }
  return "accepted";
}

NamedTensor& tensor(SavedCache& cache, const std::string& name) {
  for (NamedTensor& one : cache.decode)
    if (one.name == name) return one;
  throw std::runtime_error("no " + name);
}

}  // namespace

TEST_CASE("what compresses while generating is saved with its states, and goes on to the bit") {
  const Model model = tiny_model("llama_gqa");
  const auto prompt = some_tokens(model, 60, 7);
  for (const std::string& decode :
       {kVotes, std::string("cam(history=8):knorm"), std::string("snapkv(window_size=6)"),
        std::string("kvzap(window_size=8)"), "score_fusion:(" + kVotes + "+knorm+" + kVotes + ")"})
    for (const int64_t n : {2, 4, 22, 23}) {  // before a cut, at one, behind several
      INFO(decode << ", " << n << " tokens behind the prompt");
      const PolicyOptions options = decoding(decode);
      Sequence origin = read(model, options, prompt);
      origin.append(some_tokens(model, n, 8));
      Sequence loaded = saved_and_loaded(origin, model, options);
      CHECK(loaded.decode_report().cuts.size() == origin.decode_report().cuts.size());
      CHECK(go_on(loaded, 30) == go_on(origin, 30));
      CHECK(logits_of(loaded) == logits_of(origin));
      CHECK(loaded.kept() == origin.kept());
      // Saved again it is what the origin is saved as, but for who it was.
      Sequence twice = saved_and_loaded(loaded, model, options);
      CHECK(go_on(twice, 10) == go_on(origin, 10));
    }
}

TEST_CASE("another composition than the saved one begins anew") {
  const Model model = tiny_model("llama_gqa");
  Sequence origin = read(model, decoding(kVotes), some_tokens(model, 60, 7));
  origin.append(some_tokens(model, 22, 8));
  Sequence other = saved_and_loaded(origin, model, decoding("knorm"));
  CHECK(other.decode_report().cuts.empty());
  CHECK(go_on(other, 9).size() == 9);
  CHECK(other.decode_report().cuts.size() == 2);
  Sequence none = Sequence::load(scratch(), model, engine().policy(model, keeping("none", 0)), {});
  CHECK(go_on(none, 9).size() == 9);
  none.save(scratch());  // of what is not at work nothing is kept
  CHECK(load_cache(scratch()).decode.empty());
  CHECK(load_cache(scratch()).metadata.count("decode_press") == 0);
}

TEST_CASE("a state that cannot be saved is told by its method's name, as a fork is") {
  const Model model = tiny_model("llama_gqa");
  Sequence sequence = read(model, decoding("triattention_heads:knorm"), some_tokens(model, 60, 7));
  sequence.append(some_tokens(model, 2, 8));
  CHECK_NOTHROW(sequence.save(scratch()));  // no method was called yet
  sequence.append(some_tokens(model, 8, 9));
  REQUIRE(sequence.decode_report().cuts.size() == 2);
  CHECK_THROWS_WITH(sequence.save(scratch()),
                    Contains("save: 'triattention_heads' keeps a state of its own while generating that "
                             "cannot be saved; expected a save right after the prompt"));
  CHECK_THROWS_WITH(sequence.fork(), Contains("'triattention_heads' keeps a state of its own"));
}

TEST_CASE("states in a file are believed by nobody") {
  const Model model = tiny_model("llama_gqa");
  const PolicyOptions options = decoding(kVotes);
  Sequence origin = read(model, options, some_tokens(model, 60, 7));
  origin.append(some_tokens(model, 23, 8));
  const auto changed = [&](auto change) {
    origin.save(scratch());
    return refusal(model, options, change);
  };
  CHECK(changed([](SavedCache&) {}) == "accepted");
  CHECK_THAT(changed([](SavedCache& c) {
               NamedTensor& states = tensor(c, "decode.states");
               states.bytes[0] = 200;  // layers
             }),
             Contains("its state is refused") && Contains("h2o_attention") &&
                 Contains("the bytes of its state are of another form; expected what it saved itself"));
  CHECK_THAT(changed([](SavedCache& c) {
               NamedTensor& states = tensor(c, "decode.states");
               states.bytes.push_back(0);
               states.shape[0] += 1;
             }),
             Contains("bytes of states, and names"));
  CHECK_THAT(changed([](SavedCache& c) { c.metadata["decode_states"] = "0 h2o_attention 0.9.0\n"; }),
             Contains("bytes of states, and names 0; expected as many"));
  CHECK_THAT(changed([](SavedCache& c) {
               std::string& text = c.metadata["decode_states"];
               text.replace(text.find(" 1.0.0"), 6, " 0.9.0");
             }),
             Contains("holds a state of 'h2o_attention' 0.9.0, and 'h2o_attention' 1.0.0 is at work"));
  CHECK_THAT(changed([](SavedCache& c) { c.metadata["decode_since_cut"] = "84"; }),
             Contains("has decode_since_cut 84; expected at most 83"));
  CHECK_THAT(changed([](SavedCache& c) { tensor(c, "decode.cuts").bytes[7] = 0x80; }),
             Contains("has a cut at token -"));
  CHECK_THAT(changed([](SavedCache& c) {
               NamedTensor& ring = tensor(c, "decode.layer.0.queries");
               ring.shape = {ring.shape[0], ring.shape[1] * ring.shape[2], 1};
             }),
             Contains("tensor 'decode.layer.0.queries' is of another shape or type"));
  CHECK_THAT(changed([](SavedCache& c) {
               NamedTensor& ring = tensor(c, "decode.layer.1.queries");
               for (size_t i = 0; i < 4; ++i) ring.bytes[i] = 0xff;
             }),
             Contains("holds NaN or infinity; expected finite numbers"));
  CHECK_THAT(changed([](SavedCache& c) { c.metadata.erase("decode_states"); }),
             Contains("has no 'decode_states' in its metadata"));
  CHECK_THAT(changed([](SavedCache& c) {
               c.metadata["decode_press"] = "";  // as if it were another's
             }),
             Contains("accepted"));
}

TEST_CASE("a sequence goes back to a token behind the last cut, and its methods with it") {
  const Model model = tiny_model("llama_gqa");
  const auto prompt = some_tokens(model, 60, 1), more = some_tokens(model, 9, 2);
  for (const std::string& decode :
       {std::string("knorm"), kVotes, std::string("cam(history=20):knorm"),
        std::string("snapkv(window_size=9)"), std::string("kvzap(window_size=16)")}) {
    INFO(decode);
    const PolicyOptions options = decoding(decode, /*every=*/10);
    Sequence straight = read(model, options, prompt), turned = read(model, options, prompt);
    const auto shared = some_tokens(model, 23, 3);
    straight.append(shared);
    turned.append(shared);
    turned.append(some_tokens(model, 4, 4));
    REQUIRE(can_rewind(turned, 83));
    rewind(turned, 83);
    CHECK(turned.tokens() == straight.tokens());
    straight.append(more);
    turned.append(more);
    CHECK(turned.decode_report().cuts.size() == 3);
    CHECK(logits_of(turned) == logits_of(straight));
    CHECK(turned.kept() == straight.kept());
  }
}

TEST_CASE("where a cut or a method keeps it, a sequence does not go back") {
  const Model model = tiny_model("llama_gqa");
  const auto prompt = some_tokens(model, 60, 1);
  const auto grown = [&](const std::string& decode, int64_t n) {
    Sequence sequence = read(model, decoding(decode, /*every=*/10), prompt);
    sequence.append(some_tokens(model, n, 3));
    return sequence;
  };
  Sequence cut = grown("knorm", 23);
  CHECK(can_rewind(cut, 80));
  CHECK_FALSE(can_rewind(cut, 79));
  CHECK_THROWS_WITH(rewind(cut, 79), Contains("entries of the first 79 tokens are gone"));
  Sequence held = grown("triattention_heads:knorm", 23);
  CHECK_THROWS_WITH(rewind(held, 82),
                    Contains("'triattention_heads' keeps a state of its own while generating that cannot "
                             "go back; expected a method with truncate()"));
  CHECK(can_rewind(grown("triattention_heads:knorm", 7), 65));  // no method was called yet
}
