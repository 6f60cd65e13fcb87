// The whole job in one call: captures to a series file, a trained model, forecasts, labels, scores and a report, all in
// one folder. What is finished is not done twice: captures that are in stay in, a stopped training goes on.
// Cost: that of the stages. Tested by tests/host/pipeline_test.cpp and tests/tools/run_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "host/bin_traces.hpp"
#include "host/counting_settings.hpp"
#include "host/evaluation.hpp"
#include "host/label_score.hpp"
#include "host/labeller.hpp"
#include "host/mistakes.hpp"
#include "host/settings.hpp"
#include "host/trainer.hpp"

namespace tidegauge {

struct PipelineSettings {
  std::vector<std::string> captures;
  std::string output = "tidegauge-out";  ///< folder for everything that is made
  std::int64_t interval_ns = 1'000'000'000;
  std::string point = "default";
  bool strict = false;
  std::string truth;         ///< CSV of true ranges (truth.hpp); empty: detections are scored against the slope labels
  std::string device = "auto";
  std::size_t threads = 0;
  CountingSettings count;    ///< filters, keys, distinct addresses
  TrainSettings train;
  LabelSettings label;       ///< for the series' slopes and for what came against each forecast

  std::string series_path() const { return output + "/run.series"; }
  std::string model_path() const { return output + "/run.model"; }
  std::string report_path() const { return output + "/report.html"; }
  std::string plot_path() const { return output + "/plot.svg"; }
};

/// Sections [run], [count], [train] and [label] of a settings file. `target` must outlive the table.
void add_pipeline_fields(SettingTable& table, PipelineSettings& target);

struct PipelineHooks {
  std::function<bool()> stop;                               ///< asked often; true ends the job, what is finished stays
  std::function<void(const std::string&)> stage;            ///< a stage begins, in words
  std::function<void(const std::string&)> remark;           ///< words worth showing
  std::function<void(const BinProgress&)> bin_progress;
  std::function<void(const TrainReport&)> train_progress;
};

struct PipelineOutcome {
  BinReport captures;
  std::string device;                 ///< what ran the models, and why
  std::size_t intervals = 0;
  TrainOutcome training;
  Evaluation evaluation;
  std::vector<LabelOutcome> labels;   ///< of the series first, then of each forecast
  std::vector<LabelScore> scores;     ///< in the same order
};

/// Everything that can be known to be wrong before any work: settings, captures that cannot be read, the file of true
/// ranges, unknown columns, a series file of another interval. The device is not looked for.
Mistakes find_mistakes(const PipelineSettings& settings);

/// Begins with find_mistakes and the device; all that is wrong is one error with a line for each.
Expected<PipelineOutcome> run_pipeline(const PipelineSettings& settings, const PipelineHooks& hooks);

}  // namespace tidegauge
