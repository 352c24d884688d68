// SPDX-License-Identifier: Apache-2.0
// What requests are answered with: one model, what is known of it, and the scheduler that works for
// all of them. Any thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "serve/scheduler.hpp"
#include "tokenizer/chat_template.hpp"

namespace kvhost {

struct ServeOptions {
  std::string host = "127.0.0.1";
  int port = 8080;                    // 0: any that is free
  std::string name;                   // of the model; "": as its folder or file is called
  std::vector<std::string> api_keys;  // none: everybody, and from this machine only
  PolicyOptions press;                // of requests that name none
  SchedulerLimits limits;
  int64_t most_new_tokens = 4096;  // of one answer
  int64_t score_tail = 64;         // tokens at the end of a scored prompt that see the kept ones
  int64_t body_bytes = 64'000'000;
  int64_t connections = 128;
  std::chrono::seconds request_time{60};  // that a client may take to send a request
  std::filesystem::path documents;        // folder for save and load; "": none
};

// Prompts of one key are read alike.
struct KeyedPolicy {
  Policy policy;
  std::string key;
};

class Service {
 public:
  Service(const Engine& engine, const Model& model, const ServeOptions& options);

  const Engine& engine() const { return engine_; }
  const Model& model() const { return model_; }
  const ServeOptions& options() const { return options_; }
  Scheduler& scheduler() { return scheduler_; }
  Metrics& metrics() { return metrics_; }

  const std::string& model_name() const { return name_; }
  int64_t started() const { return started_; }  // seconds since 1970
  int64_t context() const { return options_.limits.context; }
  const std::optional<ChatTemplate>& chat_template() const { return template_; }
  // A client must not have the server open files: parameters that are files are refused.
  KeyedPolicy policy(const PolicyOptions& options);
  // A token as it stands within a text.
  std::string token_text(int32_t token) const;
  // The bytes of all tokens, "" for those that are no text; made when they are asked for.
  std::shared_ptr<const std::vector<std::string>> token_bytes();

 private:
  void check_no_files(const PolicyOptions& options) const;

  Engine engine_;
  Model model_;
  ServeOptions options_;
  std::string name_;
  int64_t started_;
  std::optional<ChatTemplate> template_;
  std::string anchor_text_;
  std::vector<int32_t> anchor_;
  std::mutex mutex_;
  std::shared_ptr<const std::vector<std::string>> token_bytes_;
  std::map<std::string, KeyedPolicy> policies_;
  Metrics metrics_;
  Scheduler scheduler_;  // the last: it works with all of the above
};

}  // namespace kvhost
