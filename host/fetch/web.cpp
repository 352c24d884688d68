// SPDX-License-Identifier: Apache-2.0
// The one file that knows cpp-httplib.
#include "fetch/web.hpp"

#include <httplib.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <mutex>
#include <thread>

#include "base/ascii.hpp"
#include "base/version.hpp"
#include "fetch/proxy.hpp"

namespace kvhost {

namespace {

constexpr std::chrono::seconds kConnect(15), kSilence(30);
constexpr std::chrono::milliseconds kLook(50);

void use_proxy(httplib::Client& client, const Url& url) {
  const auto proxy = proxy_for(url);
  if (!proxy) return;
  const std::string host = proxy->host();
  const size_t colon = host.rfind(':');
  const bool named = colon != std::string::npos && host.find(']', colon) == std::string::npos;
  client.set_proxy(host.substr(0, named ? colon : host.size()),
                   named ? std::atoi(host.c_str() + colon + 1) : 80);
  if (const size_t split = proxy->user.find(':'); split != std::string::npos)
    client.set_proxy_basic_auth(proxy->user.substr(0, split), proxy->user.substr(split + 1));
}

// A bundled OpenSSL looks where its own distribution keeps the trusted certificates; others keep
// them elsewhere.
void trust_what_the_system_trusts(httplib::Client& client) {
  const std::string debian = std::string(X509_get_default_cert_dir()) + "/ca-certificates.crt";
  if (std::getenv(X509_get_default_cert_file_env()) != nullptr ||
      std::getenv(X509_get_default_cert_dir_env()) != nullptr ||
      access(X509_get_default_cert_file(), R_OK) == 0 || access(debian.c_str(), R_OK) == 0)
    return;
  for (const char* file : {"/etc/ssl/certs/ca-certificates.crt",
                           "/etc/pki/tls/certs/ca-bundle.crt",
                           "/etc/ssl/ca-bundle.pem",
                           "/etc/ssl/cert.pem"})
    if (access(file, R_OK) == 0) return client.set_ca_cert_path(file);
}

std::string why_broken(httplib::Error error, const Url& url) {
  const std::string host = url.host();
  switch (error) {
    case httplib::Error::Connection:
      return "no connection to " + host + " (is there a network, and is the name right?)";
    case httplib::Error::ConnectionTimeout:
      return "no connection to " + host + " within " + std::to_string(kConnect.count()) + " s";
    case httplib::Error::SSLConnection:
      return "no TLS connection to " + host;
    case httplib::Error::SSLServerVerification:
      return "the certificate of " + host + " is not trusted (SSL_CERT_FILE names others to trust)";
    case httplib::Error::SSLLoadingCerts:
      return "the trusted certificates cannot be read (see SSL_CERT_FILE)";
    default:
      return "the connection to " + host + " broke off";
  }
}

// Ends what a client waits for once `cancelled` says so.
class Watch {
 public:
  Watch(const std::function<bool()>& cancelled, httplib::Client& client) {
    if (!cancelled) return;
    thread_ = std::thread([this, &cancelled, &client] {
      std::unique_lock lock(mutex_);
      while (!done_.wait_for(lock, kLook, [this] { return over_; }))
        if (cancelled()) client.stop();
    });
  }
  ~Watch() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    done_.notify_one();
    if (thread_.joinable()) thread_.join();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool over_ = false;
  std::thread thread_;
};

// A server that goes away while something is sent to it, TLS's goodbye included, would end the
// process: the signal is held back on this thread, and dropped.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigset_t pending;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec at_once = {};
    while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &at_once) == -1 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t pipe_, before_;
  bool was_pending_ = false;
};

void read_header(const httplib::Response& response, Answer& answer) {
  answer.status = response.status;
  for (const auto& [name, value] : response.headers) answer.fields.emplace(lower_case(name), value);
}

}  // namespace

struct Web::Connections {
  httplib::Client& to(const Url& url) {
    auto& client = clients[url.origin];
    if (client == nullptr) {
      client = std::make_unique<httplib::Client>(url.origin);
      client->set_connection_timeout(kConnect);
      client->set_read_timeout(kSilence);
      client->set_keep_alive(true);
      client->set_url_encode(false);  // targets come encoded
      client->set_decompress(false);
      use_proxy(*client, url);
      trust_what_the_system_trusts(*client);
    }
    return *client;
  }

  std::function<bool()> cancelled;
  std::map<std::string, std::unique_ptr<httplib::Client>> clients;
};

Web::Web(std::function<bool()> cancelled)
    : connections_(new Connections{std::move(cancelled), {}}) {}

Web::~Web() = default;

Answer Web::send(const Request& request,
                 const std::function<bool(const Answer&)>& begin,
                 const std::function<void(const char*, size_t)>& take) {
  const WithoutSigpipe held;
  httplib::Headers fields = {{"User-Agent", std::string("kvhost/") + version()},
                             {"Accept-Encoding", "identity"}};
  for (const auto& [name, value] : request.fields) fields.emplace(name, value);
  httplib::Client& client = connections_->to(request.url);
  Answer answer;
  std::exception_ptr thrown;  // must not pass through the library, whose state would stay locked
  bool wanted = true;
  const auto guarded = [&](auto&& action) {
    try {
      return action();
    } catch (...) {
      thrown = std::current_exception();
      return false;
    }
  };
  const auto on_header = [&](const httplib::Response& response) {
    return guarded([&] {
      read_header(response, answer);
      return wanted = begin(answer);
    });
  };
  const auto on_bytes = [&](const char* bytes, size_t n) {
    return guarded([&] {
      take(bytes, n);
      return true;
    });
  };
  const Watch watch(connections_->cancelled, client);
  const httplib::Result result = request.head
                                     ? client.Head(request.url.target, fields)
                                     : client.Get(request.url.target, fields, on_header, on_bytes);
  if (thrown) std::rethrow_exception(thrown);
  if (result && request.head) {
    read_header(*result, answer);
    begin(answer);
  }
  if (!result && wanted) answer.broken = why_broken(result.error(), request.url);
  return answer;
}

std::string Answer::field(const std::string& name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

int64_t Answer::number(const std::string& name) const {
  const std::string text = field(name);
  constexpr size_t kMostDigits = 18;
  if (text.empty() || text.size() > kMostDigits ||
      text.find_first_not_of("0123456789") != std::string::npos)
    return -1;
  return std::stoll(text);
}

}  // namespace kvhost
