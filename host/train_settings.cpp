#include "host/train_settings.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace tidegauge {

using nlohmann::json;

std::size_t TrainSettings::feature_count() const {
  return 1 + extra_columns.size() + (time_of_day ? 2 : 0) + (time_of_week ? 2 : 0);
}

LstmShape TrainSettings::shape() const { return {feature_count(), hidden, layers, look_back, horizon, skip}; }

std::vector<std::string> TrainSettings::columns() const {
  std::vector<std::string> all{column};
  all.insert(all.end(), extra_columns.begin(), extra_columns.end());
  return all;
}

std::string_view loss_name(Loss loss) {
  switch (loss) {
    case Loss::mse: return "mse";
    case Loss::huber: return "huber";
    case Loss::absolute: break;
  }
  return "absolute";
}

std::string_view optimizer_name(OptimizerKind kind) { return kind == OptimizerKind::adam ? "adam" : "rmsprop"; }

Status check_settings(const TrainSettings& s) {
  // A model file from outside goes through here too: the bounds keep every size product far from overflow.
  constexpr std::size_t most = max_look_back;
  std::string wrong;
  const auto require = [&](bool fine, std::string text) {
    if (!fine) wrong += (wrong.empty() ? "" : "\n  ") + text;
  };
  const auto within = [&](std::size_t value, std::size_t low, std::size_t high, const char* option) {
    require(value >= low && value <= high, fmt::format("{} must be {} to {}, not {}", option, low, high, value));
  };
  require(!s.column.empty(), "--column says what is to be predicted");
  for (std::size_t i = 0; i < s.extra_columns.size(); ++i)
    for (std::size_t j = 0; j <= i; ++j)
      require(s.extra_columns[i] != (j == i ? s.column : s.extra_columns[j]),
              fmt::format("column '{}' is given twice", s.extra_columns[i]));
  within(s.extra_columns.size(), 0, 1024, "the number of --extra columns");
  within(s.look_back, 1, most, "--look-back");
  within(s.horizon, 1, most, "--horizon");
  within(s.hidden, 1, 1 << 16, "--hidden");
  within(s.layers, 1, 64, "--layers");
  within(s.batch, 0, most, "--batch");
  const auto positive = [](double x) { return std::isfinite(x) && x > 0; };
  require(positive(s.optimizer.learning_rate), fmt::format("--learning-rate must be above 0, not {}", s.optimizer.learning_rate));
  require(std::isfinite(s.optimizer.clip_norm) && s.optimizer.clip_norm >= 0, "--clip must be 0 (off) or above");
  require(s.loss.dropout >= 0 && s.loss.dropout < 1, fmt::format("--dropout must be in [0, 1), not {}", s.loss.dropout));
  require(positive(s.loss.huber_delta), fmt::format("--huber-delta must be above 0, not {}", s.loss.huber_delta));
  require(s.loss.dropout == 0 || s.layers > 1, "--dropout acts between layers and needs --layers 2 or more");
  if (!s.training_part.is_fraction) {
    const auto split = split_rows(s.training_part.rows, s.training_part, s.validation);
    const std::size_t rows = split ? split->training.size() : 0, needed = s.look_back + s.horizon + 1;
    require(split.has_value(), split ? "" : split.error().message());
    require(!split || rows >= needed,
            fmt::format("--train and --validation leave {} rows to learn from; two windows of {} + {} intervals take {}", rows,
                        s.look_back, s.horizon, needed));
  }
  if (wrong.empty()) return {};
  return Error{wrong, "training settings", "tidegauge train --help lists every option", ErrorKind::usage};
}

std::string settings_to_json(const TrainSettings& s) {
  json j;
  j["column"] = s.column;
  j["extra_columns"] = s.extra_columns;
  j["time_of_day"] = s.time_of_day;
  j["time_of_week"] = s.time_of_week;
  j["look_back"] = s.look_back;
  j["horizon"] = s.horizon;
  j["hidden"] = s.hidden;
  j["layers"] = s.layers;
  j["skip"] = s.skip;
  j["scaler"] = scaler_name(s.scaler);
  j["log"] = s.log1p;
  j["train"] = part_size_text(s.training_part);
  j["validation"] = part_size_text(s.validation);
  j["season"] = s.season;
  j["loss"] = loss_name(s.loss.kind);
  j["huber_delta"] = s.loss.huber_delta;
  j["dropout"] = s.loss.dropout;
  j["optimizer"] = optimizer_name(s.optimizer.kind);
  j["learning_rate"] = s.optimizer.learning_rate;
  j["beta1"] = s.optimizer.beta1;
  j["beta2"] = s.optimizer.beta2;
  j["rho"] = s.optimizer.rho;
  j["epsilon"] = s.optimizer.epsilon;
  j["clip"] = s.optimizer.clip_norm;
  j["batch"] = s.batch;
  j["epochs"] = s.epochs;
  j["patience"] = s.patience;
  j["seed"] = s.seed;
  j["shuffle"] = s.shuffle;
  j["cudnn"] = algorithm_name(s.cudnn);
  j["tf32"] = s.tf32;
  return j.dump();
}

