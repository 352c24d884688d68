// SPDX-License-Identifier: Apache-2.0
#include "fetch/hub.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "fetch/download.hpp"
#include "fetch/hub_cache.hpp"
#include "fetch/hub_files.hpp"

namespace kvhost {

namespace fs = std::filesystem;

namespace {

void check_request(const HubRequest& request) {
  const std::string& id = request.id;
  const size_t slash = id.find('/');
  const auto is_good = [](const std::string& part) {
    return !part.empty() && part[0] != '.' && part[0] != '-' &&
           std::all_of(part.begin(), part.end(), [](unsigned char c) {
             return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
           });
  };
  if (slash == std::string::npos || !is_good(id.substr(0, slash)) || !is_good(id.substr(slash + 1)))
    bad_request("'" + id + "'", "no hub id; expected ORG/NAME, of letters, digits and ._-");
  try {
    check_relative("--revision", request.revision);
  } catch (const Error&) {
    bad_request("--revision",
                "found '" + request.revision + "'; expected a branch, a tag or a commit");
  }
}

std::string cure_of(const Answer& answer, const HubRequest& request, const HubPlace& place) {
  const std::string page = place.endpoint + "/" + request.id;
  const std::string code = answer.field("x-error-code");
  const std::string with_token =
      place.token.empty() ? "give a token in HF_TOKEN, from " + place.endpoint + "/settings/tokens"
                          : "use a token whose account may read it";
  switch (answer.status) {
    case 401:
      return "expected a model that is public and spelled so; if it is private or gated, " +
             with_token;
    case 403:
      return "expected a model that this account may read; accept its terms at " + page + ", and " +
             with_token;
    case 404:
      if (code == "RevisionNotFound")
        return "expected a revision of " + request.id + "; see " + page + "/tree/main";
      return "expected a model on the hub; look for its name at " + place.endpoint + "/models";
    case 429:
      return "too many requests; try again later, or " + with_token;
    default:
      return answer.status >= 500 ? "the hub has trouble; try again later, what came is kept" : "";
  }
}

struct RemoteFile {
  std::string name, etag;
  Expected expected;
};

// One fetch, from the list of files to the reference.
class HubFetch {
 public:
  HubFetch(const HubRequest& request, const HubPlace& place, const FetchOptions& options);
  Fetched run();

 private:
  std::vector<std::string> list();
  RemoteFile look(const std::string& name);
  std::vector<RemoteFile> look_at(const std::vector<std::string>& names);
  void bring(const std::vector<RemoteFile>& files);
  bool has(const RemoteFile& file) const;
  void bring_one(const RemoteFile& file);
  std::vector<std::string> shards(const std::vector<std::string>& names) const;
  std::string url_of(const std::string& name) const;

