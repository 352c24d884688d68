// SPDX-License-Identifier: Apache-2.0
// The project that a plugin is built from, while its author works on it: how it is built, and whether
// something in it has changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace kvhost {

class Project {
 public:
  // `build`: a folder that cmake has configured, or one with a Cargo.toml; "": the nearest one above
  // the library, or none, and then only the library itself is looked at. Throws Error(BadRequest)
  // where `build` is none.
  explicit Project(std::filesystem::path library, const std::filesystem::path& build = "");

  const std::filesystem::path& library() const { return library_; }
  const std::filesystem::path& build() const { return build_; }    // "" : none
  const std::filesystem::path& source() const { return source_; }  // likewise

  // What `cmake --build` or `cargo build` said when it failed; "" where it went well, or there is nothing to build.
  std::string rebuild() const;

  // A number that is another one once a source, or without sources the library, has changed.
  uint64_t stamp() const;

 private:
  std::filesystem::path library_, build_, source_;
};

}  // namespace kvhost
