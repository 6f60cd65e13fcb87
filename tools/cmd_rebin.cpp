// tidegauge rebin: a coarser series out of a finer one.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/duration.hpp"
#include "host/interrupt.hpp"
#include "host/rebin.hpp"
#include "tools/log.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  std::string from, to, interval, values;
};

Expected<RebinOptions> complete(const Request& request) {
  RebinOptions options;
  auto interval = parse_interval(request.interval);
  if (!interval) return std::move(interval).error();
  options.interval_ns = *interval;
  if (request.values == "sum") options.values = ValueRule::sum;
  else if (request.values == "mean") options.values = ValueRule::mean;
  else if (!request.values.empty())
    return Error{"'" + request.values + "' is no way to put values together", "--values", "sum or mean", ErrorKind::usage};
  options.stop = [] { return interrupted(); };
  return options;
}

void print_json(const Request& request, const RebinReport& report) {
  const nlohmann::json document{{"series", request.to}, {"from", request.from}, {"interval_ns", report.interval_ns},
                                {"from_interval_ns", report.from_interval_ns}, {"added", report.added},
                                {"already_in", report.already_in}, {"late_as_counted", report.late_as_counted}};
  fmt::print("{}\n", document.dump(2));
}

Status run_rebin(const Request& request, const CommonOptions& common) {
  auto options = complete(request);
  if (!options) return std::move(options).error();
  const InterruptGuard guard;
  auto report = rebin(request.from, request.to, *options);
  if (!report) return std::move(report).error();
  if (report->late_as_counted > 0)
    remark(fmt::format("{} of the traces hold late packets: their number stays that of intervals of {}", report->late_as_counted,
                       format_duration(report->from_interval_ns)));
  if (common.json) print_json(request, *report);
  else fmt::print("{} traces added, {} already in; {} of {} to {} of {}\n", report->added, report->already_in, request.from,
                  format_duration(report->from_interval_ns), request.to, format_duration(report->interval_ns));
  if (report->stopped) return Error{"interrupted: the traces so far are in", "", "the same command goes on where this one ended"};
  return {};
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  app.add_option("series", request->from, "The series file to make a coarser one of")->required();
  app.add_option("-o,--output", request->to, "The coarser series file; made where it is absent")->required();
  app.add_option("--interval", request->interval, "Length of its intervals, a multiple of the finer one's")->required();
  app.add_option("--values", request->values, "How imported values are put together: sum or mean");
  return [request, &common] { return run_rebin(*request, common); };
}

const VerbRegistration registration({
    25,
    "rebin",
    "Make a coarser series out of a finer one, without reading the captures again",
    "tidegauge rebin january.series -o january-10s.series --interval 10s",
    setup,
});

}  // namespace
}  // namespace tidegauge
