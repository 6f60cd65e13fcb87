#include "host/setting_fields.hpp"

#include <limits>

namespace tidegauge {

namespace {

constexpr double any = std::numeric_limits<double>::max();
constexpr std::size_t many = std::numeric_limits<std::size_t>::max();

/// A setter from a function that turns text into the value.
template <class T, class Parse>
SettingParser parse_with(T& target, Parse parse) {
  return [&target, parse](const std::string& text) -> Status {
    auto value = parse(text);
    if (!value) return std::move(value).error();
    target = *value;
    return {};
  };
}

SettingParser parse_optional_number(std::optional<double>& target, double least, double most) {
  return [&target, least, most](const std::string& text) -> Status {
    double value = 0;
    TG_TRY(parse_number(value, least, most)(text));
    target = value;
    return {};
  };
}

/// Another optimizer brings its own constants, but keeps the learning rate and the clipping, whatever the order given.
Status set_optimizer(OptimizerSettings& target, const std::string& text) {
  auto kind = optimizer_by_name(text);
  if (!kind) return std::move(kind).error();
  OptimizerSettings fresh = optimizer_defaults(*kind);
  fresh.learning_rate = target.learning_rate;
  fresh.clip_norm = target.clip_norm;
  target = fresh;
  return {};
}

}  // namespace

void add_train_fields(SettingTable& table, TrainSettings& t) {
  const auto add = [&](const char* key, const char* help, SettingParser parse) {
    table.add({"train", key, help, std::move(parse)});
  };
  const auto add_switch = [&](const char* key, const char* help, bool& target) {
    table.add({"train", key, help, parse_switch(target), false, true});
  };
  add("column", "What is predicted (default: value where the series has it, otherwise bytes)", parse_text(t.column));
  table.add(list_field("train", "extra_columns", "Further columns as inputs", t.extra_columns));
  add_switch("time_of_day", "Sine and cosine of the time of day as inputs", t.time_of_day);
  add_switch("time_of_week", "Sine and cosine of the time of the week as inputs", t.time_of_week);
  add("look_back", "Intervals read (default 32)", parse_count(t.look_back, 1, max_look_back));
  add("horizon", "Intervals predicted at once (default 1)", parse_count(t.horizon, 1, 1 << 20));
  add("hidden", "Hidden size (default 32)", parse_count(t.hidden, 1, 1 << 16));
  add("layers", "LSTM layers (default 1)", parse_count(t.layers, 1, 64));
  add_switch("skip", "Predict on top of the linear model (default; --no-skip for the plain LSTM)", t.skip);
  add("scaler", "minmax (default), standard or none; fitted on the training part", parse_with(t.scaler, scaler_by_name));
  add_switch("log", "Take logarithms (log(1 + x)) before scaling", t.log1p);
  add("train", "Training part: rows such as 125 or a fraction (default 0.7); the rest is the test part",
      parse_with(t.training_part, [](const std::string& text) { return parse_part_size(text, "--train"); }));
  add("validation", "Tail of the training part for early stopping: rows or a fraction (default 0.15)",
      parse_with(t.validation, [](const std::string& text) { return parse_part_size(text, "--validation"); }));
  add("season", "Intervals of the seasonal baseline (default: a week or a day if the series is long enough)",
      parse_count(t.season, 0, 1u << 31));
  add("loss", "mse (default), huber or absolute", parse_with(t.loss.kind, loss_by_name));
  add("huber_delta", "Where Huber's loss turns linear, in scaled units (default 1)",
      parse_number(t.loss.huber_delta, 1e-12, any));
  add("dropout", "Probability of dropout between layers (default 0)", parse_number(t.loss.dropout, 0, 0.999));
  add("optimizer", "adam (default) or rmsprop",
      [&t](const std::string& text) { return set_optimizer(t.optimizer, text); });
  add("learning_rate", "Learning rate (default 0.001)", parse_number(t.optimizer.learning_rate, 1e-30, any));
  add("clip", "Cut the gradient to this norm (default 0: off)", parse_number(t.optimizer.clip_norm, 0, any));
  add("batch", "Windows a step (default: by the number of windows, 32 to 1024)", parse_count(t.batch, 0, 1 << 20));
  add("epochs", "Most epochs (default 100)", parse_count(t.epochs, 0, 100'000'000));
  add("patience", "Epochs without a better validation loss before stopping (default 10; 0: never stop early)",
      parse_count(t.patience, 0, 100'000'000));
  add("seed", "Seed of everything random (default 1)", parse_count(t.seed, 0, many));
  add_switch("shuffle", "Shuffle the windows in every epoch (default)", t.shuffle);
  add("cudnn", "On a GPU: auto (default), cuDNN's standard, persist-static or small-h, or tile without cuDNN; see --tune-cudnn",
      parse_with(t.cudnn, algorithm_by_name));
  add_switch("tf32", "On a GPU: products of 10-bit mantissas, faster and no longer the CPU's numbers", t.tf32);
}

void add_label_fields(SettingTable& table, LabelSettings& l) {
  const auto add = [&](const char* key, const char* help, SettingParser parse) {
    table.add({"label", key, help, std::move(parse)});
  };
  add("slope", "ratio (default), absolute or robust", parse_with(l.kind, slope_kind_by_name));
  add("direction", "rising (default), falling or both",
      [&l](const std::string& text) { return set_direction(l, text); });
  // Three ways to say one thing: any of them on the command line replaces whichever the file chose.
  const auto add_way = [&](const char* key, const char* help, SettingParser parse) {
    table.add({"label", key, help, std::move(parse), false, false, [&l] { l.threshold.reset(), l.quantile.reset(), l.budget.reset(); }});
  };
  add_way("threshold", "Label what is above it (default: 1.3 for ratio, 3.5 for robust)",
          parse_optional_number(l.threshold, -any, any));
  add_way("quantile", "Learn the threshold, in place of --threshold: this share of the points stays below",
          parse_optional_number(l.quantile, 0, 1));
  add_way("budget", "Learn the threshold, in place of --threshold: at most so many alerts, such as 2/week",
          parse_with(l.budget, parse_budget));
  add("error", "Intervals added on each side of a detection (default 5)", parse_count(l.error, 0, max_label_error));
  add("z_limit", "With --method rules: an error of so many deviations is an alarm (default 5; 0: never)",
      parse_number(l.rules.z_limit, 0, any));
  add("range_margin", "With --method rules: so far outside all values before is an alarm, as a share of their range "
      "(default 0.05; 0: never)", parse_number(l.rules.range_margin, 0, any));
  add("refractory", "With --method rules: intervals in which only a worse alarm follows one (default 50)",
      parse_count(l.rules.refractory, 0, max_label_error));
  add("lasting", "With --method rules: intervals in a row that an alarm takes; all but the first are its delay (default 1)",
      parse_count(l.rules.lasting, 1, 1000));
  table.add({"label", "seed_compatible", "Never merge or clip, index forecasts as the original tool did",
             parse_switch(l.seed_compatible), false, true});
}

}  // namespace tidegauge
