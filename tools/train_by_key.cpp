#include "tools/train_by_key.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "host/interrupt.hpp"
#include "host/keyed_trainer.hpp"
#include "host/mistakes.hpp"
#include "host/output_file.hpp"
#include "tools/log.hpp"

namespace tidegauge {

namespace {

/// Better than both plain models by more than 0.5 %, as evaluation.hpp judges.
bool helped(const KeyedScore& s) { return s.lstm < 0.995 * std::min(s.linear, s.persistence); }

std::string verdict(const KeyedOutcome& outcome) {
  std::size_t better = 0, diverged = 0;
  for (std::size_t i = 0; i < outcome.scores.size(); ++i) {
    better += helped(outcome.scores[i]);
    diverged += outcome.models.models[i].diverged;
  }
  std::string text = fmt::format("the LSTM is more than 0.5 % better than linear and persistence for {} of {} keys, "
                                 "on the validation tail that also chose the epoch\n", better, outcome.scores.size());
  if (diverged > 0)
    text += fmt::format("{} stopped (diverged) where a loss was no number: try a lower --learning-rate or --clip 1, or "
                        "another --scaler where it was before the first epoch\n", diverged);
  return text;
}

const char* note(const KeyedModel& one, const KeyedScore& score) {
  return one.diverged ? "  diverged" : helped(score) ? "  helped" : "";
}

std::string table(const KeyedOutcome& outcome, const std::vector<SeriesFile::KeyTotal>& keys) {
  std::size_t width = outcome.models.kind.size();
  for (const auto& key : keys) width = std::max(width, key.name.size());
  const auto cell = [](double loss) { return std::isfinite(loss) ? fmt::format("{:.5g}", loss) : std::string("-"); };
  std::string text = fmt::format("{:<{}} {:>14} {:>7} {:>6} {:>12} {:>12} {:>12}\n", outcome.models.kind, width, "packets",
                                 "epochs", "best", "LSTM", "linear", "persistence");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const KeyedModel& one = outcome.models.models[i];
    const KeyedScore& score = outcome.scores[i];
    text += fmt::format("{:<{}} {:>14} {:>7} {:>6} {:>12} {:>12} {:>12}{}\n", one.key, width, keys[i].packets,
                        one.model.progress.epoch, one.model.progress.best_epoch, cell(score.lstm), cell(score.linear),
                        cell(score.persistence), note(one, score));
  }
  return text;
}

nlohmann::json as_json(const KeyedOutcome& outcome, const std::vector<SeriesFile::KeyTotal>& keys,
                       const TrainSettings& settings, const std::string& path) {
  using nlohmann::json;
  const auto number = [](double x) { return std::isfinite(x) ? json(x) : json(nullptr); };
  json rows = json::array();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const KeyedModel& one = outcome.models.models[i];
    const KeyedScore& score = outcome.scores[i];
    rows.push_back({{"key", one.key}, {"packets", keys[i].packets}, {"bytes", keys[i].bytes},
                    {"epochs", one.model.progress.epoch}, {"best_epoch", one.model.progress.best_epoch},
                    {"lstm", number(score.lstm)}, {"linear", number(score.linear)},
                    {"persistence", number(score.persistence)}, {"helped", helped(score)}, {"diverged", one.diverged}});
  }
  return {{"model", path}, {"by", outcome.models.kind}, {"settings", json::parse(settings_to_json(settings))}, {"keys", rows}};
}

/// The models that go on: a checkpoint that is there, or with --resume the finished file.
Expected<std::optional<KeyedModels>> find_begun(const KeyedTrainRequest& request, const std::string& checkpoint,
                                                std::string& where) {
  std::error_code absent;
  if (request.restart) std::filesystem::remove(checkpoint, absent);
  where = std::filesystem::exists(checkpoint) ? checkpoint : request.resume ? request.path : "";
  if (where.empty()) return std::optional<KeyedModels>();
  remark("going on from " + where);
  auto loaded = load_keyed_models(where);
  if (!loaded) return loaded.error();
  return std::optional<KeyedModels>(*std::move(loaded));
}

TrainSettings resolve_settings(const KeyedTrainRequest& request, const std::optional<KeyedModels>& begun,
                               Mistakes& mistakes) {
  TrainSettings settings;
  if (request.resume && begun && !begun->models.empty()) settings = begun->models.front().model.settings;
  mistakes.add(request.options.apply(settings));
  if (settings.column.empty()) settings.column = "bytes";
  mistakes.add(check_settings(settings));
  return settings;
}

class KeyedLine {
 public:
  void show(const KeyedReport& r) {
    line_.update(fmt::format("epoch {}/{}, {} of {} models still train", r.epoch, r.epochs, r.training, r.models));
  }
  void clear() { line_.clear(); }

 private:
  ProgressLine line_;
};

}  // namespace

Status run_train_by_key(const KeyedTrainRequest& request, const CommonOptions& common) {
  const std::string checkpoint = request.path + ".checkpoint";
  std::string where;
  auto begun = find_begun(request, checkpoint, where);
  if (!begun) return std::move(begun).error();
  Mistakes mistakes;
  const TrainSettings settings = resolve_settings(request, *begun, mistakes);
  const auto query = request.series.query();
  mistakes.add(query);
  auto file = SeriesFile::open(request.series.path, OpenMode::read);
  mistakes.add(file);
  mistakes.add(output_target(request.path, OutputKind::model));  // before the training, not after it
  TG_TRY(mistakes.status());
  auto series = KeyedSeries::read(*file, *query, request.keys);
  if (!series) return std::move(series).error();
  if (series->approximate())
    warn(fmt::format("{} was counted without a list of keys: a key may lack packets", request.keys.kind));
  auto backend = request.device.choose();
  if (!backend) return std::move(backend).error();

  const InterruptGuard guard;
  KeyedLine line;
  const KeyedHooks hooks{interrupted, [&](const KeyedReport& report) { line.show(report); }, checkpoint,
                         request.checkpoint_every_s};
  auto outcome = train_by_key(*series, settings, **backend, hooks, *begun ? &**begun : nullptr, where);
  line.clear();
  if (!outcome) return std::move(outcome).error();
  if (outcome->stopped) return Error{fmt::format("stopped, kept in {}; the same command goes on", checkpoint), "", ""};
  TG_TRY(save_keyed_models(request.path, outcome->models));
  std::error_code absent;
  std::filesystem::remove(checkpoint, absent);
  if (common.json) fmt::print("{}\n", as_json(*outcome, series->keys(), settings, request.path).dump(2));
  else fmt::print("{}\n{}model: {}\n", table(*outcome, series->keys()), verdict(*outcome), request.path);
  return {};
}

}  // namespace tidegauge
