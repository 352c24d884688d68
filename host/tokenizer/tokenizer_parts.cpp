// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/tokenizer_parts.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "tokenizer/bpe.hpp"
#include "tokenizer/pre_names.hpp"
#include "tokenizer/score_bpe.hpp"
#include "tokenizer/sentencepiece_normalizer.hpp"
#include "tokenizer/tokenizer_file.hpp"
#include "tokenizer/unigram.hpp"
#include "tokenizer/utf8.hpp"

namespace kvhost {

using nlohmann::json;

namespace {

using Kind = TokenizerParts::Kind;

// Tokens that end a turn, whatever type a file gives them.
const std::set<std::string_view>& end_texts() {
  static const std::set<std::string_view> texts = {
      "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<end_of_turn>",
      "<|endoftext|>", "<|eom_id|>", "<EOT>", "<|end_of_text|>", "<end_of_utterance>",
      "<\xEF\xBD\x9C" "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>"};
  return texts;
}

int32_t type_of(const TokenizerParts& parts, size_t id) {
  const int32_t type = parts.types.empty() ? TokenizerParts::kNormal : parts.types[id];
  const bool ends = end_texts().contains(parts.pieces[id]);
  return ends ? static_cast<int32_t>(TokenizerParts::kControl) : type;
}

void check_sizes(const TokenizerParts& parts) {
  const auto fail = [&](const std::string& what) { cannot_load(parts.origin, what); };
  const size_t n = parts.pieces.size();
  if (n == 0) fail("found no pieces; expected a vocabulary");
  const auto check = [&](size_t found, const char* what) {
    if (found != n)
      fail("found " + std::to_string(found) + " " + what + "; expected one for each of the " +
           std::to_string(n) + " pieces");
  };
  if (!parts.types.empty()) check(parts.types.size(), "types");
  if (parts.kind != Kind::ByteLevelBpe) check(parts.scores.size(), "scores");
}

void check_pieces(const TokenizerParts& parts) {
  const auto fail = [&](size_t id, const std::string& what) {
    cannot_load(parts.origin, "piece " + std::to_string(id) + " " + what);
  };
  for (size_t i = 0; i < parts.pieces.size(); ++i) {
    if (utf8::find_invalid(parts.pieces[i]) != std::string_view::npos)
      fail(i, "is not UTF-8; expected UTF-8 throughout");
    if (!parts.types.empty() && (parts.types[i] < 0 || parts.types[i] > TokenizerParts::kByte))
      fail(i, "has type " + std::to_string(parts.types[i]) + "; expected 1 to 6");
    if (parts.kind != Kind::ByteLevelBpe && !std::isfinite(parts.scores[i]))
      fail(i, "has no finite score; expected one");
  }
}

void check_ids(const TokenizerParts& parts) {
  const auto check = [&](const std::optional<int32_t>& id, const char* name) {
    if (id && (*id < 0 || static_cast<size_t>(*id) >= parts.pieces.size()))
      cannot_load(parts.origin,
                  std::string(name) + " has id " + std::to_string(*id) + "; expected 0 to " +
                      std::to_string(parts.pieces.size() - 1));
  };
  check(parts.bos, "bos"), check(parts.eos, "eos"), check(parts.unk, "unk");
  check(parts.pad, "pad"), check(parts.eot, "eot"), check(parts.eom, "eom");
  if (parts.add_bos.value_or(false) && !parts.bos)
    cannot_load(parts.origin, "add_bos is true and no bos is named; expected its id");
  if (parts.add_eos.value_or(false) && !parts.eos)
    cannot_load(parts.origin, "add_eos is true and no eos is named; expected its id");
}

const tok::PreRule& pre_rule(const TokenizerParts& parts) {
  const tok::PreRule* rule = tok::find_pre_rule(parts.pre);
  if (rule != nullptr) return *rule;
  const std::vector<std::string> known = tok::known_pre_names();
  cannot_load(parts.origin,
              "the way text is cut, '" + parts.pre + "', is unknown" +
                  did_you_mean(parts.pre, known) + "; expected one of " + join(known, ", "));
}

json added_tokens(const TokenizerParts& parts) {
  json tokens = json::array();
  for (size_t i = 0; i < parts.pieces.size(); ++i) {
    const int32_t type = type_of(parts, i);
    const bool special = type == TokenizerParts::kControl || type == TokenizerParts::kUnknown;
    if (parts.pieces[i].empty() || (!special && type != TokenizerParts::kUserDefined)) continue;
    tokens.push_back({{"id", i},
                      {"content", parts.pieces[i]},
                      {"special", special},
                      {"normalized", false}});
  }
  return tokens;
}

json around(const TokenizerParts& parts, bool add_bos, bool add_eos) {
  json single = json::array(), ids = json::object();
  const auto put = [&](const char* name, const std::optional<int32_t>& id) {
    single.push_back({{"SpecialToken", {{"id", name}}}});
    ids[name] = {{"ids", json::array({*id})}};
  };
  if (parts.add_bos.value_or(add_bos) && parts.bos) put("bos", parts.bos);
  single.push_back({{"Sequence", {{"id", "A"}}}});
  if (parts.add_eos.value_or(add_eos) && parts.eos) put("eos", parts.eos);
  return {{"type", "TemplateProcessing"}, {"single", single}, {"special_tokens", ids}};
}

json mark_decoder(bool strip) {
  json stages = json::array({{{"type", "Replace"},
                              {"pattern", {{"String", tok::kSpaceMark}}},
                              {"content", " "}},
                             {{"type", "ByteFallback"}},
                             {{"type", "Fuse"}}});
  if (strip) stages.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"type", "Sequence"}, {"decoders", stages}};
}

