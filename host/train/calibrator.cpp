// SPDX-License-Identifier: Apache-2.0
#include "train/calibrator.hpp"

#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <span>

#include "base/error.hpp"
#include "base/version.hpp"
#include "engine/model_state.hpp"
#include "engine/plugin_set.hpp"
#include "kvhost/layout_parts.h"
#include "measure/stopwatch.hpp"
#include "method/extension.hpp"
#include "method/host_services.hpp"
#include "method/instance.hpp"
#include "method/layer_data.hpp"
#include "registry/loader.hpp"
#include "train/tensor_writer.hpp"
#include "train/text_pieces.hpp"

namespace kvhost::train {
namespace {

namespace fs = std::filesystem;

Node as_it_is(const registry::MethodInfo& method) {
  Node node;
  node.method = method;
  node.where = "METHOD";
  for (const auto& param : method.params) node.values.push_back(param.def);
  return node;
}

// The method that the text names first; what stands inside it need not be said. A wrapper is not made
// without a scorer: it gets the one it takes by itself.
Node node_of(const Engine& engine, const std::string& text) {
  const PluginSet& plugins = engine.plugins();
  const auto* method = plugins.catalog.find(text);
  if (method && method->kind != registry::Kind::Wrapper) return as_it_is(*method);
  const PressSource source{PressSource::Form::Text, text, "METHOD", ""};
  Composition composition = compose(source, plugins.catalog, plugins.aliases, KVH_METHOD_PREFILL);
  if (composition.stages.size() != 1)
    bad_request("METHOD", "'" + text + "' is no single method; expected one");
  StageSpec& stage = composition.stages[0];
  for (auto* node : {&stage.press, &stage.layer_allocator, &stage.head_allocator, &stage.scorer})
    if (*node) return std::move(**node);
  bad_request("METHOD", "names nothing; expected a method");
}

const kvh_calibrate* calibration_of(const Node& node, const Context& context) {
  const Instance method(node, /*model=*/nullptr, context, nullptr);
  const auto* found =
      extension_of<kvh_calibrate>(method, KVH_EXT_CALIBRATE, KVH_CALIBRATE_SIZE_1_0);
  if (found && (!found->file || !*found->file || !found->observer))
    cannot_load(method.name(),
                "its " KVH_EXT_CALIBRATE " lacks a part; expected file and observer");
  return found;
}

std::string in_words(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
  return all.empty() ? "none is there" : all;
}

// The observer as a method like others. What the calibrated method is set to counts for it too.
Node observer_of(const Node& node, const kvh_calibrate& calibration) {
  Node out;
  try {
    out.method = registry::part_of(node.method, calibration.observer);
  } catch (const registry::LoadError& e) {
    cannot_load("METHOD", e.what());
  }
  out.where = node.where;
  for (const auto& param : out.method.params) {
    registry::Value value = param.def;
    for (size_t i = 0; i < node.values.size(); ++i)
      if (node.method.params[i].name == param.name) value = node.values[i];
    out.values.push_back(value);
  }
  return out;
}

// What an observer hands over, checked as it comes.
class Handed {
 public:
  struct Tensor {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<float> values;
  };

  Handed() { raw_ = {sizeof(kvh_learned), 0, this, &take}; }
  Handed(const Handed&) = delete;
  Handed& operator=(const Handed&) = delete;
  const kvh_learned* get() const { return &raw_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }

 private:
  static kvh_status take(const kvh_learned* self,
                         const char* name,
                         const int64_t* shape,
                         uint32_t n_dims,
                         const float* values,
                         kvh_error* error) noexcept {
    try {
      const std::string fault =
          static_cast<Handed*>(self->impl)->add(name ? name : "", {shape, shape + n_dims}, values);
      if (fault.empty()) return KVH_OK;
      std::snprintf(error->message, sizeof error->message, "%s", fault.c_str());
      return error->code = KVH_E_SHAPE;
    } catch (const std::exception&) {
      return error->code = KVH_E_OOM;
    }
  }

  std::string add(const std::string& name, std::vector<int64_t> shape, const float* values) {
    const auto visible = [](char c) { return c > 32 && c < 127; };
    if (name.empty() || name.size() > 255 || !std::all_of(name.begin(), name.end(), visible))
      return "hands over a tensor whose name is empty, long or not printable";
    for (const auto& tensor : tensors_)
      if (tensor.name == name) return "hands over '" + name + "' twice";
    int64_t n = shape.empty() || shape.size() > 4 ? 0 : 1;
    for (const int64_t size : shape) n = size < 1 || n > kMost / size ? 0 : n * size;
    if (n == 0)
      return "hands over '" + name + "' of a shape that is empty, of more than 4 axes or too large";
    if (!std::all_of(values, values + n, [](float x) { return std::isfinite(x); }))
      return "hands over '" + name + "' with NaN or infinity in it; are the model's weights finite?";
    tensors_.push_back({name, std::move(shape), {values, values + n}});
    return "";
  }

  static constexpr int64_t kMost = int64_t{1} << 32;
  kvh_learned raw_;
  std::vector<Tensor> tensors_;
};

class Calibration {
 public:
  Calibration(const Engine& engine, const Model& model, Node observer)
      : engine_(engine),
        model_(model),
        decoder_(model.state().decoder()),
        view_(decoder_.config(), decoder_.cache_layout().dtype),
        exec_(make_exec(engine.context(), /*seed=*/0)),
        observer_(observer, view_.get(decoder_.weights()), engine.context(), nullptr),
        state_(observer_, sequence_info(KVH_PHASE_PREFILL)) {
    const auto* functions = observer_.functions<kvh_observer>();
    check_part(observer_, "observer", functions, KVH_OBSERVER_SIZE_1_0);
    if (!functions->observe || !functions->finish)
      cannot_load(observer_.name(), "its observer lacks a function; expected observe and finish");
  }

