#include "host/model_file.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/safetensors.hpp"

namespace tidegauge {

using nlohmann::json;

namespace {

constexpr int format_version = 1;

// JSON has no NaN and no infinity.
json number(double x) { return std::isfinite(x) ? json(x) : json(nullptr); }

json describe(const Model& m) {
  json history = json::array();
  for (const EpochLoss& e : m.progress.history) history.push_back({number(e.training), number(e.validation)});
  json scalers = json::array();
  for (const Scaler& s : m.scalers)
    scalers.push_back({{"kind", scaler_name(s.kind)}, {"log", s.log1p}, {"offset", s.offset}, {"scale", s.scale}});
  return {{"format", format_version},
          {"settings", json::parse(settings_to_json(m.settings))},
          {"point", m.point},
          {"interval_ns", m.interval_ns},
          {"scalers", scalers},
          {"season", m.season},
          {"mase_scale", m.mase_scale},
          {"training_end_k", m.training_end_k},
          {"data_hash", m.data_hash},
          {"base_hash", m.base_hash},
          {"progress",
           {{"epoch", m.progress.epoch},
            {"batch", m.progress.batch},
            {"loss_sum", m.progress.loss_sum},
            {"history", history},
            {"best_epoch", m.progress.best_epoch},
            {"best_loss", number(m.progress.best_loss)},
            {"steps", m.progress.optimizer.steps},
            {"algorithm", algorithm_name(m.progress.algorithm)},
            {"finished", m.progress.finished}}}};
}

/// Reads the description; any missing key or wrong type throws json::exception, which load_model turns into an Error.
Expected<Model> read_description(const json& j) {
  Model m;
  if (j.at("format").get<int>() != format_version)
    return Error{fmt::format("model format {} (this version reads {})", j.at("format").get<int>(), format_version), "",
                 "a newer tidegauge"};
  auto settings = settings_from_json(j.at("settings").dump());
  if (!settings) return settings.error();
  TG_TRY(check_settings(*settings));
  m.settings = *settings;
  m.point = j.at("point").get<std::string>();
  m.interval_ns = j.at("interval_ns").get<std::int64_t>();
  for (const json& s : j.at("scalers")) {
    auto kind = scaler_by_name(s.at("kind").get<std::string>());
    if (!kind) return kind.error();
    m.scalers.push_back({*kind, s.at("log").get<bool>(), s.at("offset").get<double>(), s.at("scale").get<double>()});
  }
  if (m.scalers.size() != m.settings.columns().size()) return Error{"not one scaler per column", "", ""};
  if (m.interval_ns <= 0) return Error{"the interval is not positive", "", ""};
  m.season = j.at("season").get<std::size_t>();
  m.mase_scale = j.at("mase_scale").get<double>();
  m.training_end_k = j.at("training_end_k").get<std::int64_t>();
  m.data_hash = j.at("data_hash").get<std::uint64_t>();
  m.base_hash = j.value("base_hash", std::uint64_t{0});
  const json& p = j.at("progress");
  const auto optional = [](const json& v, double absent) { return v.is_null() ? absent : v.get<double>(); };
  m.progress.epoch = p.at("epoch").get<std::size_t>();
  m.progress.batch = p.at("batch").get<std::size_t>();
  m.progress.loss_sum = p.at("loss_sum").get<double>();
  for (const json& e : p.at("history"))
    m.progress.history.push_back({optional(e.at(0), std::nan("")), optional(e.at(1), std::nan(""))});
  m.progress.best_epoch = p.at("best_epoch").get<std::size_t>();
  m.progress.best_loss = optional(p.at("best_loss"), std::numeric_limits<double>::infinity());
  m.progress.optimizer.steps = p.at("steps").get<std::uint64_t>();
  const auto algorithm = algorithm_by_name(p.value("algorithm", "auto"));
  if (!algorithm) return algorithm.error();
  m.progress.algorithm = *algorithm;
  m.progress.finished = p.at("finished").get<bool>();
  return m;
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text;
  for (std::size_t extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
  return "[" + text + "]";
}

/// The tensors of one model among those of a file.
struct ModelTensors {
  const TensorFile& file;
  const std::string& prefix;
  const Tensor* find(const std::string& name) const {
    const auto found = file.tensors.find(prefix + name);
    return found == file.tensors.end() ? nullptr : &found->second;
  }
};

/// A tensor of exactly that shape as floats or doubles.
template <class T>
Expected<std::vector<T>> take(const ModelTensors& file, const std::string& name, const std::vector<std::size_t>& shape) {
  const Tensor* found = file.find(name);
  if (!found) return Error{fmt::format("tensor '{}' is missing", name), "", ""};
  if (found->shape != shape)
    return Error{fmt::format("tensor '{}' has shape {} where the settings ask for {}", name,
                             shape_text(found->shape), shape_text(shape)), "", ""};
  Expected<std::vector<T>> values = [&] {
    if constexpr (std::is_same_v<T, float>) return found->floats();
    else return found->doubles();
  }();
  if (!values) return Error{fmt::format("tensor '{}': {}", name, values.error().what), "", ""};
  for (T value : *values)
    if (!std::isfinite(value)) return Error{fmt::format("tensor '{}' holds a value that is not a number", name), "", ""};
  return values;
}

/// "bias_hh_l3" for "bias_ih_l3", nothing for other names.
std::string second_bias(const std::string& name) {
  if (!name.starts_with("bias_ih")) return {};
  return "bias_hh" + name.substr(7);
}

Status read_network(Model& m, const ModelTensors& file) {
  const std::vector<LstmTensor> layout = lstm_tensors(m.settings.shape());
  // Found and checked one by one before anything of the claimed size is allocated.
  std::vector<float> flat;
  for (const LstmTensor& t : layout) {
    auto values = take<float>(file, t.name, t.shape);
    if (!values) return values.error();
    if (const std::string other = second_bias(t.name); !other.empty() && file.find(other)) {
      auto added = take<float>(file, other, t.shape);
      if (!added) return added.error();
      for (std::size_t i = 0; i < values->size(); ++i) (*values)[i] += (*added)[i];
    }
    TG_REQUIRE(t.offset == flat.size(), "lstm_tensors lists the flat vector in order");
    flat.insert(flat.end(), values->begin(), values->end());
  }
  m.parameters = std::move(flat);
  return {};
}

Status read_state(Model& m, const ModelTensors& file) {
  const std::vector<std::size_t> flat = {m.parameters.size()};
  const bool adam = m.settings.optimizer.kind == OptimizerKind::adam;
  const auto fill = [&](std::vector<float>& out, const char* name) -> Status {
    if (!file.find(name)) return {};
    auto values = take<float>(file, name, flat);
    if (!values) return values.error();
    out = std::move(*values);
    return {};
  };
  TG_TRY(fill(m.progress.parameters, "training.parameters"));
  if (m.progress.parameters.empty()) m.progress.parameters = m.parameters;
  if (adam) TG_TRY(fill(m.progress.optimizer.first_moment, "adam.m"));
  TG_TRY(fill(m.progress.optimizer.second_moment, adam ? "adam.v" : "rmsprop.v"));
  const OptimizerState& state = m.progress.optimizer;
  if (adam && state.first_moment.empty() != state.second_moment.empty())
    return Error{"of the optimizer's state only one of adam.m and adam.v is there", "", ""};
  if (state.steps > 0 && state.second_moment.empty())
    return Error{fmt::format("the optimizer's state after {} steps is missing", state.steps), "", ""};
  return {};
}

Status read_linear(Model& m, const ModelTensors& file) {
  if (!file.find("linear.weight")) return {};
  const LstmShape shape = m.settings.shape();
  m.linear.inputs = shape.look_back * shape.features;
  m.linear.horizon = shape.horizon;
  auto weight = take<double>(file, "linear.weight", {shape.horizon, m.linear.inputs});
  if (!weight) return weight.error();
  auto bias = take<double>(file, "linear.bias", {shape.horizon});
  if (!bias) return bias.error();
  m.linear.weight = std::move(*weight);
  m.linear.bias = std::move(*bias);
  return {};
}

}  // namespace

std::string put_model(TensorFile& file, const Model& m, const std::string& prefix) {
  const std::span<const float> flat = m.parameters;
  for (const LstmTensor& t : lstm_tensors(m.settings.shape())) {
    file.tensors[prefix + t.name] = Tensor::of(flat.subspan(t.offset, t.size), t.shape);
    if (const std::string other = second_bias(t.name); !other.empty())
      file.tensors[prefix + other] = Tensor::of(std::vector<float>(t.size), t.shape);
  }
  const auto add = [&](const char* name, const std::vector<float>& values) {
    if (!values.empty()) file.tensors[prefix + name] = Tensor::of(values, {values.size()});
  };
  const bool adam = m.settings.optimizer.kind == OptimizerKind::adam;
  add("training.parameters", m.progress.parameters);
  add("adam.m", m.progress.optimizer.first_moment);
  add(adam ? "adam.v" : "rmsprop.v", m.progress.optimizer.second_moment);
  if (m.linear.fitted()) {
    file.tensors[prefix + "linear.weight"] = Tensor::of(m.linear.weight, {m.linear.horizon, m.linear.inputs});
    file.tensors[prefix + "linear.bias"] = Tensor::of(m.linear.bias, {m.linear.horizon});
  }
  return describe(m).dump(-1, ' ', false, json::error_handler_t::replace);
}

Expected<Model> take_model(const TensorFile& file, const std::string& description, const std::string& prefix) {
  const json parsed = json::parse(description, nullptr, false);
  if (!parsed.is_object()) return Error{"the tidegauge metadata is not JSON", "", ""};
  const ModelTensors tensors{file, prefix};
  try {
    auto model = read_description(parsed);
    if (!model) return model.error();
    TG_TRY(read_network(*model, tensors));
    TG_TRY(read_state(*model, tensors));
    TG_TRY(read_linear(*model, tensors));
    return model;
  } catch (const json::exception& e) {
    return Error{fmt::format("the tidegauge metadata is incomplete: {}", e.what()), "", ""};
  }
}

Error unusable_model(Error why, const std::string& path) {
  why.what = "not a usable model: " + why.what;
  why.where = path;
  if (why.remedy.empty()) why.remedy = "train the model again";
  why.kind = ErrorKind::failed;
  return why;
}

Status save_model(const std::string& path, const Model& m) {
  TensorFile file;
  file.metadata["format"] = "pt";
  file.metadata[model_entry] = put_model(file, m, "");
  return write_safetensors(path, file);
}

Expected<Model> read_model(const TensorFile& file) {
  if (file.metadata.contains(keyed_models_entry))
    return Error{"it holds one model a key, not one model", "", "train on a column instead of --by-key for one model"};
  const auto description = file.metadata.find(model_entry);
  if (description == file.metadata.end())
    return Error{"no tidegauge settings in __metadata__: the weights alone do not say what they are for", "",
                 "pass metadata= of the original file to save_file"};
  return take_model(file, description->second, "");
}

Expected<Model> load_model(const std::string& path) {
  auto file = read_safetensors(path);
  if (!file) return file.error();
  auto model = read_model(*file);
  return model ? std::move(model) : unusable_model(model.error(), path);
}

}  // namespace tidegauge
