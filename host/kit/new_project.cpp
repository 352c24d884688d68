// SPDX-License-Identifier: Apache-2.0
#include "kit/new_project.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

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
  std::string_view rust, rust_test;
};

const std::vector<KindTemplates>& all_kinds() {
  static const std::vector<KindTemplates> all = {
      {Kind::Scorer, "scorer", "%", kScorerCpp, kScorerC, kTestScorerCpp, kScorerRs, kTestScorerRs},
      {Kind::Wrapper,
       "wrapper",
       "%",
       kWrapperCpp,
       kWrapperC,
       kTestWrapperCpp,
       kWrapperRs,
       kTestWrapperRs},
      {Kind::HeadAllocator,
       "head_allocator",
       "%",
       kHeadAllocatorCpp,
       kHeadAllocatorC,
       kTestHeadAllocatorCpp,
       kHeadAllocatorRs,
       kTestHeadAllocatorRs},
      {Kind::LayerAllocator,
       "layer_allocator",
       "%",
       kLayerAllocatorCpp,
       kLayerAllocatorC,
       kTestLayerAllocatorCpp,
       kLayerAllocatorRs,
       kTestLayerAllocatorRs},
      {Kind::Press, "press", "%:snapkv", kPressCpp, kPressC, kTestPressCpp, kPressRs, kTestPressRs}};
  return all;
}

const KindTemplates& templates_of(Kind kind) {
  return *std::find_if(all_kinds().begin(), all_kinds().end(), [&](const KindTemplates& one) {
    return one.kind == kind;
  });
}

const std::map<std::string, Language>& all_languages() {
  static const std::map<std::string, Language> all = {
      {"c", Language::C}, {"cpp", Language::Cpp}, {"torch", Language::Torch}, {"rust", Language::Rust}};
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
  if (project.language == Language::Rust) return all.rust;
  return project.language == Language::C ? all.c : all.cpp;
}

std::string source_name(const NewProject& project) {
  if (project.language == Language::Rust) return "src/lib.rs";
  return project.name + (project.language == Language::C ? ".c" : ".cpp");
}

using Templates = std::vector<std::pair<fs::path, std::string_view>>;

Templates cmake_files(const NewProject& project) {
  return {{source_name(project), source_of(project)},
          {"test_" + project.name + ".cpp", templates_of(project.kind).test},
          {"CMakeLists.txt", kCMakeListsTxt},
          {"README.md", kReadmeMd},
          {".github/workflows/ci.yml", kCiYml},
          {".gitignore", kGitignore}};
}

// What is kvhost's own stays under its licence, whatever the project's is.
Templates rust_files(const NewProject& project) {
  return {{source_name(project), source_of(project)},
          {"src/tests.rs", templates_of(project.kind).rust_test},
          {"src/kvhost/abi.rs", kAbiRs},
          {"src/kvhost/describe.rs", kDescribeRs},
          {"src/kvhost/glue.rs", kGlueRs},
          {"src/kvhost/mod.rs", kModRs},
          {"src/kvhost/testing.rs", kTestingRs},
          {"src/kvhost/view.rs", kViewRs},
          {"src/kvhost/LICENSE", kLicense},
          {"tests/model.rs", kModelRs},
          {"Cargo.toml", kCargoToml},
          {"README.md", kRustReadmeMd},
          {".github/workflows/ci.yml", kRustCiYml},
          {".gitignore", kRustGitignore}};
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
          {"source", source_name(project)},
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
  return kind == Kind::Scorer ? std::vector<std::string>{"cpp", "c", "rust", "torch"}
                              : std::vector<std::string>{"cpp", "c", "rust"};
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

// Names that a build would take for something of its own: targets of CMake and of the projects made
// here, and words of Rust, which no package may have.
bool is_taken_by_builds(const std::string& name) {
  static const std::set<std::string> words = {
      "all",    "clean",  "depend", "edit_cache", "golden",   "help",     "install", "package", "rebuild_cache",
      "test",   "as",     "break",  "const",      "continue", "crate",    "else",    "enum",    "extern",
      "false",  "fn",     "for",    "if",         "impl",     "in",       "let",     "loop",    "match",
      "mod",    "move",   "mut",    "pub",        "ref",      "return",   "self",    "static",  "struct",
      "super",  "trait",  "true",   "type",       "unsafe",   "use",      "where",   "while",   "async",
      "await",  "dyn",    "abstract", "become",   "box",      "do",       "final",   "macro",   "override",
      "priv",   "typeof", "unsized", "virtual",   "yield",    "try",      "gen",     "deps",    "build"};
  return words.contains(name);
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
  if (is_taken_by_builds(name))
    bad_request(where,
                "found " + kvhost::quoted(name) + ", a word that CMake or Rust takes for itself; expected another "
                "name: my_" + name);
  if (std::find(taken.begin(), taken.end(), name) != taken.end())
    bad_request(where,
                "found " + kvhost::quoted(name) + ", which is a method's name already; expected a new one");
}

std::vector<ProjectFile> files_of(const NewProject& project) {
  const Words words = words_of(project);
  std::vector<ProjectFile> out;
  for (const auto& [path, text] :
       project.language == Language::Rust ? rust_files(project) : cmake_files(project))
    out.push_back({path, filled(text, words)});
  const bool apache = project.license == "Apache-2.0";
  out.push_back({"LICENSE", apache ? std::string(kLicense) : "SPDX-License-Identifier: " + project.license + "\n"});
  out.push_back({"golden/.gitkeep", ""});
  return out;
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
