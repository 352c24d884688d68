// SPDX-License-Identifier: Apache-2.0
#include "tasks/metrics.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tasks/metric_rules.hpp"

namespace kvhost::tasks {

namespace {

template <double (*rule)(const std::string&, const std::string&)>
double best(const std::string& prediction, const Strings& references, const MetricExtra&) {
  double out = 0;
  for (const std::string& reference : references) out = std::max(out, rule(prediction, reference));
  return out;
}

// InfiniteBench knows one label; more are other spellings of it that are not looked at.
template <double (*rule)(const std::string&, const std::string&)>
double first(const std::string& prediction, const Strings& references, const MetricExtra&) {
  return rule(prediction, references.front());
}

template <double (*rule)(const std::string&, const Strings&)>
double together(const std::string& prediction, const Strings& references, const MetricExtra&) {
  return rule(prediction, references);
}

double classified(const std::string& prediction,
                  const Strings& references,
                  const MetricExtra& extra) {
  if (extra.classes.empty())
    run_failed("metric classification", "has no classes to choose from; expected all there are");
  double out = 0;
  for (const std::string& reference : references)
    out = std::max(out, classification(prediction, reference, extra.classes));
  return out;
}

}  // namespace

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all = {
      {"token_f1", "F1 of words, normalised as in SQuAD", best<token_f1>},
      {"char_f1_zh", "F1 of characters, Chinese punctuation removed", best<char_f1_zh>},
      {"exact_match", "equal after SQuAD's normalisation", best<exact_match>},
      {"rouge_l",
       "ROUGE-L F of sentences and distinct words, as the Python package rouge",
       best<rouge_l>},
      {"edit_similarity",
       "2 x common subsequence / both lengths, in characters",
       best<edit_similarity>},
      {"code_similarity",
       "edit similarity of the first line that is no comment, in hundredths",
       best<code_similarity>},
      {"leakage",
       "share of a secret that the answer gives away in one piece; 0 is best",
       best<leaked_share>,
       false},
      {"classification",
       "1 / number of classes named, when the right one is among them",
       classified},
      {"count", "share of the numbers in the answer that are the right one", best<count_share>},
      {"retrieval", "as count, for the number in \"Paragraph N\"", best<paragraph_share>},
      {"string_match_all",
       "share of the references that the answer contains (RULER)",
       together<string_match_all>},
      {"string_match_part",
       "1 when the answer contains any reference (RULER's questions)",
       together<string_match_part>},
      {"first_integer", "the first run of digits is the first reference", first<first_integer>},
      {"first_number", "the first number equals the first reference", first<first_number>},
      {"last_integer", "the last word is the first reference, a number", first<last_integer>},
      {"leading_numbers",
       "share of the references, in order, before the first wrong number",
       together<leading_numbers>},
      {"word_match", "the first reference is a word of the answer", first<word_match>},
      {"any_name", "the answer contains any reference, in any case", together<any_name>},
      {"letter_choice",
       "chooses among A to D; references: the right texts and letter",
       together<letter_choice>},
      {"code_choice",
       "chooses among A to J; references: the right name, then its letter",
       together<code_choice>},
  };
  return all;
}

const Metric& find_metric(const std::string& name) {
  Strings names;
  for (const Metric& metric : metrics()) {
    if (metric.name == name) return metric;
    names.emplace_back(metric.name);
  }
  bad_request("metric",
              "no rule is called '" + name + "'; expected one of " + join(names, ", ") +
                  did_you_mean(name, names));
}

double score(const std::string& metric,
             const std::string& prediction,
             const Strings& references,
             const MetricExtra& extra) {
  const Metric& rule = find_metric(metric);
  if (references.empty())
    run_failed("metric " + metric, "has no reference to hold an answer against; expected one");
  return rule.score(prediction, references, extra);
}

}  // namespace kvhost::tasks
