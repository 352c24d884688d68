// SPDX-License-Identifier: Apache-2.0
#include "fetch/requests.hpp"

#include <algorithm>
#include <thread>

#include "base/error.hpp"
#include "base/text.hpp"

namespace kvhost {

namespace {

constexpr int kMostRedirects = 10;
constexpr int64_t kSmallBody = 1 << 14;  // read to its end, so that the connection stays
constexpr int64_t kProgress = 1 << 20;   // so many new bytes and the tries are counted afresh

bool is_redirect(const Answer& answer) {
  return answer.status >= 300 && answer.status < 400 && !answer.field("location").empty();
}

// What the server has to say, short and printable.
std::string said(const Answer& answer) {
  constexpr size_t kLongest = 160;
  std::string text = answer.field("x-error-message").substr(0, kLongest);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  return text.empty() ? "" : " (" + text + ")";
}

class Text : public Receiver {
 public:
  explicit Text(std::string where) : where_(std::move(where)) {}
  void begin(const Answer& answer) override {
    text.clear();
    expected_ = answer.number("content-length");
  }
  void take(const char* bytes, size_t n) override {
    constexpr size_t kLongest = 64 << 20;
    if (text.size() + n > kLongest)
      run_failed(where_, "sends more than 64 MB; expected a list of files");
    text.append(bytes, n);
  }
  std::string missing() const override {
    const auto size = static_cast<int64_t>(text.size());
    return expected_ < 0 || size == expected_ ? "" : "the answer ended early";
  }
  std::string text;

