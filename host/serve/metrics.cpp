// SPDX-License-Identifier: Apache-2.0
#include "serve/metrics.hpp"

#include <algorithm>
#include <cstdio>

#include "base/version.hpp"

namespace kvhost {
namespace {

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string head(const std::string& name, const std::string& help, const char* type) {
  return "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

std::string line(const std::string& name, const std::string& help, const char* type, int64_t n) {
  return head(name, help, type) + name + " " + std::to_string(n) + "\n";
}

}  // namespace

void Histogram::add(double value) {
  const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  ++counts_[static_cast<size_t>(at)];
  sum_ += value;
  ++n_;
}

std::string Histogram::text(const std::string& name, const std::string& help) const {
  std::string out = head(name, help, "histogram");
  int64_t below = 0;
  for (size_t i = 0; i < bounds_.size(); ++i) {
    below += counts_[i];
    out += name + "_bucket{le=\"" + number(bounds_[i]) + "\"} " + std::to_string(below) + "\n";
  }
  out += name + "_bucket{le=\"+Inf\"} " + std::to_string(n_) + "\n";
  return out + name + "_sum " + number(sum_) + "\n" + name + "_count " + std::to_string(n_) + "\n";
}

void Metrics::set(const Now& now) {
  const std::lock_guard lock(mutex_);
  now_ = now;
}

Metrics::Now Metrics::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

void Metrics::request(const std::string& route, int status) {
  const std::lock_guard lock(mutex_);
  ++requests_[{route, status}];
}

void Metrics::read(
    int64_t n_tokens, int64_t n_cached, int64_t bytes_full, int64_t bytes_kept, double ms) {
  const std::lock_guard lock(mutex_);
  prompt_tokens_ += n_tokens;
  cached_tokens_ += n_cached;
  bytes_full_ += bytes_full;
  bytes_kept_ += bytes_kept;
  prefill_.add(ms / 1000);
}

void Metrics::first_token(double ms) {
  const std::lock_guard lock(mutex_);
  ++new_tokens_;
  first_token_.add(ms / 1000);
}

void Metrics::token(double ms) {
  const std::lock_guard lock(mutex_);
  ++new_tokens_;
  per_token_.add(ms / 1000);
}

void Metrics::batch(int64_t n_sequences) {
  const std::lock_guard lock(mutex_);
  batch_.add(static_cast<double>(n_sequences));
}

void Metrics::cancelled() {
  const std::lock_guard lock(mutex_);
  ++cancelled_;
}

std::string Metrics::text() const {
  const std::lock_guard lock(mutex_);
  std::string out = head("kvhost_info", "The program.", "gauge") + "kvhost_info{version=\"" +
                    version() + "\"} 1\n";
  out += head("kvhost_requests_total", "Requests by route and status.", "counter");
  for (const auto& [key, n] : requests_)
    out += "kvhost_requests_total{route=\"" + key.first + "\",status=\"" +
           std::to_string(key.second) + "\"} " + std::to_string(n) + "\n";
  out += line("kvhost_prompt_tokens_total", "Tokens of prompts.", "counter", prompt_tokens_);
  out += line("kvhost_cached_tokens_total", "Of these, read by earlier requests.", "counter",
              cached_tokens_);
  out += line("kvhost_generated_tokens_total", "Tokens of answers.", "counter", new_tokens_);
  out += line("kvhost_cancelled_total", "Tasks whose clients went away.", "counter", cancelled_);
  out += line("kvhost_prompt_cache_bytes_full_total", "K and V of all prompts, had nothing been "
              "dropped.", "counter", bytes_full_);
  out += line("kvhost_prompt_cache_bytes_kept_total", "K and V of all prompts, as kept.",
              "counter", bytes_kept_);
  out += line("kvhost_queued", "Tasks that wait for room.", "gauge", now_.queued);
  out += line("kvhost_reading", "Prompts being read.", "gauge", now_.reading);
  out += line("kvhost_answering", "Answers under way.", "gauge", now_.answering);
  out += line("kvhost_documents", "Documents held.", "gauge", now_.documents);
  out += line("kvhost_cache_bytes_promised", "Cache promised to running requests.", "gauge",
              now_.cache_bytes_promised);
  out += line("kvhost_cache_bytes_stored", "Cache of documents and prompts held.", "gauge",
              now_.cache_bytes_stored);
  out += line("kvhost_cache_bytes_most", "What both may take.", "gauge", now_.cache_bytes_most);
  out += prefill_.text("kvhost_prefill_seconds", "From admission to a prompt that is read.");
  out += first_token_.text("kvhost_first_token_seconds", "From a request to its first token.");
  out += per_token_.text("kvhost_token_seconds", "Between tokens of an answer.");
  out += batch_.text("kvhost_batch_size", "Sequences in a decode step.");
  return out;
}

}  // namespace kvhost
