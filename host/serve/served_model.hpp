// SPDX-License-Identifier: Apache-2.0
// One of the models that are served, and what is known of it. Any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "serve/scheduler.hpp"
#include "serve/serve_options.hpp"
#include "tokenizer/chat_template.hpp"

namespace kvhost {

struct NamedModel {
  Model model;
  std::string name;  // "": as its folder or file is called
};

// Prompts of one key are read alike.
struct KeyedPolicy {
  Policy policy;
  std::string key;
};

class ServedModel {
 public:
  // All are borrowed.
  ServedModel(const Engine& engine,
              const NamedModel& model,
              const ServeOptions& options,
              Scheduler& scheduler);

  const Model& model() const { return model_; }
  const std::string& name() const { return name_; }
  const ServeOptions& options() const { return options_; }
  Scheduler& scheduler() { return scheduler_; }  // of all models
  int64_t context() const { return context_; }   // tokens of prompt and answer; 0: no bound
  const std::optional<ChatTemplate>& chat_template() const { return template_; }
  // A client must not have the server open files: parameters that are files are refused.
  KeyedPolicy policy(const PolicyOptions& options);
  // A token as it stands within a text.
  std::string token_text(int32_t token) const;
  // The bytes of all tokens, "" for those that are no text; made when they are asked for.
  std::shared_ptr<const std::vector<std::string>> token_bytes();

 private:
  void check_no_files(const PolicyOptions& options) const;

  const Engine& engine_;
  Model model_;
  const ServeOptions& options_;
  Scheduler& scheduler_;
  std::string name_;
  int64_t context_;
  std::optional<ChatTemplate> template_;
  std::string anchor_text_;
  std::vector<int32_t> anchor_;
  std::mutex mutex_;
  std::shared_ptr<const std::vector<std::string>> token_bytes_;
  std::map<std::string, KeyedPolicy> policies_;
};

}  // namespace kvhost