  void read(std::span<const int32_t> text, const std::function<void(double)>& progress) {
    const c10::InferenceMode inference;
    KvCache cache(decoder_.cache_layout());
    // Some models rotate long texts otherwise than short ones.
    const auto n_tokens = static_cast<int64_t>(text.size());
    const ModelView view(decoder_.config(), decoder_.cache_layout().dtype, n_tokens);
    const kvh_model* shown = view.get(decoder_.weights());
    const SeenPrompt prompt = model_.state().prompt(text);
    const PromptView seen(prompt);
    ForwardOptions forward;
    forward.capture.query_window = observer_.captured_window_of(KVH_T_QUERY_WINDOW);
    forward.capture.hidden_window = observer_.captured_window_of(KVH_T_HIDDEN);
    for (const uint32_t made_of_queries : {KVH_T_WINDOW_ATTENTION, KVH_T_ATTENTION_MEAN,
                                           KVH_T_ATTENTION, KVH_T_ATTENTION_SUM})
      if (observer_.needs_tensor(made_of_queries)) forward.capture.query_window = -1;
    forward.capture.query_spreads = observer_.query_spreads();
    forward.progress = progress;
    forward.sink = [&](int64_t layer, const LayerCapture& capture) {
      observe(layer, capture, cache, seen, shown);
    };
    decoder_.forward(text, cache, forward);
  }

  void finish(Handed& handed) {
    observer_.call("finish()", -1, [&](kvh_error* error) {
      return observer_.functions<kvh_observer>()->finish(observer_.get(), handed.get(), error);
    });
  }

 private:
  void observe(int64_t layer,
               const LayerCapture& capture,
               const KvCache& cache,
               const PromptView& prompt,
               const kvh_model* model) {
    LayerInputs in;
    in.layer = layer;
    in.n_seen = in.q_len = in.n_prompt = prompt.get()->n_tokens;
    in.prompt = prompt.get();
    in.cache = &cache;
    in.queries = capture.queries;
    in.hidden = capture.hidden;
    in.spread = capture.spread;
    in.window_rows = observer_.window_of(KVH_T_WINDOW_ATTENTION);
    if (observer_.needs_tensor(KVH_T_OUTPUT_WEIGHT))
      in.output_weight = std::make_shared<const at::Tensor>(decoder_.output_weight(layer));
    in.model = model;
    in.exec = &exec_;
    in.sliding_window = decoder_.config().window_of(layer);
    LayerData data(in);
    data.call("observe()", observer_, state_, [&](const kvh_layer& shown, kvh_error* error) {
      return observer_.functions<kvh_observer>()->observe(observer_.get(), &shown, error);
    });
  }

  const Engine& engine_;
  const Model& model_;
  const Decoder& decoder_;
  const ModelView view_;
  const kvh_exec exec_;
  const Instance observer_;
  const SequenceState state_;
};

void read_all(Calibration& run,
              const std::vector<std::vector<int32_t>>& pieces,
              const TrainProgress& progress,
              CalibrateReport& report) {
  const Stopwatch watch(report.read_ms);
  const auto all = static_cast<double>(pieces.size());
  for (const auto& piece : pieces) {
    const auto done = static_cast<double>(report.n_texts);
    run.read(piece, [&](double share) { progress("reading", (done + share) / all); });
    ++report.n_texts;
    report.n_tokens += std::ssize(piece);
  }
}

void write(const Handed& handed, CalibrateReport& report) {
  std::vector<NamedTensor> tensors;
  for (const auto& one : handed.tensors()) {
    tensors.push_back({one.name, one.shape, one.values.data()});
    report.tensors.emplace_back(one.name, one.shape);
  }
  write_tensors(report.file,
                tensors,
                {{"kvhost", version()},
                 {"method", report.method},
                 {"model_hash", report.model_hash},
                 {"n_texts", std::to_string(report.n_texts)},
                 {"n_tokens", std::to_string(report.n_tokens)}});
}

}  // namespace

std::vector<std::string> calibrated_methods(const Engine& engine) {
  std::vector<std::string> names;
  for (const auto& method : engine.plugins().catalog.methods()) {
    const bool reads = std::any_of(method.params.begin(), method.params.end(), [](const auto& p) {
      return p.type == KVH_PARAM_FILE;
    });
    if (!reads) continue;
    if (calibration_of(node_of(engine, method.name), engine.context())) names.push_back(method.name);
  }
  return names;
}

CalibrateReport calibrate(const Engine& engine,
                          const Model& model,
                          const CalibrateOptions& options,
                          const TrainProgress& progress) {
  const Node node = node_of(engine, options.method);
  const kvh_calibrate* calibration = calibration_of(node, engine.context());
  if (!calibration)
    bad_request("METHOD",
                "'" + node.method.name + "' makes no file of its own from texts; expected one of " +
                    in_words(calibrated_methods(engine)));
  CalibrateReport report;
  report.method = options.method;
  report.model = model.facts().path;
  report.model_hash = model.weights_hash();
  report.file = options.out.empty() ? fs::path(report.model) / calibration->file : options.out;
  auto pieces = pieces_of(model, options.data, options.text_tokens, /*n_least=*/1);
  if (std::ssize(pieces) > options.max_texts) pieces.resize(static_cast<size_t>(options.max_texts));
  Calibration run(engine, model, observer_of(node, *calibration));
  read_all(run, pieces, progress, report);
  progress("learning", 0);
  Handed handed;
  run.finish(handed);
  write(handed, report);
  return report;
}

}  // namespace kvhost::train
