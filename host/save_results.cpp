#include "host/save_results.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace tidegauge {

Status save_forecasts(SeriesFile& file, const std::string& point, const ForecastSet& forecasts,
                      const Evaluation& evaluation, const TrainSettings& model) {
  std::vector<Forecast> all;
  for (const auto* steps : forecasts.all()) all.insert(all.end(), steps->begin(), steps->end());
  TG_TRY(file.save_forecasts(all, point));
  TG_TRY(file.save_table("model", point, settings_to_json(model)));
  return file.save_table("metrics", point, metrics_json(evaluation));
}

std::string label_settings_json(const LabelOutcome& outcome, const LabelSettings& settings, const std::string& method) {
  nlohmann::json j{{"source", outcome.labels.source}, {"column", outcome.labels.column}, {"error", settings.error},
                   {"seed_compatible", settings.seed_compatible}};
  j["threshold"] = std::isfinite(outcome.threshold) ? nlohmann::json(outcome.threshold) : nlohmann::json(nullptr);
  if (method == "rules")
    j["rules"] = {{"z_limit", settings.rules.z_limit}, {"range_margin", settings.rules.range_margin},
                  {"refractory", settings.rules.refractory}, {"lasting", settings.rules.lasting}};
  else j["slope"] = settings.kind == SlopeKind::ratio ? "ratio" : settings.kind == SlopeKind::absolute ? "absolute" : "robust";
  j["direction"] = settings.rising && settings.falling ? "both" : settings.rising ? "rising" : "falling";
  if (!method.empty()) j["method"] = method;
  return j.dump();
}

}  // namespace tidegauge