json cut_by(const tok::PreRule& rule) {
  json steps = json::array();
  for (const char* pattern : rule.patterns)
    steps.push_back(
        {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}});
  if (rule.byte_level)
    steps.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}});
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

std::optional<int32_t> unknown_id(const TokenizerParts& parts) {
  if (parts.unk) return parts.unk;
  for (size_t i = 0; i < parts.types.size(); ++i)
    if (parts.types[i] == TokenizerParts::kUnknown) return static_cast<int32_t>(i);
  return std::nullopt;
}

void fill_byte_level(const TokenizerParts& parts, tok::TokenizerFile* file) {
  const tok::PreRule& rule = pre_rule(parts);
  tok::Vocab vocab;
  vocab.reserve(parts.pieces.size());
  for (size_t i = 0; i < parts.pieces.size(); ++i)
    if (!parts.pieces[i].empty()) vocab.emplace(parts.pieces[i], static_cast<int32_t>(i));
  tok::Bpe::Options options;
  options.ignore_merges = rule.ignore_merges;
  json& d = file->document;
  if (!rule.byte_level) {
    options.byte_fallback = options.fuse_unk = true;
    options.unk = unknown_id(parts);
    d["normalizer"] = {
        {"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", tok::kSpaceMark}};
  }
  file->model =
      std::make_unique<tok::Bpe>(std::move(vocab), parts.merges, options, parts.origin);
  d["pre_tokenizer"] = cut_by(rule);
  d["decoder"] = rule.byte_level ? json{{"type", "ByteLevel"}} : mark_decoder(/*strip=*/false);
  d["post_processor"] = around(parts, rule.add_bos, /*add_eos=*/false);
  if (parts.pre.empty())
    file->warnings.push_back(parts.origin +
                             ": says nothing of how text is cut (tokenizer.ggml.pre); the default "
                             "is used, and the model may answer worse");
}

void fill_sentencepiece(TokenizerParts parts, tok::TokenizerFile* file) {
  const bool unigram = parts.kind == Kind::Unigram;
  tok::SentencePieceRule rule;
  std::string fault;
  const auto map = tok::Charsmap::read(parts.precompiled_charsmap, &fault);
  if (!map) cannot_load(parts.origin, "precompiled_charsmap: " + fault);
  rule.charsmap = *map;
  rule.add_space_prefix = parts.add_space_prefix.value_or(true);
  rule.remove_extra_whitespaces = parts.remove_extra_whitespaces.value_or(unigram);
  parts.unk = unknown_id(parts);
  if (unigram) {
    file->model = std::make_unique<tok::Unigram>(parts);
  } else {
    file->model = std::make_unique<tok::ScoreBpe>(parts);
  }
  file->normalizer =
      tok::Normalizer([rule, only_first = parts.prefix_only_first](std::string& text, bool first) {
        text = tok::normalize(rule, text, rule.add_space_prefix && (first || !only_first));
      });
  file->document["decoder"] = mark_decoder(rule.add_space_prefix);
  file->document["post_processor"] = around(parts, /*add_bos=*/!unigram, /*add_eos=*/unigram);
}

}  // namespace

std::vector<int32_t> end_ids(const TokenizerParts& parts) {
  std::set<int32_t> ids;
  for (const auto& id : {parts.eos, parts.eot, parts.eom})
    if (id) ids.insert(*id);
  for (size_t i = 0; i < parts.pieces.size(); ++i)
    if (end_texts().contains(parts.pieces[i])) ids.insert(static_cast<int32_t>(i));
  // Where a text ends in "<|return|>", "<|end|>" only ends a part of it.
  const auto has = [&](std::string_view text) {
    return std::find(parts.pieces.begin(), parts.pieces.end(), text) != parts.pieces.end();
  };
  if (has("<|return|>") && has("<|call|>"))
    std::erase_if(ids, [&](int32_t id) {
      return id != parts.eos && parts.pieces.at(static_cast<size_t>(id)) == "<|end|>";
    });
  return {ids.begin(), ids.end()};
}

tok::TokenizerFile tok::from_parts(const TokenizerParts& parts) {
  check_sizes(parts);
  check_pieces(parts);
  check_ids(parts);
  TokenizerFile file;
  file.name = file.origin = parts.origin;
  file.document["added_tokens"] = added_tokens(parts);
  if (parts.kind == Kind::ByteLevelBpe) {
    fill_byte_level(parts, &file);
  } else {
    fill_sentencepiece(parts, &file);
  }
  if (parts.bos) file.bos = parts.pieces[static_cast<size_t>(*parts.bos)];
  if (parts.eos) file.eos = parts.pieces[static_cast<size_t>(*parts.eos)];
  return file;
}

}  // namespace kvhost
