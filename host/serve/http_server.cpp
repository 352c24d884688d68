// SPDX-License-Identifier: Apache-2.0
#include "serve/http_server.hpp"

#include <httplib.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

#include "base/error.hpp"
#include "base/json_file.hpp"
#include "base/text.hpp"
#include "base/version.hpp"
#include "engine/plugin_set.hpp"
#include "measure/stopwatch.hpp"
#include "registry/print.hpp"
#include "serve/access.hpp"
#include "serve/documents.hpp"
#include "serve/exchange.hpp"
#include "serve/messages.hpp"
#include "serve/page.hpp"
#include "serve/requests.hpp"

namespace kvhost {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr const char* kJson = "application/json";
constexpr int kWriteTimeout = 10, kReadTimeout = 10;  // seconds of silence

// In the form of whoever asks.
void answer_with(const httplib::Request& request,
                 httplib::Response& response,
                 const Refusal& refusal) {
  response.status = refusal.status;
  if (refusal.retry_after_s > 0)
    response.set_header("Retry-After", std::to_string(refusal.retry_after_s));
  const bool anthropic = request.path.starts_with("/v1/messages");
  response.set_content(anthropic ? message_error(refusal) : error_json(refusal), kJson);
}

Json model_json(const ServedModel& served, int64_t started) {
  return {{"id", served.name()},
          {"object", "model"},
          {"created", started},
          {"owned_by", "kvhost"},
          {"kvhost",
           {{"family", served.model().facts().family},
            {"dtype", dtype_name(served.model().dtype())},
            {"context", served.context()},
            {"vocab_size", served.model().vocab_size()},
            {"chat_template", served.chat_template().has_value()}}}};
}

Json body_of(const httplib::Request& request) {
  if (request.body.empty()) refuse_field("body", "is empty; expected JSON");
  return parse_json(request.body, "body", ExitCode::BadRequest);
}

}  // namespace

struct HttpServer::State {
  explicit State(Service& of)
      : service(of),
        connections(of.options().request_time, static_cast<size_t>(of.options().connections)),
        exchange(of.scheduler(), connections) {}

  using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;

  // What a handler throws becomes an answer; every answer is counted.
  Handler guarded(const std::string& route, Handler handler) {
    return [this, route, handler](const httplib::Request& request, httplib::Response& response) {
      const Attended attended(connections, peer_of(request));
      try {
        check_access(request);
        handler(request, response);
        if (response.status == -1) response.status = 200;
      } catch (...) {
        answer_with(request, response, refusal_of(std::current_exception()));
      }
      service.metrics().request(route, response.status);
    };
  }
  void get(const std::string& route, const std::string& pattern, Handler handler) {
    http.Get(pattern, guarded(route, std::move(handler)));
    methods.emplace_back("GET, HEAD", std::regex(pattern));
  }
  void post(const std::string& route, const std::string& pattern, Handler handler) {
    http.Post(pattern, guarded(route, std::move(handler)));
    methods.emplace_back("POST", std::regex(pattern));
  }
  void remove(const std::string& route, const std::string& pattern, Handler handler) {
    http.Delete(pattern, guarded(route, std::move(handler)));
    methods.emplace_back("DELETE", std::regex(pattern));
  }
  // That a path can be asked with; "" where it is none.
  std::string methods_of(const std::string& path) const {
    std::vector<std::string> its;
    for (const auto& [method, pattern] : methods)
      if (std::regex_match(path, pattern)) its.push_back(method);
    return join(its, ", ");
  }
  void answer_wrong_request(const httplib::Request& request, httplib::Response& response);
  // A POST that the engine works for.
  void post_call(const std::string& route, Call (*read)(const Json&, ServedModel&)) {
    post(route, route, [this, read](const httplib::Request& request, httplib::Response& response) {
      const Json body = body_of(request);
      Call call = read(body, service.choose(body));
      for (auto& task : call.tasks) task.client = client_of(request);
      exchange.carry_out(std::move(call), request, response);
    });
  }

  void set_limits();
  void set_request_routes();
  void set_page_routes();
  void set_model_routes();
  void set_text_routes();
  void set_document_routes();
  void check_access(const httplib::Request& request) const;
  bool may_send(const httplib::Request& request) const;
  std::string client_of(const httplib::Request& request) const;

  Service& service;
  Connections connections;
  Exchange exchange;
  httplib::Server http;
  std::vector<std::pair<std::string, std::regex>> methods;
  std::atomic<bool> stopping{false}, hurried{false};
};

