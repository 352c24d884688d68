// SPDX-License-Identifier: Apache-2.0
#include "kit/new_project.hpp"

#include <algorithm>
#include <fstream>
#include <map>

#include "base/error.hpp"
#include "base/output_file.hpp"
#include "base/text.hpp"
#include "kit/templates.hpp"

namespace kvhost {

namespace fs = std::filesystem;
using registry::Kind;

namespace {

struct KindTemplates {
  Kind kind;
  const char* name;   // as the command line has it
  const char* press;  // a composition with it: "%:snapkv"
  std::string_view cpp, c, test;
};

const std::vector<KindTemplates>& all_kinds() {
  static const std::vector<KindTemplates> all = {
      {Kind::Scorer, "scorer", "%", kScorerCpp, kScorerC, kTestScorerCpp},
      {Kind::Wrapper, "wrapper", "%", kWrapperCpp, kWrapperC, kTestWrapperCpp},
      {Kind::HeadAllocator,
       "head_allocator",
       "%",
       kHeadAllocatorCpp,
       kHeadAllocatorC,
       kTestHeadAllocatorCpp},
      {Kind::LayerAllocator,
       "layer_allocator",
       "%",
       kLayerAllocatorCpp,
       kLayerAllocatorC,
       kTestLayerAllocatorCpp},
      {Kind::Press, "press", "%:snapkv", kPressCpp, kPressC, kTestPressCpp}};
  return all;
}

const KindTemplates& templates_of(Kind kind) {
  return *std::find_if(all_kinds().begin(), all_kinds().end(), [&](const KindTemplates& one) {
    return one.kind == kind;
  });
}

const std::map<std::string, Language>& all_languages() {
  static const std::map<std::string, Language> all = {
      {"c", Language::C}, {"cpp", Language::Cpp}, {"torch", Language::Torch}};
  return all;
}

// "my_method" -> "MyMethod"
std::string class_name(const std::string& name) {
  std::string out;
  bool begins = true;
  for (const char c : name) {
    if (c != '_') out += begins ? static_cast<char>(std::toupper(c)) : c;
    begins = c == '_';
  }
  return out;
}

using Words = std::map<std::string, std::string>;

// Replaces @word@ by what it stands for; any other @ stays.
std::string filled(std::string_view text, const Words& words) {
  std::string out;
  while (!text.empty()) {
    const size_t at = text.find('@');
    out += text.substr(0, at);
    if (at == text.npos) break;
    const size_t end = text.find('@', at + 1);
    const auto word = end == text.npos
                          ? words.end()
                          : words.find(std::string(text.substr(at + 1, end - at - 1)));
    out += word == words.end() ? "@" : word->second;
    text.remove_prefix(word == words.end() ? at + 1 : end + 1);
  }
  return out;
}

std::string_view source_of(const NewProject& project) {
  if (project.language == Language::Torch) return kScorerTorchCpp;
  const KindTemplates& all = templates_of(project.kind);
  return project.language == Language::C ? all.c : all.cpp;
}

Words words_of(const NewProject& project) {
  const bool torch = project.language == Language::Torch;
  std::string press = templates_of(project.kind).press;
  press.replace(press.find('%'), 1, project.name);
  return {{"name", project.name},
          {"Class", class_name(project.name)},
          {"vendor", project.vendor},
          {"license", project.license},
          {"words", registry::kind_name(project.kind)},
          {"press", press},
          {"source", project.name + (project.language == Language::C ? ".c" : ".cpp")},
          {"torch", torch ? " TORCH" : ""},
          // A plugin with libtorch inside finds it in the process that opens it.
          {"torch_test",
           torch ? "\ntarget_link_libraries(test_" + project.name +
                       " PRIVATE Libtorch::Libtorch)\ntarget_link_options(test_" + project.name +
                       " PRIVATE \"LINKER:--no-as-needed\")"
                 : ""}};
}

}  // namespace

std::vector<std::string> languages_of(Kind kind) {
  return kind == Kind::Scorer ? std::vector<std::string>{"cpp", "c", "torch"}
                              : std::vector<std::string>{"cpp", "c"};
}

Language language_named(const std::string& name, Kind kind, const std::string& where) {
  const std::vector<std::string> known = languages_of(kind);
  if (std::find(known.begin(), known.end(), name) == known.end())
    bad_request(where,
                "found " + kvhost::quoted(name) + "; expected " +
                    (known.size() > 1 ? "one of " : "") + join(known, ", ") + " for a " +
                    registry::kind_name(kind) + did_you_mean(name, known));
  return all_languages().at(name);
}

Kind kind_named(const std::string& name, const std::string& where) {
  std::vector<std::string> known;
  for (const auto& one : all_kinds()) {
    if (name == one.name) return one.kind;
    known.emplace_back(one.name);
  }
  bad_request(where,
              "found " + kvhost::quoted(name) + "; expected one of " + join(known, ", ") +
                  did_you_mean(name, known));
}

void check_method_name(const std::string& name,
                       const std::vector<std::string>& taken,
                       const std::string& where) {
  constexpr size_t kLongest = 48;
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  const bool well_formed = !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
                           name.size() <= kLongest && std::all_of(name.begin(), name.end(), fits);
  if (!well_formed)
    bad_request(where,
                "found " + kvhost::quoted(name) + "; expected a letter, then letters, digits and '_', all in "
                "lower case, " + std::to_string(kLongest) + " at most: my_method");
  if (std::find(taken.begin(), taken.end(), name) != taken.end())
    bad_request(where,
                "found " + kvhost::quoted(name) + ", which is a method's name already; expected a new one");
}

std::vector<ProjectFile> files_of(const NewProject& project) {
  const Words words = words_of(project);
  const auto file = [&](const fs::path& path, std::string_view text) {
    return ProjectFile{path, filled(text, words)};
  };
  const bool apache = project.license == "Apache-2.0";
  return {file(words.at("source"), source_of(project)),
          file("test_" + project.name + ".cpp", templates_of(project.kind).test),
          file("CMakeLists.txt", kCMakeListsTxt),
          file("README.md", kReadmeMd),
          {"LICENSE", apache ? std::string(kLicense) : "SPDX-License-Identifier: " + project.license + "\n"},
          file(".github/workflows/ci.yml", kCiYml),
          file(".gitignore", kGitignore),
          {"golden/.gitkeep", ""}};
}

void write_project(const fs::path& folder, const std::vector<ProjectFile>& files) {
  std::error_code ignored;
  if (fs::exists(folder, ignored) && !fs::is_empty(folder, ignored))
    bad_request(folder.string(), "is there already; expected a folder that is not, or an empty one");
  const bool existed = fs::exists(folder, ignored);
  try {
    for (const auto& file : files) {
      fs::create_directories((folder / file.path).parent_path());
      write_file(folder / file.path, [&](std::ostream& out) { out << file.bytes; });
    }
  } catch (...) {
    if (!existed) fs::remove_all(folder, ignored);
    throw;
  }
}

}  // namespace kvhost
