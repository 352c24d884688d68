// SPDX-License-Identifier: Apache-2.0
// RULER's needles: sentences that give keys values, hidden in an essay, in noise, or among others
// of their kind.
#include <algorithm>
#include <cassert>
#include <cstdio>
#include <set>

#include "base/error.hpp"
#include "tasks/haystack.hpp"
#include "tasks/python_text.hpp"
#include "tasks/ruler_maker.hpp"

namespace kvhost::tasks {

namespace {

using Haystack = NiahShape::Haystack;
using Kind = NiahShape::Kind;

const char* name_of(Kind kind) {
  return kind == Kind::Numbers ? "numbers" : kind == Kind::Words ? "words" : "uuids";
}

std::string uuid(Random& random) {
  const uint64_t high = (random.bits() & ~0xF000ULL) | 0x4000ULL;             // version 4
  const uint64_t low = (random.bits() & ~(0xC0ULL << 56)) | (0x80ULL << 56);  // its variant
  char text[37];
  std::snprintf(text,
                sizeof text,
                "%08x-%04x-%04x-%04x-%012llx",
                static_cast<unsigned>(high >> 32),
                static_cast<unsigned>(high >> 16 & 0xFFFF),
                static_cast<unsigned>(high & 0xFFFF),
                static_cast<unsigned>(low >> 48),
                static_cast<unsigned long long>(low & 0xFFFFFFFFFFFFULL));
  return text;
}

// Keys and values, none twice.
class Names {
 public:
  Names(const Strings& words, Random& random) : words_(&words), random_(&random) {}

  std::string next(Kind kind) {
    for (;;)
      if (std::string name = draw(kind); used_.insert(name).second) return name;
  }

 private:
  std::string draw(Kind kind) {
    if (kind == Kind::Numbers) return std::to_string(random_->between(1000000, 9999999));
    if (kind == Kind::Uuids) return uuid(*random_);
    const std::string& first = random_->choice(*words_);
    return first + "-" + random_->choice(*words_);
  }

  const Strings* words_;
  Random* random_;
  std::set<std::string> used_;
};

struct Hidden {
  Strings keys;
  std::vector<Strings> values;  // of each key
  Strings needles;              // shuffled
};

std::string needle_of(const NiahShape& shape, const std::string& key, const std::string& value) {
  return std::string("One of the special magic ") + name_of(shape.values) + " for " + key +
         " is: " + value + ".";
}

Hidden hidden(const NiahShape& shape, Names& names, Random& random) {
  Hidden out;
  for (int64_t k = 0; k < shape.n_keys; ++k) {
    out.keys.push_back(names.next(shape.keys));
    Strings& values = out.values.emplace_back();
    for (int64_t v = 0; v < shape.n_values; ++v) {
      values.push_back(names.next(shape.values));
      out.needles.push_back(needle_of(shape, out.keys.back(), values.back()));
    }
  }
  random.shuffle(out.needles);
  return out;
}

// One of 40 depths from 0 to 100, as RULER rounds them.
double depth_of(size_t i) { return static_cast<double>((200 * i + 39) / 78); }

std::string in_essay(const Strings& essay, size_t n_words, const Strings& needles, Random& random) {
  const Strings all = sentences(first_words(essay, n_words));
  std::vector<size_t> positions;
  for (const size_t i : random.sample(40, needles.size()))
    positions.push_back(static_cast<size_t>(static_cast<double>(all.size()) * (depth_of(i) / 100)));
  std::sort(positions.begin(), positions.end());
  return with_inserts(all, positions, needles);
}

std::string in_lines(Strings lines, const Strings& needles, Random& random) {
  std::vector<size_t> at = random.sample(lines.size(), needles.size());
  std::sort(at.rbegin(), at.rend());
  for (size_t i = 0; i < needles.size(); ++i)
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at[i]), needles[i]);
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) (out += i > 0 ? "\n" : "") += lines[i];
  return out;
}