void HttpServer::State::set_limits() {
  const ServeOptions& options = service.options();
  const auto n = static_cast<size_t>(options.connections);
  http.new_task_queue = [n] { return new httplib::ThreadPool(n); };
  http.set_payload_max_length(static_cast<size_t>(options.body_bytes));
  http.set_read_timeout(kReadTimeout);
  http.set_write_timeout(kWriteTimeout);
  http.set_tcp_nodelay(true);
  http.set_pre_routing_handler([this](const auto& request, auto& response) {
    if (may_send(request)) return httplib::Server::HandlerResponse::Unhandled;
    response.set_header("Connection", "close");
    answer_with(request, response, {401, "body: is of no key; expected one that is known", "", 0});
    return httplib::Server::HandlerResponse::Handled;
  });
  http.set_error_handler([this](const httplib::Request& request, httplib::Response& response) {
    if (response.body.empty()) answer_wrong_request(request, response);
  });
  http.set_exception_handler([](const auto& request, httplib::Response& response, std::exception_ptr e) {
    answer_with(request, response, refusal_of(e));
  });
}

// What no handler was asked.
void HttpServer::State::answer_wrong_request(const httplib::Request& request,
                                             httplib::Response& response) {
  std::string message = "request: cannot be read; expected HTTP/1.1";
  if (response.status == 413)
    message = "body: is too large; expected at most " + format_bytes(service.options().body_bytes);
  if (response.status == 404) {
    const std::string asked = printable(request.method) + " " + printable(request.path);
    const std::string allowed = methods_of(request.path);
    message = asked + ": is no such thing here; GET /openapi.json lists what there is";
    if (!allowed.empty()) {
      response.status = 405;
      response.set_header("Allow", allowed);
      message = asked + ": cannot be had by this method; expected " + allowed;
    }
  }
  answer_with(request, response, {response.status, message, "", 0});
  service.metrics().request("other", response.status);
}

std::string HttpServer::State::client_of(const httplib::Request& request) const {
  if (service.options().api_keys.empty()) return request.remote_addr;
  const std::string key = request.get_header_value("Authorization");
  return key.empty() ? request.get_header_value("x-api-key") : key;
}

void HttpServer::State::check_access(const httplib::Request& request) const {
  const auto& keys = service.options().api_keys;
  if (keys.empty()) {
    if (!comes_from_here(request.get_header_value("Host"), request.get_header_value("Origin")))
      refuse(403,
             "Host, Origin: are of another machine or page; expected this one, or a server with "
             "--api-key");
    return;
  }
  // The page holds nothing but what it asks for with a key.
  const bool open = request.path == "/health" || request.path == "/" ||
                    request.path == "/page.css" || request.path == "/page.js";
  if (!open && !key_fits(request.get_header_value("Authorization"), keys) &&
      !key_fits(request.get_header_value("x-api-key"), keys))
    refuse(401, "Authorization: holds no key of this server; expected \"Bearer KEY\"");
}

// A stranger's body is read only when it is small; a connection that is left with an unread one
// cannot go on.
bool HttpServer::State::may_send(const httplib::Request& request) const {
  constexpr int64_t kSmall = 64'000;
  const std::string length = request.get_header_value("Content-Length");
  const bool small = request.method == "GET" ||
                     (!length.empty() && length.size() < 9 && std::atoll(length.c_str()) < kSmall);
  if (small) return true;
  try {
    check_access(request);
    return true;
  } catch (const Refused&) {
    return false;
  }
}

void HttpServer::State::set_request_routes() {
  post_call("/v1/completions", completion_call);
  post_call("/v1/chat/completions", chat_call);
  post_call("/v1/messages", message_call);
  post_call("/v1/responses", response_call);
  post_call("/v1/compare", compare_call);
  post("/v1/messages/count_tokens", "/v1/messages/count_tokens",
       [this](const auto& request, auto& response) {
         const Json body = body_of(request);
         const int64_t n = count_message_tokens(body, service.choose(body));
         response.set_content(json_text({{"input_tokens", n}}), kJson);
       });
}

void HttpServer::State::set_page_routes() {
  const auto file = [this](const char* path, const char* type, std::string_view bytes) {
    get(path, path, [type, bytes](const auto&, auto& response) {
      response.set_header("Content-Security-Policy",
                          "default-src 'self'; img-src data:; frame-ancestors 'none'");
      response.set_header("X-Content-Type-Options", "nosniff");
      response.set_content(bytes.data(), bytes.size(), type);
    });
  };
  file("/", "text/html; charset=utf-8", kServePageHtml);
  file("/page.css", "text/css; charset=utf-8", kServePageCss);
  file("/page.js", "text/javascript; charset=utf-8", kServePageJs);
  file("/openapi.json", kJson, kServeOpenapi);
  get("/health", "/health", [this](const auto&, auto& response) {
    if (stopping) response.status = 503;
    response.set_content(
        json_text({{"status", stopping ? "stopping" : "ok"}, {"kvhost", version()}}), kJson);
  });
  get("/metrics", "/metrics", [this](const auto&, auto& response) {
    response.set_content(service.metrics().text(), "text/plain; version=0.0.4");
  });
}

