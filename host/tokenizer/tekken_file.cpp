// SPDX-License-Identifier: Apache-2.0
// tekken.json: Mistral's own form. The special tokens come first, then byte strings by rank; of all
// neighbours those whose joint bytes have the smallest rank are joined first.
#include <algorithm>

#include "base/json_file.hpp"
#include "tokenizer/base64.hpp"
#include "tokenizer/byte_level.hpp"
#include "tokenizer/score_bpe.hpp"
#include "tokenizer/tokenizer_file.hpp"

namespace kvhost::tok {

using nlohmann::json;

namespace {

constexpr int64_t kMostTokens = 1 << 22;

// The first special tokens, which older files leave out.
constexpr const char* kUsualTokens[] = {"<unk>",
                                        "<s>",
                                        "</s>",
                                        "[INST]",
                                        "[/INST]",
                                        "[AVAILABLE_TOOLS]",
                                        "[/AVAILABLE_TOOLS]",
                                        "[TOOL_RESULTS]",
                                        "[/TOOL_RESULTS]",
                                        "[TOOL_CALLS]",
                                        "[IMG]",
                                        "<pad>",
                                        "[IMG_BREAK]",
                                        "[IMG_END]",
                                        "[PREFIX]",
                                        "[MIDDLE]",
                                        "[SUFFIX]",
                                        "[SYSTEM_PROMPT]",
                                        "[/SYSTEM_PROMPT]",
                                        "[TOOL_CONTENT]"};

int64_t count_in(const JsonNode& config, const char* key) {
  const int64_t n = config.integer_or(key, -1);
  if (n < 0 || n > kMostTokens)
    config.fail("found " + std::to_string(n) + "; expected a count", std::string("/") + key);
  return n;
}

std::vector<std::string> special_names(const JsonNode& root, int64_t n) {
  std::vector<std::string> names(static_cast<size_t>(n));
  const auto listed = root.find("special_tokens");
  for (size_t i = 0; i < names.size(); ++i)
    names[i] = !listed && i < std::size(kUsualTokens) ? kUsualTokens[i]
                                                      : "<SPECIAL_" + std::to_string(i) + ">";
  if (!listed) return names;
  for (const JsonNode& item : listed->items()) {
    const int64_t rank = item.integer_or("rank", -1);
    if (rank < 0 || rank >= n)
      item.fail("found " + std::to_string(rank) + "; expected 0 to " + std::to_string(n - 1),
                "/rank");
    names[static_cast<size_t>(rank)] = item.at("token_str").as_string();
  }
  return names;
}

// The byte strings, spelled in characters, by rank.
std::vector<std::string> spelled_pieces(const JsonNode& vocab, int64_t most) {
  std::vector<std::string> pieces;
  for (const JsonNode& item : vocab.items()) {
    if (static_cast<int64_t>(pieces.size()) == most) break;
    const auto rank = static_cast<int64_t>(pieces.size());
    if (item.integer_or("rank", -1) != rank)
      item.fail("found no rank " + std::to_string(rank) + "; expected tokens in order of rank");
    const auto bytes = decode_base64(item.at("token_bytes").as_string());
    if (!bytes || bytes->empty()) item.fail("is not base64 of some bytes; expected the bytes of a piece", "/token_bytes");
    append_byte_level(pieces.emplace_back(), *bytes);
  }
  return pieces;
}

}  // namespace

TokenizerFile from_tekken(const std::filesystem::path& path) {
  TokenizerFile file;
  file.name = path.string();
  file.origin = path.filename().string();
  const json document = read_json(path, ExitCode::CannotLoad);
  const JsonNode root(document, file.name), config = root.at("config");
  const int64_t n_special = count_in(config, "default_num_special_tokens");
  const int64_t n_ids = count_in(config, "default_vocab_size");

  TokenizerParts parts;
  parts.pieces = special_names(root, n_special);
  json added = json::array();
  for (size_t i = 0; i < parts.pieces.size(); ++i)
    added.push_back(
        {{"id", i}, {"content", parts.pieces[i]}, {"special", true}, {"normalized", false}});
  parts.types.assign(parts.pieces.size(), TokenizerParts::kControl);
  for (auto& piece : spelled_pieces(root.at("vocab"), std::max<int64_t>(0, n_ids - n_special)))
    parts.pieces.push_back(std::move(piece));
  parts.types.resize(parts.pieces.size(), TokenizerParts::kNormal);
  for (size_t i = 0; i < parts.pieces.size(); ++i) parts.scores.push_back(-static_cast<float>(i));
  file.model = std::make_unique<ScoreBpe>(parts, /*whole_words=*/true);

  json& d = file.document;
  d["added_tokens"] = std::move(added);
  const json cut = {{"type", "Split"},
                    {"pattern", {{"Regex", config.at("pattern").as_string()}}},
                    {"behavior", "Isolated"}};
  const json spell = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  d["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", json::array({cut, spell})}};
  d["decoder"] = {{"type", "ByteLevel"}};
  if (n_special < 3) config.fail("found no <s> and </s>; expected them as tokens 1 and 2");
  file.bos = parts.pieces[1], file.eos = parts.pieces[2];
  d["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single",
       json::array({{{"SpecialToken", {{"id", file.bos}}}}, {{"Sequence", {{"id", "A"}}}}})},
      {"special_tokens", {{file.bos, {{"ids", json::array({1})}}}}}};
  return file;
}

}  // namespace kvhost::tok
