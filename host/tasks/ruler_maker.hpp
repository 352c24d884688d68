// SPDX-License-Identifier: Apache-2.0
// What each kind of RULER task gives to the one loop that fits texts to a length (ruler.cpp).
#pragma once

#include <functional>

#include "tasks/fit.hpp"
#include "tasks/random.hpp"
#include "tasks/ruler.hpp"

namespace kvhost::tasks {

struct RulerMaker {
  // A case of `size` pieces of haystack; index is the case's number. Called again with the same
  // Random for other sizes.
  std::function<Case(size_t size, Random random, int64_t index)> make;
  Sizes sizes;
  std::string pieces;  // what they are: "words of the haystack"
  bool finite = true;  // there are no more than sizes.high of them
};

// What is hidden where, of niah_*.
struct NiahShape {
  enum class Haystack { Noise, Essay, Needle } haystack;
  enum class Kind { Numbers, Words, Uuids } keys, values;
  int64_t n_keys, n_values, n_queries;
};

// Throws Error when the data lacks what the task needs.
RulerMaker niah_maker(const NiahShape& shape, const RulerData& data);
// Many keys in one essay; index says which of them is asked for.
RulerMaker shared_needles_maker(int64_t n_keys, const RulerData& data);
RulerMaker variable_tracking_maker(const RulerRequest& request, const CountTokens& count);
RulerMaker common_words_maker(const RulerRequest& request, const RulerData& data);
RulerMaker frequent_words_maker(const RulerRequest& request);
RulerMaker questions_maker(const RulerData& data);

// The sentence that RULER fills texts with.
inline constexpr const char* kNoise =
    "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";

// Fewer words than this make keys that repeat.
inline constexpr size_t kFewestWords = 100;

}  // namespace kvhost::tasks