void HttpServer::State::set_model_routes() {
  get("/v1/models", "/v1/models", [this](const auto&, auto& response) {
    Json list = Json::array();
    for (const auto& one : service.models()) list.push_back(model_json(*one, service.started()));
    response.set_content(json_text({{"object", "list"}, {"data", list}}), kJson);
  });
  get("/v1/models/{id}", "/v1/models/(.+)", [this](const auto& request, auto& response) {
    const ServedModel& one = service.model(request.matches[1]);
    response.set_content(json_text(model_json(one, service.started())), kJson);
  });
  get("/v1/presses", "/v1/presses", [this](const auto&, auto& response) {
    Json list = registry::list_json(service.engine().plugins().catalog);
    for (auto& method : list) method.erase("library");  // a path of the server's
    response.set_content(json_text({{"object", "list"}, {"data", list}}), kJson);
  });
}

void HttpServer::State::set_text_routes() {
  post("/tokenize", "/tokenize", [this](const auto& request, auto& response) {
    const Json body = body_of(request);
    ServedModel& served = service.choose(body);
    Fields fields(body, "");
    fields.ignore({"model"});
    const auto text = fields.text("content");
    if (!text) refuse_field("content", "not given; expected a text");
    const bool special = fields.flag("add_special").value_or(true);
    fields.end();
    const auto tokens = served.model().encode(*text, special);
    Json pieces = Json::array();
    for (const int32_t token : tokens) pieces.push_back(served.token_text(token));
    response.set_content(json_text({{"tokens", tokens}, {"pieces", pieces}}), kJson);
  });
  post("/detokenize", "/detokenize", [this](const auto& request, auto& response) {
    const Json body = body_of(request);
    ServedModel& served = service.choose(body);
    Fields fields(body, "");
    fields.ignore({"model"});
    const Json* list = fields.any("tokens");
    if (!list || !list->is_array())
      refuse_field("tokens", "not given; expected a list of token ids");
    const auto tokens = token_ids(*list, "tokens", served);
    fields.end();
    response.set_content(json_text({{"content", served.model().decode(tokens)}}), kJson);
  });
}

void HttpServer::State::set_document_routes() {
  const auto reply = [](httplib::Response& response, const Json& json) {
    response.set_content(json_text(json), kJson);
  };
  post_call("/v1/documents", document_call);
  get("/v1/documents", "/v1/documents", [this, reply](const auto&, auto& response) {
    reply(response, list_documents(service));
  });
  post("/v1/documents/load", "/v1/documents/load", [this, reply](const auto& request, auto& response) {
    const Json body = body_of(request);
    reply(response, load_document(body, service.choose(body)));
  });
  const std::string route = "/v1/documents/{id}", pattern = R"(/v1/documents/([A-Za-z0-9-]+))";
  get(route, pattern, [this, reply](const auto& request, auto& response) {
    const bool positions = request.get_param_value("kept") == "positions";
    reply(response, show_document(request.matches[1], positions, service));
  });
  remove(route, pattern, [this, reply](const auto& request, auto& response) {
    reply(response, delete_document(request.matches[1], service));
  });
  post(route + "/save", pattern + "/save", [this, reply](const auto& request, auto& response) {
    reply(response, save_document(request.matches[1], body_of(request), service));
  });
}

HttpServer::HttpServer(Service& service) : state_(std::make_unique<State>(service)) {
  state_->set_limits();
  state_->set_request_routes();
  state_->set_page_routes();
  state_->set_model_routes();
  state_->set_text_routes();
  state_->set_document_routes();
}

HttpServer::~HttpServer() = default;

int HttpServer::bind() {
  const ServeOptions& options = state_->service.options();
  const bool any = options.port == 0;
  const int port = any                                               ? state_->http.bind_to_any_port(options.host)
                   : state_->http.bind_to_port(options.host, options.port) ? options.port
                                                                     : -1;
  if (port < 0)
    run_failed("--port " + std::to_string(options.port),
               "cannot be had on " + options.host +
                   "; expected one that is free and allowed; --port 0 takes any");
  state_->connections.watch(port);
  return port;
}

void HttpServer::listen() { state_->http.listen_after_bind(); }

void HttpServer::hurry() { state_->hurried = true; }

void HttpServer::stop(milliseconds grace, const std::function<void()>& cutting) {
  State& s = *state_;
  constexpr milliseconds kStep(20), kLastWords(2000);
  s.stopping = true;
  Scheduler& scheduler = s.service.scheduler();
  scheduler.close();
  const auto wait = [&](milliseconds most, const auto& done) {
    const auto start = std::chrono::steady_clock::now();
    while (!done() && ms_since(start) < static_cast<double>(most.count()))
      std::this_thread::sleep_for(kStep);
  };
  wait(grace, [&] { return scheduler.idle() || s.hurried; });
  if (!scheduler.idle()) {
    if (cutting) cutting();
    scheduler.cut_off();
  }
  wait(kLastWords, [&] { return scheduler.idle() && s.exchange.n_streams() == 0; });
  s.http.stop();
}

}  // namespace kvhost
