// SPDX-License-Identifier: Apache-2.0
#include "fetch/package_index.hpp"

#include <openssl/evp.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/environment.hpp"
#include "base/error.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

// `key` of [global] in an ini file, or "".
std::string from_config(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  bool global = false;
  std::string found;
  for (std::string line; std::getline(in, line);) {
    line = trimmed(line);
    if (line.starts_with("[")) global = line == "[global]";
    const size_t equals = line.find('=');
    if (global && equals != std::string::npos && trimmed(line.substr(0, equals)) == key)
      found = trimmed(line.substr(equals + 1));
  }
  return found;
}

// In the order in which pip lets a later one win, the last first.
std::vector<fs::path> config_files() {
  const fs::path home = environment("HOME");
  const std::string own = environment("XDG_CONFIG_HOME");
  const std::string system = environment("XDG_CONFIG_DIRS");
  std::vector<fs::path> files;
  if (const auto named = environment("PIP_CONFIG_FILE"); !named.empty()) files.emplace_back(named);
  files.push_back((own.empty() ? home / ".config" : fs::path(own)) / "pip" / "pip.conf");
  files.push_back(home / ".pip" / "pip.conf");
  files.emplace_back("/etc/pip.conf");
  files.push_back(fs::path(system.empty() ? "/etc/xdg" : system.substr(0, system.find(':'))) /
                  "pip" / "pip.conf");
  return files;
}

std::string index_url() {
  if (const auto url = environment("PIP_INDEX_URL"); !url.empty()) return url;
  for (const auto& file : config_files())
    if (const auto url = from_config(file, "index-url"); !url.empty()) return url;
  return "https://pypi.org/simple";
}

std::string basic(const std::string& user) {
  std::string coded(4 * ((user.size() + 2) / 3) + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(coded.data()),
                                reinterpret_cast<const unsigned char*>(user.data()),
                                static_cast<int>(user.size()));
  coded.resize(static_cast<size_t>(n));
  return "Basic " + coded;
}

std::string unescaped(std::string text) {
  for (size_t at = 0; (at = text.find("&amp;", at)) != std::string::npos; ++at)
    text.replace(at, 5, "&");
  return text;
}

// The value of href in the text of a tag, or "".
std::string href_of(const std::string& tag) {
  for (size_t at = 0; (at = tag.find("href", at)) != std::string::npos; ++at) {
    const size_t equals = tag.find_first_not_of(" \t\r\n", at + 4);
    if (equals == std::string::npos || tag[equals] != '=') continue;
    const size_t open = tag.find_first_not_of(" \t\r\n", equals + 1);
    if (open == std::string::npos || (tag[open] != '"' && tag[open] != '\'')) continue;
    const size_t close = tag.find(tag[open], open + 1);
    if (close != std::string::npos) return tag.substr(open + 1, close - open - 1);
  }
  return "";
}

// Pages of an index are links and little else: no parser of HTML is needed.
std::string link_in_html(const std::string& page, const std::string& file) {
  for (size_t at = 0; (at = page.find('<', at)) != std::string::npos; ++at) {
    if (at + 2 >= page.size() || std::tolower(page[at + 1]) != 'a' ||
        std::isspace(static_cast<unsigned char>(page[at + 2])) == 0)
      continue;
    // '>' may stand inside an attribute ("&gt;" mostly), but not before the file's name
    const size_t next = page.find('<', at + 1);
    const std::string anchor = page.substr(at, next == std::string::npos ? next : next - at);
    const size_t end = anchor.rfind('>');
    if (end != std::string::npos && trimmed(anchor.substr(end + 1)) == file)
      return unescaped(href_of(anchor.substr(0, end)));
  }
  return "";
}

}  // namespace

PackageIndex package_index() {
  PackageIndex index;
  const Url url = parse_url(index_url(), "pip's index-url");
  index.url = url.text();
  while (index.url.ends_with('/')) index.url.pop_back();
  if (!url.user.empty()) index.authorization = basic(url.user);
  const std::string none = environment("PIP_NO_INDEX");
  index.offline = !none.empty() && none != "0" && none != "false";
  return index;
}

std::string link_on_page(const std::string& page, const std::string& file) {
  const nlohmann::json read = nlohmann::json::parse(page, nullptr, /*allow_exceptions=*/false);
  if (!read.is_object()) return link_in_html(page, file);
  const auto files = read.find("files");
  if (files == read.end() || !files->is_array()) return "";
  for (const auto& entry : *files)
    if (entry.is_object() && entry.value("filename", nlohmann::json()) == file &&
        entry.value("url", nlohmann::json()).is_string())
      return entry["url"].get<std::string>();
  return "";
}

std::string find_in_index(Requests& requests,
                          const PackageIndex& index,
                          const std::string& package,
                          const std::string& file) {
  const std::string url = index.url + "/" + package + "/";
  const std::string page = requests.text(
      url,
      {{"Accept",
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
        "text/html;q=0.1"}});
  const std::string link = link_on_page(page, file);
  if (link.empty())
    cannot_load(url, "lists no " + file + "; expected it; is pip's index-url a mirror of PyPI?");
  Url found = join_url(parse_url(url, "index"), link, url);
  return found.text();
}

}  // namespace kvhost