// "x", "x, and y", "x, y, and z".
std::string listed(const Strings& names) {
  std::string out = names.front();
  for (size_t i = 1; i < names.size(); ++i)
    out += (i + 1 == names.size() ? ", and " : ", ") + names[i];
  return out;
}

void ask(Case& one, const NiahShape& shape, const std::string& query) {
  std::string kind = name_of(shape.values);
  const bool single = shape.n_queries * shape.n_values == 1;
  if (single) kind.pop_back();
  const std::string are = single ? "is" : "are";
  one.before = std::string(single ? "A" : "Some") + " special magic " + kind + " " + are +
               " hidden within the following text. Make sure to memorize it. I will quiz you "
               "about the " +
               kind + " afterwards.\n";
  one.after = "\n";
  one.question = "What " + std::string(single ? "is" : "are all") + " the special magic " + kind +
                 " for " + query + " mentioned in the provided text?";
  one.answer_prefix =
      " The special magic " + kind + " for " + query + " mentioned in the provided text " + are;
}

// The needles in their haystack; nothing is asked yet.
std::string context_of(const NiahShape& shape,
                       const RulerData& data,
                       const Hidden& all,
                       size_t size,
                       Names& names,
                       Random& random) {
  if (shape.haystack == Haystack::Essay) return in_essay(data.haystack, size, all.needles, random);
  Strings lines(size, kNoise);
  if (shape.haystack == Haystack::Needle)
    for (std::string& line : lines) {
      const std::string key = names.next(shape.keys);
      line = needle_of(shape, key, names.next(shape.values));
    }
  return in_lines(std::move(lines), all.needles, random);
}

// `asked`: positions of keys; none: drawn as the shape says.
Case niah_case(const NiahShape& shape,
               const RulerData& data,
               size_t size,
               Random random,
               std::vector<size_t> asked) {
  Names names(data.words, random);
  const Hidden all = hidden(shape, names, random);
  Case one;
  one.context = context_of(shape, data, all, size, names, random);
  if (asked.empty()) asked = random.sample(all.keys.size(), static_cast<size_t>(shape.n_queries));
  Strings queries;
  for (const size_t k : asked) {
    queries.push_back(all.keys[k]);
    one.answers.insert(one.answers.end(), all.values[k].begin(), all.values[k].end());
  }
  ask(one, shape, listed(queries));
  for (const std::string& answer : one.answers) mark(one, answer, answer);
  return one;
}

void expect_words(const RulerData& data) {
  if (data.words.size() < kFewestWords)
    bad_request("RULER's needles",
                "the text to take words from gives " + std::to_string(data.words.size()) +
                    "; expected " + std::to_string(kFewestWords) + " or more");
}

}  // namespace

RulerMaker niah_maker(const NiahShape& shape, const RulerData& data) {
  if (shape.keys == Kind::Words) expect_words(data);
  const bool essay = shape.haystack == Haystack::Essay;
  const auto n_needles = static_cast<size_t>(shape.n_keys * shape.n_values);
  RulerMaker maker;
  maker.make = [&shape, &data](size_t size, Random random, int64_t) {
    return niah_case(shape, data, size, random, {});
  };
  maker.sizes = {essay ? 1 : n_needles, essay ? data.haystack.size() : size_t{1} << 40, 500};
  maker.pieces = essay ? "words of the haystack" : "lines";
  maker.finite = essay;
  if (!essay) maker.sizes.guess = 25;
  return maker;
}

RulerMaker shared_needles_maker(int64_t n_keys, const RulerData& data) {
  expect_words(data);
  const NiahShape shape = {Haystack::Essay, Kind::Words, Kind::Numbers, n_keys, 1, 1};
  RulerMaker maker;
  maker.make = [shape, &data](size_t size, Random random, int64_t index) {
    return niah_case(shape, data, size, random, {static_cast<size_t>(index)});
  };
  maker.sizes = {1, data.haystack.size(), 500};
  maker.pieces = "words of the haystack";
  return maker;
}

}  // namespace kvhost::tasks
