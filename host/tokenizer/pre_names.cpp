// SPDX-License-Identifier: Apache-2.0
// The names are llama.cpp's; the patterns are those of the models' own tokenizer.json.
#include "tokenizer/pre_names.hpp"

#include <algorithm>

namespace kvhost::tok {

namespace {

#define KVHOST_ENDINGS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define KVHOST_SPACES R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"
#define KVHOST_SYMBOLS R"(| ?[^\s\p{L}\p{N}]+[\r\n]*)" KVHOST_SPACES
#define KVHOST_LETTERS R"(|[^\r\n\p{L}\p{N}]?\p{L}+)"
#define KVHOST_UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define KVHOST_LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define KVHOST_CASED(ending)                                                     \
  R"([^\r\n\p{L}\p{N}]?)" KVHOST_UPPER "*" KVHOST_LOWER "+" ending               \
  R"(|[^\r\n\p{L}\p{N}]?)" KVHOST_UPPER "+" KVHOST_LOWER "*" ending
#define KVHOST_SLASHED R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*)" KVHOST_SPACES
#define KVHOST_ASCII_FIRST                                                           \
  R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
#define KVHOST_CJK R"([\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+)"

constexpr const char* kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama3 = KVHOST_ENDINGS KVHOST_LETTERS R"(|\p{N}{1,3})" KVHOST_SYMBOLS;
constexpr const char* kQwen2 = KVHOST_ENDINGS KVHOST_LETTERS R"(|\p{N})" KVHOST_SYMBOLS;
constexpr const char* kGpt4o =
    KVHOST_CASED(KVHOST_ENDINGS "?") R"(|\p{N}{1,3})" KVHOST_SLASHED;
constexpr const char* kDeepSeek3 =
    KVHOST_ASCII_FIRST R"(| ?[\p{P}\p{S}]+[\r\n]*)" KVHOST_SPACES;
// The letters of the scripts that have upper and lower case, as DeepSeek's first models list them.
constexpr const char* kDeepSeekLetters =
    R"(\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293)"
    R"(\u0295-\u02af\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c)"
    R"(\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5)"
    R"(\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77)"
    R"(\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59)"
    R"(\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc)"
    R"(\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107)"
    R"(\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139)"
    R"(\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee)"
    R"(\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e)"
    R"(\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\x{10400}-\x{1044f})"
    R"(\x{104b0}-\x{104d3}\x{104d8}-\x{104fb}\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2})"
    R"(\x{118a0}-\x{118df}\x{1e900}-\x{1e943}]+)";
constexpr const char* kDeepSeekCjk = R"([\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+)";
constexpr const char* kBloom =
    R"( ?[^(\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+)";
// Letters that are no Han characters, cased as in gpt-4o.
constexpr const char* kKimi =
    R"(\p{Han}+|[^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])*)"
    R"((?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])+)"
    R"((?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3})" KVHOST_SYMBOLS;

const std::vector<PreRule>& rules() {
  static const std::vector<PreRule> all = {
      {{"default"}, {R"([\p{P}$+<=>^~|]+)", kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"}},
      {{"gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4",
        "gigachat", "a.x-4.0", "mellum", "modern-bert", "jina-es", "jina-de", "jina-v2-es",
        "jina-v2-de", "jina-v1-en", "jina-v2-code", "roberta-bpe"},
       {kGpt2}},
      {{"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
        "jina-v5-nano"},
       {kLlama3}, /*ignore_merges=*/true, /*add_bos=*/true},
      {{"dbrx", "smaug-bpe", "glm4", "chatglm-bpe"}, {kLlama3}},
      {{"minicpm5"},
       {R"(\p{N}{1,3})", KVHOST_ENDINGS KVHOST_LETTERS R"(|\p{N}+)" KVHOST_SYMBOLS},
       /*ignore_merges=*/true},
      {{"jais-2"},
       {KVHOST_ENDINGS KVHOST_LETTERS R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+)"
                       R"(|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S))"
                       R"(|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})"}},
      {{"qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "solar-open", "megrez", "kormo",
        "f2llmv2", "grok-2"},
       {kQwen2}},
      {{"qwen35"},
       {KVHOST_ENDINGS R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N})"
                       R"(| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*)" KVHOST_SPACES}},
      {{"ufakzeka"}, {R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N})" KVHOST_SYMBOLS}},
      {{"laguna"}, {R"([^\n]+|[\n]+)", kQwen2}},
      {{"seed-coder"},
       {KVHOST_ENDINGS KVHOST_LETTERS R"(|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+)" KVHOST_SPACES}},
      {{"bailingmoe", "bailingmoe2", "llada-moe"},
       {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N})"
        R"(| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"}},
      {{"exaone-moe"},
       {KVHOST_ENDINGS R"(|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N})"
                       R"(| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)"}},
      {{"starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b",
        "mellum2"},
       {R"(\p{N})", kGpt2}},
      {{"falcon"}, {R"([\p{P}$+<=>^~|`]+)", kGpt2, "[0-9][0-9][0-9]"}},
      {{"deepseek-llm"},
       {R"([\r\n])", kDeepSeekLetters,
        R"(\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+)", R"(\s+$)",
        kDeepSeekCjk, R"(\p{N}+)"}},
      {{"deepseek-coder"},
       {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepSeekCjk, R"(\p{N})"}},
      {{"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
       {R"(\p{N}{1,3})", KVHOST_CJK, kDeepSeek3}},
      {{"spark2_5"},
       {R"(\p{N}{1,3})", KVHOST_CJK,
        KVHOST_ASCII_FIRST R"(| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)", R"(\p{N})"}},
      {{"youtu"},
       {R"([\uac00-\ud7a3\u3131-\u318e]+)"
        R"(|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c)"
        R"(\u3001-\u303f\ufe30-\ufe4f]+)"
        R"(|[\u3105-\u312f]+|)" KVHOST_CJK,
        KVHOST_CASED(KVHOST_ENDINGS "?") R"(|\p{N})" KVHOST_SLASHED},
       /*ignore_merges=*/true},
      {{"tekken"}, {KVHOST_CASED("") R"(|\p{N})" KVHOST_SLASHED}, /*ignore_merges=*/true,
       /*add_bos=*/true},
      {{"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"}, {kGpt4o}},
      {{"granite-embed-multi-97m"}, {kGpt4o}, /*ignore_merges=*/true},
      {{"tiny_aya", "cohere2moe"}, {R"(\d{1,3}(?=(?:\d{3})*\b))", kGpt4o}},
      {{"kimi-k2"}, {kKimi}},
      {{"superbpe"}, {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"}},
      {{"bloom", "poro-chat", "gpt3-finnish"}, {kBloom}},
      {{"viking"}, {kBloom, R"(\p{N})"}},
      {{"chameleon"},
       {"<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", R"(([\t\n]|    |  ))",
        R"(\p{N})", R"([\p{P}!-/:-@\[-`{-~])", kGpt2},
       /*ignore_merges=*/false, /*add_bos=*/true},
      {{"gemma4"}, {R"([^\n]+|[\n]+)"}, /*ignore_merges=*/false, /*add_bos=*/true,
       /*byte_level=*/false},
      {{"sarvam-moe"}, {R"([^\n]+|[\n]+)"}, /*ignore_merges=*/false, /*add_bos=*/false,
       /*byte_level=*/false},
  };
  return all;
}

}  // namespace

const PreRule* find_pre_rule(std::string_view name) {
  if (name.empty()) name = "default";
  for (const PreRule& rule : rules())
    if (std::find(rule.names.begin(), rule.names.end(), name) != rule.names.end()) return &rule;
  return nullptr;
}

std::vector<std::string> known_pre_names() {
  std::vector<std::string> names;
  for (const PreRule& rule : rules())
    names.insert(names.end(), rule.names.begin(), rule.names.end());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace kvhost::tok
