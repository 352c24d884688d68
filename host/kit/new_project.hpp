// SPDX-License-Identifier: Apache-2.0
// A project for a new method: source, test, golden case, build file, licence, README, CI; it builds
// and passes its tests as it comes out.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "registry/catalog.hpp"

namespace kvhost {

enum class Language { C, Cpp, Torch, Rust };

struct NewProject {
  registry::Kind kind = registry::Kind::Scorer;
  Language language = Language::Cpp;
  std::string name;    // of the method: [a-z][a-z0-9_]*
  std::string vendor;  // who ships it
  std::string license = "Apache-2.0";  // an SPDX identifier; of this one the text comes along
};

struct ProjectFile {
  std::filesystem::path path;  // within the project
  std::string bytes;
};

// The languages in which a kind can begin, as --lang spells them.
std::vector<std::string> languages_of(registry::Kind kind);
// Throws Error(BadRequest) that begins with `where`.
Language language_named(const std::string& name, registry::Kind kind, const std::string& where);
registry::Kind kind_named(const std::string& name, const std::string& where);
// Names that a method and its project can have, which no method in `taken` has.
void check_method_name(const std::string& name,
                       const std::vector<std::string>& taken,
                       const std::string& where);

std::vector<ProjectFile> files_of(const NewProject& project);

// Into `folder`, which is made; throws Error(BadRequest) where it is there already and holds
// something, and leaves nothing behind where it fails.
void write_project(const std::filesystem::path& folder, const std::vector<ProjectFile>& files);

}  // namespace kvhost