  const HubRequest& request_;
  const HubPlace& place_;
  const FetchOptions& options_;
  HubCache cache_;
  Requests requests_;
  std::string commit_;
  int64_t arrived_ = 0, total_ = 0;
  Fetched fetched_;
};

HubFetch::HubFetch(const HubRequest& request, const HubPlace& place, const FetchOptions& options)
    : request_(request),
      place_(place),
      options_(options),
      cache_(place.cache, request.id),
      requests_({parse_url(place.endpoint, "HF_ENDPOINT").origin,
                 place.token.empty() ? "" : "Bearer " + place.token,
                 [&](const Answer& answer) { return cure_of(answer, request, place); }},
                options.context,
                options.patience) {}

std::string HubFetch::url_of(const std::string& name) const {
  return place_.endpoint + "/" + request_.id + "/resolve/" + commit_ + "/" +
         url_encoded(name, /*keep_slash=*/true);
}

// Names of all files, and the commit that they are of.
std::vector<std::string> HubFetch::list() {
  const std::string url = place_.endpoint + "/api/models/" + request_.id + "/revision/" +
                          url_encoded(request_.revision, /*keep_slash=*/false);
  const nlohmann::json model = parse_json(requests_.text(url), url, ExitCode::RunFailed);
  const auto bad = [&](const std::string& what) {
    run_failed(url, what + "; expected what the hub's API answers; is HF_ENDPOINT right?");
  };
  if (!model.is_object() || !model.contains("sha") || !model["sha"].is_string() ||
      !is_hex(model["sha"].get<std::string>(), 40))
    bad("names no commit");
  commit_ = model["sha"].get<std::string>();
  if (!model.contains("siblings") || !model["siblings"].is_array()) bad("lists no files");
  std::vector<std::string> names;
  for (const auto& file : model["siblings"]) {
    if (!file.is_object() || !file.contains("rfilename") || !file["rfilename"].is_string())
      bad("lists a file without a name");
    names.push_back(file["rfilename"].get<std::string>());
    check_relative(url, names.back());
  }
  return names;
}

// Size and etag of a file, told by the hub itself rather than by where it keeps the bytes.
RemoteFile HubFetch::look(const std::string& name) {
  const Answer answer = requests_.head(url_of(name));
  RemoteFile file{name, answer.field("x-linked-etag"), {}};
  if (file.etag.empty()) file.etag = answer.field("etag");
  if (file.etag.starts_with("W/")) file.etag.erase(0, 2);
  std::erase(file.etag, '"');
  file.expected.bytes = answer.number("x-linked-size");
  if (file.expected.bytes < 0) file.expected.bytes = answer.number("content-length");
  file.expected.checksum = Checksum::of_etag(file.etag);
  const bool usable = !file.etag.empty() && file.etag[0] != '.' &&
                      std::all_of(file.etag.begin(), file.etag.end(), [](unsigned char c) {
                        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                      });
  if (!usable || file.expected.bytes < 0)
    run_failed(url_of(name),
               "tells no etag and size; expected both of a file on the hub; is HF_ENDPOINT right?");
  const std::string commit = answer.field("x-repo-commit");
  if (!commit.empty() && commit != commit_)
    run_failed(url_of(name), "is of commit " + commit + "; expected " + commit_);
  return file;
}

std::vector<RemoteFile> HubFetch::look_at(const std::vector<std::string>& names) {
  std::vector<RemoteFile> files;
  for (const auto& name : names) {
    if (options_.progress) options_.progress(name, 0, 0);
    files.push_back(look(name));
  }
  return files;
}

bool HubFetch::has(const RemoteFile& file) const {
  std::error_code absent;
  const auto size = fs::file_size(cache_.blob(file.etag), absent);
  return !absent && static_cast<int64_t>(size) == file.expected.bytes;
}

void HubFetch::bring_one(const RemoteFile& file) {
  const bool came = !has(file);
  if (came) {
    const Download what = {url_of(file.name),
                           request_.id + "/" + file.name,
                           file.expected,
                           cache_.incomplete(file.etag),
                           cache_.blob(file.etag)};
    download(requests_, what, [&](int64_t bytes) {
      if (options_.progress) options_.progress(file.name, arrived_ + bytes, total_);
    });
  }
  arrived_ += file.expected.bytes;
  if (options_.progress) options_.progress(file.name, arrived_, total_);
  cache_.link(commit_, file.name, file.etag);
  fetched_.files.push_back({file.name,
                            cache_.snapshot(commit_) / file.name,
                            file.expected.bytes,
                            came,
                            file.expected.checksum.name()});
}

void HubFetch::bring(const std::vector<RemoteFile>& files) {
  int64_t missing = 0;
  for (const auto& file : files) {
    total_ += file.expected.bytes;
    if (!has(file)) missing += file.expected.bytes;
  }
  check_room(place_.cache, missing);
  for (const auto& file : files) bring_one(file);
}

// What the index lists, which came before.
std::vector<std::string> HubFetch::shards(const std::vector<std::string>& names) const {
  const auto shards = index_shards(cache_.snapshot(commit_) / kWeightsIndex);
  for (const auto& name : shards)
    if (std::find(names.begin(), names.end(), name) == names.end())
      cannot_load(
          request_.id,
          std::string(kWeightsIndex) + " lists '" + name + "'; expected a file of the repository");
  return {shards.begin(), shards.end()};
}

Fetched HubFetch::run() {
  fetched_.asked = true;
  const auto names = list();
  ChosenFiles chosen;
  if (request_.file.empty())
    chosen = choose_files(request_.id, names);
  else
    chosen.weights = choose_gguf(request_.id, names, request_.file);
  bring(look_at(chosen.small));
  if (chosen.weights.empty()) chosen.weights = shards(names);
  bring(look_at(chosen.weights));
  cache_.write_ref(request_.revision, commit_);  // last: it stands for a snapshot that is complete
  fetched_.commit = commit_;
  return fetched_;
}

// Describes what `fetched.files` are.
Fetched described(Fetched fetched, const HubRequest& request, const HubPlace& place) {
  const HubCache cache(place.cache, request.id);
  fetched.source = place.endpoint + "/" + request.id;
  fetched.revision = request.revision;
  fetched.folder = fetched.model = cache.snapshot(fetched.commit);
  for (const auto& file : fetched.files)
    if (file.name.ends_with(".gguf")) {
      fetched.model = file.path;  // of a split one the first part
      break;
    }
  return fetched;
}

}  // namespace

Fetched fetch_from_hub(const HubRequest& request,
                       const HubPlace& place,
                       const FetchOptions& options) {
  check_request(request);
  const HubCache cache(place.cache, request.id);
  if (const auto commit = cache.commit_of(request.revision); commit && !request.update) {
    Fetched fetched;
    fetched.commit = *commit;
    fetched.files = cache.complete(*commit, request.file);
    if (!fetched.files.empty()) return described(std::move(fetched), request, place);
  }
  if (place.offline)
    cannot_load(request.id,
                "is not in " + place.cache.string() +
                    ", or not all of it, and HF_HUB_OFFLINE is set; expected a network; unset it");
  return described(HubFetch(request, place, options).run(), request, place);
}

}  // namespace kvhost
