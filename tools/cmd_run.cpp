// tidegauge run: the whole job with one command and one settings file or flags.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/duration.hpp"
#include "host/interrupt.hpp"
#include "host/find_captures.hpp"
#include "host/pipeline.hpp"
#include "tools/log.hpp"
#include "tools/setting_options.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  std::vector<std::string> captures;
  std::string settings_file;
  SettingOptions<PipelineSettings> options{add_pipeline_fields};
};

/// The settings file first, then what the command line says. All mistakes of both, and what the settings get wrong.
Expected<PipelineSettings> resolve(const Request& request) {
  PipelineSettings settings;
  SettingTable table;
  add_pipeline_fields(table, settings);
  Mistakes mistakes;
  if (!request.settings_file.empty())
    for (Error& mistake : table.load_file(request.settings_file)) mistakes.add(std::move(mistake));
  const bool file_is_right = mistakes.none();
  const std::vector<std::string> from_file = std::exchange(settings.captures, {});
  mistakes.add(request.options.apply(settings));
  settings.captures.insert(settings.captures.end(), request.captures.begin(), request.captures.end());
  if (settings.captures.empty()) settings.captures = from_file;
  if (settings.captures.empty() && file_is_right)  // otherwise the file may have meant to name them
    mistakes.add({"no capture is named", "", "tidegauge run trace.pcap.gz, or captures = [...] under [run]", ErrorKind::usage});
  const auto found = find_captures(settings.captures);
  mistakes.add(found);
  if (found) {
    settings.captures = found->paths;
    if (!found->left_out.empty()) remark(left_out_words(*found));
  }
  if (mistakes.none()) return settings;  // the rest is checked where the work begins
  mistakes.add(find_mistakes(settings));
  mistakes.add(choose_device(settings.device, settings.threads));
  return mistakes.status().error();
}

void print_words(const PipelineSettings& settings, const PipelineOutcome& outcome) {
  const RecordAccount account = outcome.captures.total();
  fmt::print("captures   {} added, {} already in; {} records read, {} counted\n",
             outcome.captures.count(BinOutcome::added), outcome.captures.count(BinOutcome::already_in), account.read,
             account.counted);
  fmt::print("series     {} intervals of {}\n\n", outcome.intervals, format_duration(settings.interval_ns));
  fmt::print("Forecasts of the test part, the next interval from those before it\n{}\n", metrics_table(outcome.evaluation));
  const char* against = settings.truth.empty() ? "the slope labels of the series" : settings.truth.c_str();
  fmt::print("Detections in the test part against {}\n{}\n", against, score_table(outcome.scores));
  fmt::print("series file  {}\nmodel        {}\nplot         {}\nreport       {}\n", settings.series_path(),
             settings.model_path(), settings.plot_path(), settings.report_path());
}

nlohmann::json as_json(const PipelineSettings& settings, const PipelineOutcome& outcome) {
  using nlohmann::json;
  const RecordAccount account = outcome.captures.total();
  json labels = json::array();
  for (const LabelOutcome& one : outcome.labels)
    labels.push_back({{"source", one.labels.source}, {"ranges", one.labels.ranges.size()},
                      {"detections", one.labels.detections.size()}});
  return {{"series", settings.series_path()}, {"model", settings.model_path()}, {"report", settings.report_path()},
          {"plot", settings.plot_path()}, {"device", outcome.device}, {"intervals", outcome.intervals},
          {"records", {{"read", account.read}, {"counted", account.counted}}},
          {"evaluation", json::parse(metrics_json(outcome.evaluation))}, {"labels", labels},
          {"scores", json::parse(score_json(outcome.scores))}};
}

Status run_run(const Request& request, const CommonOptions& common) {
  auto settings = resolve(request);
  if (!settings) return std::move(settings).error();
  const InterruptGuard guard;
  ProgressLine line;
  PipelineHooks hooks;
  hooks.stop = interrupted;
  hooks.stage = [&](const std::string& name) { line.update(name); };
  hooks.remark = [&](const std::string& text) { line.clear(), remark(text); };
  hooks.bin_progress = [&](const BinProgress& p) {
    const double share = p.bytes ? 100.0 * static_cast<double>(p.bytes_done) / static_cast<double>(p.bytes) : 100.0;
    line.update(fmt::format("binning: {}/{} captures, {:.0f} %", p.files_done, p.files, share));
  };
  hooks.train_progress = [&](const TrainReport& r) {
    line.update(fmt::format("training: epoch {}/{}, loss {:.5g}, validation {:.5g}", r.epoch, r.epochs, r.last.training,
                            r.last.validation));
  };
  auto outcome = run_pipeline(*settings, hooks);
  line.clear();
  if (!outcome) return std::move(outcome).error();
  if (common.json) fmt::print("{}\n", as_json(*settings, *outcome).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  else print_words(*settings, *outcome);
  return {};
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  app.add_option("captures", request->captures, "As for bin; they replace the settings file's list");
  app.add_option("--settings", request->settings_file, "TOML file with sections [run], [train] and [label]. What the command line gives replaces the file's: a list the "
                 "whole list, each of --threshold, --quantile and --budget whichever the file has");
  request->options.declare(app);
  return [request, &common] { return run_run(*request, common); };
}

const VerbRegistration registration({
    10,
    "run",
    "The whole job: captures in, series, model, forecasts, labels, scores and a report out",
    "tidegauge run january/*.pcap.gz --interval 10s --output january\n"
    "  tidegauge run --settings january.toml",
    setup,
});

}  // namespace
}  // namespace tidegauge
