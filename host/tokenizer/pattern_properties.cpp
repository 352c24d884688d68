// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pattern_properties.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "tokenizer/unicode.hpp"

namespace kvhost::tok {

namespace {

struct LongName {
  std::string_view name, category;
};

constexpr LongName kCategories[] = {{"letter", "L"},
                                    {"casedletter", "LC"},
                                    {"uppercaseletter", "Lu"},
                                    {"lowercaseletter", "Ll"},
                                    {"titlecaseletter", "Lt"},
                                    {"modifierletter", "Lm"},
                                    {"otherletter", "Lo"},
                                    {"mark", "M"},
                                    {"combiningmark", "M"},
                                    {"nonspacingmark", "Mn"},
                                    {"spacingmark", "Mc"},
                                    {"enclosingmark", "Me"},
                                    {"number", "N"},
                                    {"decimalnumber", "Nd"},
                                    {"letternumber", "Nl"},
                                    {"othernumber", "No"},
                                    {"punctuation", "P"},
                                    {"connectorpunctuation", "Pc"},
                                    {"dashpunctuation", "Pd"},
                                    {"openpunctuation", "Ps"},
                                    {"closepunctuation", "Pe"},
                                    {"initialpunctuation", "Pi"},
                                    {"finalpunctuation", "Pf"},
                                    {"otherpunctuation", "Po"},
                                    {"symbol", "S"},
                                    {"mathsymbol", "Sm"},
                                    {"currencysymbol", "Sc"},
                                    {"modifiersymbol", "Sk"},
                                    {"othersymbol", "So"},
                                    {"separator", "Z"},
                                    {"spaceseparator", "Zs"},
                                    {"lineseparator", "Zl"},
                                    {"paragraphseparator", "Zp"},
                                    {"other", "C"},
                                    {"control", "Cc"},
                                    {"format", "Cf"},
                                    {"surrogate", "Cs"},
                                    {"privateuse", "Co"},
                                    {"unassigned", "Cn"}};

// Properties of two values that PCRE2 knows by the same name.
constexpr std::string_view kBinary[] = {"asciihexdigit",
                                        "alphabetic",
                                        "bidicontrol",
                                        "caseignorable",
                                        "cased",
                                        "dash",
                                        "defaultignorablecodepoint",
                                        "diacritic",
                                        "emoji",
                                        "emojicomponent",
                                        "emojimodifier",
                                        "emojimodifierbase",
                                        "emojipresentation",
                                        "extendedpictographic",
                                        "extender",
                                        "hexdigit",
                                        "idcontinue",
                                        "idstart",
                                        "ideographic",
                                        "joincontrol",
                                        "lowercase",
                                        "math",
                                        "patternsyntax",
                                        "patternwhitespace",
                                        "quotationmark",
                                        "radical",
                                        "regionalindicator",
                                        "sentenceterminal",
                                        "softdotted",
                                        "terminalpunctuation",
                                        "unifiedideograph",
                                        "uppercase",
                                        "variationselector",
                                        "xidcontinue",
                                        "xidstart"};

std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (c != ' ' && c != '_' && c != '-')
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string cased_letters() {
  return unicode::category_class("Lu") + unicode::category_class("Ll") +
         unicode::category_class("Lt");
}

std::optional<std::string> category_of(const std::string& name) {
  if (name == "lc") return cased_letters();
  for (const LongName& row : kCategories)
    if (row.name == name)
      return row.category == "LC" ? cased_letters() : unicode::category_class(row.category);
  if (name.empty() || name.size() > 2) return std::nullopt;
  std::string category = name;
  category[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(category[0])));
  if (!unicode::is_category_name(category)) return std::nullopt;
  return unicode::category_class(category);
}

}  // namespace

std::optional<std::string> posix_class(std::string_view name) {
  const auto category = [](const char* c) { return unicode::category_class(c); };
  const auto binary = [](const char* p) { return unicode::property_class(p, p); };
  const std::string alphabetic = binary("alphabetic");
  if (name == "alpha") return alphabetic;
  if (name == "digit") return category("Nd");
  if (name == "alnum") return alphabetic + category("Nd");
  if (name == "upper") return binary("uppercase");
  if (name == "lower") return binary("lowercase");
  if (name == "space") return std::string(unicode::kWhitespaceClass);
  if (name == "blank") return category("Zs") + "\\x{9}";
  if (name == "cntrl") return category("Cc");
  if (name == "punct") return category("P") + category("S");
  if (name == "xdigit") return std::string("0-9A-Fa-f");
  if (name == "ascii") return std::string("\\x{0}-\\x{7f}");
  if (name == "word") return unicode::word_class(/*inside_class=*/true);
  if (name == "graph")
    return category("L") + category("M") + category("N") + category("P") + category("S") +
           category("Cf") + category("Co");
  if (name == "print") return *posix_class("graph") + category("Zs");
  return std::nullopt;
}

std::string property_class(std::string_view name) {
  const std::string key = folded(name);
  if (key == "any") return "\\x{0}-\\x{10ffff}";
  if (key == "punct") return unicode::category_class("P");
  if (key == "whitespace") return unicode::kWhitespaceClass;
  if (key == "word") return unicode::word_class(/*inside_class=*/false);
  if (const auto category = category_of(key)) return *category;
  if (const auto posix = posix_class(key)) return *posix;
  if (std::find(std::begin(kBinary), std::end(kBinary), key) != std::end(kBinary))
    return unicode::property_class(key, key);
  // A script, not PCRE2's default of script extensions.
  return unicode::property_class("sc:" + std::string(name), key == "hani" ? "han" : key);
}

}  // namespace kvhost::tok
