// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/interrupt.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/job.hpp"
#include "cli/run_flags.hpp"
#include "serve/access.hpp"
#include "serve/http_server.hpp"

namespace kvhost {

namespace {

struct ServeFlags {
  explicit ServeFlags(CLI::App& app) : shared(app) {}
  RunFlags shared;
  ServeOptions own;
  std::vector<std::string> models, names;  // as --model and --name say
  int64_t grace_s = 30;
};

// Set once what runs is to end at its next safe point.
std::atomic<bool> cut_off{false};

// "2000000", "500MB", "2GB": powers of 1000, as sizes are printed.
int64_t bytes_from_text(const std::string& flag, const std::string& text) {
  const size_t digits = text.find_first_not_of("0123456789.");
  const std::string unit = digits == std::string::npos ? "" : text.substr(digits);
  const double factor = unit.empty() || unit == "B" ? 1
                        : unit == "kB"              ? 1e3
                        : unit == "MB"              ? 1e6
                        : unit == "GB"              ? 1e9
                        : unit == "TB"              ? 1e12
                                                    : 0;
  if (factor == 0)
    bad_request(flag, "found " + quoted(text) + "; expected bytes, as 2000000, 500MB or 2GB");
  return static_cast<int64_t>(
      number_from_text(flag, text.substr(0, digits), Limits{0, 9e15, true}) * factor);
}

// A quarter of what the machine has.
int64_t usual_cache_bytes() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? pages / 4 * page : 1'000'000'000;
}

void check_options(ServeOptions& options) {
  if (const char* key = std::getenv("KVHOST_API_KEY"); key && *key) options.api_keys.push_back(key);
  if (options.api_keys.empty() && !is_loopback(options.host))
    bad_request("--host",
                "found " + quoted(std::as_const(options.host)) +
                    " without a key: whoever reaches it could use it; expected --api-key KEY or "
                    "KVHOST_API_KEY beside it, or 127.0.0.1");
  if (!options.documents.empty() && !std::filesystem::is_directory(options.documents))
    bad_request("--documents",
                "found " + quoted(options.documents.string()) + "; expected a folder");
  if (options.limits.cache_bytes == 0) options.limits.cache_bytes = usual_cache_bytes();
}

// What can be wrong with a model is told before any weights are read.
NamedModel open_one(const Engine& engine, RunOptions run, const std::string& name, int64_t context) {
  const bool path = run.model.find('/') != std::string::npos;
  NamedModel one{open_model(engine, run), name.empty() && !path ? run.model : name};
  const int64_t most = one.model.max_positions();
  if (most > 0 && context > most)
    bad_request("--ctx",
                "found " + std::to_string(context) + "; expected at most " + std::to_string(most) +
                    ", what the model " + kvhost::quoted(run.model) + " was made for");
  const Policy usual = engine.policy(one.model, run.press);
  for (const auto& warning : usual.warnings()) std::cout << "note: " << warning << '\n';
  return one;
}

std::vector<NamedModel> open_models(const Engine& engine, const ServeFlags& flags, RunOptions run) {
  const std::vector<std::string> models =
      flags.models.empty() ? std::vector<std::string>{run.model} : flags.models;
  if (!flags.names.empty() && flags.names.size() != models.size())
    bad_request("--name",
                "found " + std::to_string(flags.names.size()) + " for " +
                    std::to_string(models.size()) + " models; expected one for each, or none");
  std::vector<NamedModel> out;
  for (size_t i = 0; i < models.size(); ++i) {
    run.model = models[i];
    out.push_back(
        open_one(engine, run, flags.names.empty() ? "" : flags.names[i], flags.own.context));
  }
  return out;
}

// The first lines, when it listens.
void say_what_is_served(Service& service, int port) {
  const ServeOptions& options = service.options();
  std::vector<std::string> names;
  double load_ms = 0;
  for (const auto& one : service.models()) {
    names.push_back(one->name());
    load_ms += one->model().load();
  }
  const Policy usual = service.models().front()->policy(options.press).policy;
  std::cout << "kvhost serve: " << join(names, ", ") << "; " << usual.press() << "; cache "
            << format_bytes(options.limits.cache_bytes) << "; weights read in "
            << static_cast<int64_t>(load_ms) << " ms\n"
            << "listening on http://" << options.host << ':' << port << std::endl;
}

// A server outlives whoever reads what it prints.
void say(const std::string& text) {
  try {
    std::cout << text << std::endl;
  } catch (...) {
  }
}

// Answers until a signal comes; then lets what runs end.
void run_until_told(HttpServer& server, int64_t grace_s) {
  std::thread listener([&] { server.listen(); });
  while (!interrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  rearm_interrupt();  // a second one ends what runs at once
  say("stopping: what runs may end, " + std::to_string(grace_s) + " s at most");
  std::atomic<bool> ended{false};
  std::thread hurry([&] {
    while (!ended && !interrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (!ended) server.hurry();
  });
  server.stop(std::chrono::seconds(grace_s), [] { cut_off = true; });
  ended = true;
  hurry.join();
  listener.join();
  say("stopped");
}

int serve_with(ServeFlags& flags) {
  const RunOptions run = flags.shared.options();
  ServeOptions& options = flags.own;
  options.press = run.press;
  Context context = program_context(run);
  context.cancelled = [] { return cut_off.load(); };
  const Engine engine = make_engine(run, context);
  check_options(options);
  Service service(engine, open_models(engine, flags, run), options);
  for (const auto& one : service.models()) one->model().load();
  HttpServer server(service);
  const int port = server.bind();
  say_what_is_served(service, port);
  run_until_told(server, flags.grace_s);
  return 0;
}

void add_network(CLI::App& app, ServeFlags* flags) {
  ServeOptions* own = &flags->own;
  app.option_defaults()->group("Network");
  add_text(app, {"--host", "NAME", "Where to listen. Default: 127.0.0.1; others need a key."},
           [own](const std::string& v) { own->host = v; });
  add_integer(app, {"--port", "N", "Default: 8080; 0 = any that is free."}, Limits{0, 65535},
              [own](int64_t v) { own->port = static_cast<int>(v); });
  add_texts(app,
            {"--api-key", "KEY", "Who may ask; may be repeated. KVHOST_API_KEY is another."},
            [own](const std::string& v) { own->api_keys.push_back(v); });
  add_texts(app,
            {"--name", "NAME", "What clients call the model; of several, one each. Default: as --model says."},
            [flags](const std::string& v) { flags->names.push_back(v); });
  add_integer(app, {"--connections", "N", "At once. Default: 128."}, Limits{1, 4096},
              [own](int64_t v) { own->connections = v; });
  add_text(app, {"--max-body", "BYTES", "Of a request. Default: 64MB."},
           [own](const std::string& v) { own->body_bytes = bytes_from_text("--max-body", v); });
  add_integer(app, {"--request-time", "S", "Seconds to send a request in. Default: 60."},
              Limits{1, 86400},
              [own](int64_t v) { own->request_time = std::chrono::seconds(v); });
  add_integer(app, {"--grace", "S", "Seconds that answers may take to end. Default: 30."},
              Limits{0, 86400}, [flags](int64_t v) { flags->grace_s = v; });
}

void add_work(CLI::App& app, ServeOptions* own) {
  app.option_defaults()->group("Work");
  add_text(app,
           {"--max-cache", "BYTES", "Of all caches together. Default: a quarter of the memory."},
           [own](const std::string& v) {
             own->limits.cache_bytes = bytes_from_text("--max-cache", v);
           });
  add_integer(app, {"--ctx", "N", "Tokens of prompt and answer. Default: the model's."}, kPositive,
              [own](int64_t v) { own->context = v; });
  add_integer(app, {"--max-tokens", "N", "Most tokens of an answer. Default: 4096."}, kPositive,
              [own](int64_t v) { own->most_new_tokens = v; });
  add_integer(app, {"--parallel", "N", "Answers at once; others wait. Default: 64."},
              Limits{1, 4096}, [own](int64_t v) { own->limits.answers = v; });
  add_integer(app, {"--queue", "N", "Prompts that may wait. Default: 1024."}, kPositive,
              [own](int64_t v) { own->limits.queued = v; });
  add_integer(app,
              {"--score-tail",
               "N",
               "Of a scored prompt under compression, the last tokens, which see what was kept. "
               "Default: 64."},
              kPositive, [own](int64_t v) { own->score_tail = v; });
  add_text(app, {"--documents", "DIR", "Where documents are saved and loaded. Default: nowhere."},
           [own](const std::string& v) { own->documents = v; });
}

}  // namespace

Command serve_command() {
  return {"serve",
          "an HTTP server that OpenAI's clients know; every request may name its press",
          "",
          "Serves a model or several: /v1/completions, /v1/chat/completions, /v1/documents and more "
          "(docs/serve.md). A request may name\n"
          "model, press and budget; the first model and what is given here are for requests that "
          "name none. Ctrl-C lets what runs end.",
          "kvhost serve --press {press} --keep-ratio 0.25\n"
          "kvhost serve --model demo --model smollm2 --port 8000 --max-cache 2GB\n"
          "curl http://127.0.0.1:8080/v1/completions -d '{\"prompt\": \"Once\", \"max_tokens\": 8}'",
          [](CLI::App& app) {
            auto flags = std::make_shared<ServeFlags>(app);
            flags->shared.add_models(&flags->models);
            add_network(app, flags.get());
            add_work(app, &flags->own);
            flags->shared.add_press();
            flags->shared.add_plugins();
            return [flags] { return serve_with(*flags); };
          }};
}

}  // namespace kvhost
