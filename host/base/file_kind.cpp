// SPDX-License-Identifier: Apache-2.0
#include "base/file_kind.hpp"

#include <utility>

#include "base/ascii.hpp"

namespace kvhost {

const char* const kGgufCure = "name the GGUF file itself: --model FILE.gguf";

namespace {

bool begins(std::string_view bytes, std::string_view with) {
  return bytes.substr(0, with.size()) == with;
}

bool is_html(std::string_view bytes) {
  std::string first(bytes.substr(0, 64));
  first.erase(0, first.find_first_not_of(" \t\r\n"));
  first = lower_case(std::move(first));
  return begins(first, "<!doctype html") || begins(first, "<html");
}

}  // namespace

bool is_lfs_pointer(std::string_view bytes) {
  constexpr size_t kLongest = 1024;  // the format's own limit
  return bytes.size() <= kLongest && begins(bytes, "version https://git-lfs.");
}

std::string mistaken_file(std::string_view bytes, const std::string& expected) {
  const auto say = [&](const std::string& found, const std::string& cure) {
    return "is " + found + "; expected " + expected + "; " + cure;
  };
  if (is_lfs_pointer(bytes))
    return say("a Git LFS pointer, not the file it stands for",
               "get that with `git lfs pull` in its repository");
  if (begins(bytes, "GGUF")) return say("a GGUF file", kGgufCure);
  if (begins(bytes, "PK\x03\x04") || begins(bytes, "\x80\x02"))
    return say("a PyTorch archive", "convert it with transformers' save_pretrained");
  if (is_html(bytes)) return say("a page of HTML", "get the file itself: `kvhost fetch ORG/NAME`");
  return "";
}

}  // namespace kvhost