 private:
  std::string where_;
  int64_t expected_ = -1;
};

// The next URL of a chain of redirects.
Url followed(const Url& url, const Answer& answer, int n_redirects) {
  if (n_redirects >= kMostRedirects)
    run_failed(url.shown(),
               "redirects " + std::to_string(kMostRedirects) +
                   " times; expected a file in the end; the server sends requests in a circle");
  const Url next = join_url(url, answer.field("location"), url.shown() + ", redirect");
  if (url.is_https() && !next.is_https())
    run_failed(url.shown(), "redirects to " + next.shown() + "; expected https to stay https");
  return next;
}

}  // namespace

struct Requests::Trouble {
  std::string what;                   // "": there was none
  std::string cure;                   // for when it does not end
  std::chrono::milliseconds wait{0};  // what the server asked for
  bool final = false;                 // trying again would not help
  ExitCode code = ExitCode::RunFailed;
};

Requests::Requests(Peer peer, const Context& context, Patience patience)
    : peer_(std::move(peer)), context_(context), patience_(patience), web_(context.cancelled) {}

Request Requests::request_for(const Url& url, bool trusted) const {
  Request request;
  request.url = url;
  if (trusted && !peer_.authorization.empty())
    request.fields["Authorization"] = peer_.authorization;
  return request;
}

Requests::Trouble Requests::judge(const Url& url, const Answer& answer) const {
  const int status = answer.status;
  Trouble trouble;
  trouble.what = answer.broken;
  if (status == 0 || (status >= 200 && status < 300)) return trouble;
  trouble.what = url.host() + " answers " + std::to_string(status) + said(answer);
  trouble.cure = peer_.cure ? peer_.cure(answer) : "";
  trouble.final = status != 408 && status != 429 && status < 500;
  if (trouble.final) trouble.code = ExitCode::CannotLoad;
  if (const int64_t seconds = answer.number("retry-after"); seconds >= 0)
    trouble.wait = std::chrono::seconds(std::min<int64_t>(seconds, 86400));
  if (trouble.wait > patience_.longest_wait) {
    trouble.what += " and asks to wait " + std::to_string(trouble.wait.count() / 1000) + " s";
    trouble.final = true;
  }
  return trouble;
}

Requests::Trouble Requests::try_get(const Url& first,
                                    const std::map<std::string, std::string>& fields,
                                    Receiver& receiver) {
  bool trusted = true;
  Url url = first;
  for (int n_redirects = 0;; ++n_redirects) {
    // once another server had a say, the way back does not carry the secret either
    trusted = trusted && url.origin == peer_.origin;
    Request request = request_for(url, trusted);
    for (const auto& [name, value] : fields) request.fields[name] = value;
    const int64_t from = receiver.from();
    if (from > 0) request.fields["Range"] = "bytes=" + std::to_string(from) + "-";
    bool good = false;
    const Answer answer = web_.send(
        request,
        [&](const Answer& header) {
          good = header.status == 200 || header.status == 206;
          if (good) receiver.begin(header);
          const int64_t body = header.number("content-length");
          return good || (body >= 0 && body <= kSmallBody);
        },
        [&](const char* bytes, size_t n) {
          if (good) receiver.take(bytes, n);
        });
    context_.check();
    if (is_redirect(answer)) {
      url = followed(url, answer, n_redirects);
      continue;
    }
    Trouble trouble = judge(url, answer);
    if (answer.status == 416 && from > 0) {  // the file there is shorter than what came of it
      receiver.restart();
      trouble.final = false;
    }
    if (trouble.what.empty() && !good) trouble.what = url.host() + " answers without a body";
    if (trouble.what.empty()) trouble.what = receiver.missing();
    return trouble;
  }
}

Requests::Trouble Requests::try_head(const Url& first, Answer& all) {
  Url url = first;
  all = {};
  for (int n_redirects = 0;; ++n_redirects) {
    Request request = request_for(url, url.origin == peer_.origin);
    request.head = true;
    Answer answer =
        web_.send(request, [](const Answer&) { return true; }, [](const char*, size_t) {});
    context_.check();
    if (answer.status != 0) {
      answer.fields.insert(all.fields.begin(), all.fields.end());
      all = answer;
    }
    if (!is_redirect(answer)) return judge(url, answer);
    const Url next = followed(url, answer, n_redirects);
    if (next.origin != first.origin) return {};
    all.fields.erase("content-length");  // of the redirect, not of the file
    all.fields.erase("etag");
    url = next;
  }
}

void Requests::wait(std::chrono::milliseconds time) const {
  constexpr std::chrono::milliseconds kLook(50);
  for (const auto end = std::chrono::steady_clock::now() + time;
       std::chrono::steady_clock::now() < end;) {
    context_.check();
    std::this_thread::sleep_for(std::min(kLook, time));
  }
}

void Requests::persist(const Url& url,
                       const std::function<Trouble()>& attempt,
                       const std::function<int64_t()>& arrived) {
  int64_t before = arrived();
  for (int tried = 0;;) {
    const Trouble trouble = attempt();
    if (trouble.what.empty()) return;
    if (arrived() >= before + kProgress) tried = 0;
    before = arrived();
    ++tried;
    if (trouble.final || tried >= patience_.tries)
      throw Error(trouble.code,
                  url.shown(),
                  trouble.what +
                      (tried > 1 ? ", " + std::to_string(tried) + " times in a row" : "") +
                      (trouble.cure.empty() ? "" : "; " + trouble.cure));
    wait(std::max(trouble.wait, patience_.first_wait * (1 << (tried - 1))));
  }
}

void Requests::get(const std::string& text,
                   const std::map<std::string, std::string>& fields,
                   Receiver& receiver) {
  const Url url = parse_url(text, "URL");
  persist(url, [&] { return try_get(url, fields, receiver); }, [&] { return receiver.from(); });
}

std::string Requests::text(const std::string& url,
                           const std::map<std::string, std::string>& fields) {
  Text receiver(parse_url(url, "URL").shown());
  get(url, fields, receiver);
  return std::move(receiver.text);
}

Answer Requests::head(const std::string& text) {
  const Url url = parse_url(text, "URL");
  Answer answer;
  persist(url, [&] { return try_head(url, answer); }, [] { return int64_t{0}; });
  return answer;
}

}  // namespace kvhost