namespace {

/// Reads members of one JSON object; remembers the first mistake and which keys were asked for.
class Reader {
 public:
  explicit Reader(const json& object) : object_(object) {}

  template <class T>
  void get(const char* key, T& out) {
    known_.push_back(key);
    const auto found = object_.find(key);
    if (found == object_.end() || !error_.empty()) return;
    if (!fits<T>(*found)) error_ = fmt::format("'{}' has the wrong type or range", key);
    else out = found->template get<T>();
  }
  template <class T, class Parse>
  void parse(const char* key, T& out, Parse&& parser) {
    std::string text;
    get(key, text);
    if (text.empty() || !error_.empty()) return;
    auto parsed = parser(text);
    if (parsed) out = *parsed;
    else error_ = parsed.error().message();
  }
  std::string finish() {
    for (const auto& [key, value] : object_.items())
      if (error_.empty() && std::find(known_.begin(), known_.end(), key) == known_.end())
        error_ = fmt::format("unknown setting '{}'", key);
    return error_;
  }

 private:
  template <class T>
  static bool fits(const json& value) {
    if constexpr (std::is_same_v<T, bool>) return value.is_boolean();
    else if constexpr (std::is_same_v<T, std::string>) return value.is_string();
    else if constexpr (std::is_same_v<T, double>) return value.is_number();
    else if constexpr (std::is_unsigned_v<T>) return value.is_number_unsigned();
    else return value.is_array() && std::all_of(value.begin(), value.end(), [](const json& v) { return v.is_string(); });
  }

  const json& object_;
  std::vector<std::string> known_;
  std::string error_;
};

}  // namespace

Expected<TrainSettings> settings_from_json(std::string_view text) {
  const auto refuse = [](std::string what) {
    return Error{std::move(what), "training settings", "the keys that tidegauge writes into a model file", ErrorKind::usage};
  };
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return refuse("not a JSON object");
  TrainSettings s;
  Reader r(object);
  r.get("column", s.column);
  r.get("extra_columns", s.extra_columns);
  r.get("time_of_day", s.time_of_day);
  r.get("time_of_week", s.time_of_week);
  r.get("look_back", s.look_back);
  r.get("horizon", s.horizon);
  r.get("hidden", s.hidden);
  r.get("layers", s.layers);
  r.get("skip", s.skip);
  r.parse("scaler", s.scaler, [](const std::string& t) { return scaler_by_name(t); });
  r.get("log", s.log1p);
  r.parse("train", s.training_part, [](const std::string& t) { return parse_part_size(t, "train"); });
  r.parse("validation", s.validation, [](const std::string& t) { return parse_part_size(t, "validation"); });
  r.get("season", s.season);
  r.parse("loss", s.loss.kind, [](const std::string& t) { return loss_by_name(t); });
  r.get("huber_delta", s.loss.huber_delta);
  r.get("dropout", s.loss.dropout);
  r.parse("optimizer", s.optimizer.kind, [](const std::string& t) { return optimizer_by_name(t); });
  s.optimizer = optimizer_defaults(s.optimizer.kind);
  r.get("learning_rate", s.optimizer.learning_rate);
  r.get("beta1", s.optimizer.beta1);
  r.get("beta2", s.optimizer.beta2);
  r.get("rho", s.optimizer.rho);
  r.get("epsilon", s.optimizer.epsilon);
  r.get("clip", s.optimizer.clip_norm);
  r.get("batch", s.batch);
  r.get("epochs", s.epochs);
  r.get("patience", s.patience);
  r.get("seed", s.seed);
  r.get("shuffle", s.shuffle);
  r.parse("cudnn", s.cudnn, [](const std::string& t) { return algorithm_by_name(t); });
  r.get("tf32", s.tf32);
  if (std::string error = r.finish(); !error.empty()) return refuse(std::move(error));
  return s;
}

}  // namespace tidegauge
