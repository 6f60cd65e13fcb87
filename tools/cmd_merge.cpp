// tidegauge merge: one series file out of those of shards, days or machines.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/interrupt.hpp"
#include "host/merge_series.hpp"
#include "tools/log.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  std::vector<std::string> from;
  std::string to;
};

Status run_merge(const Request& request, const CommonOptions& common) {
  const InterruptGuard guard;
  auto report = [&] {
    ProgressLine line;
    return merge_series(request.from, request.to, {.stop = [] { return interrupted(); },
                                                   .progress = [&](const std::string& file) { line.update(file); }});
  }();
  if (!report) return std::move(report).error();
  if (common.json)
    fmt::print("{}\n", nlohmann::json{{"series", request.to}, {"from", request.from}, {"added", report->added},
                                      {"already_in", report->already_in}}.dump(2));
  else
    fmt::print("{}: {} traces added, {} already in; of {} series files\n", request.to, report->added, report->already_in,
               request.from.size());
  if (report->stopped) return Error{"interrupted: the traces so far are in", "", "the same command goes on where this one ended"};
  return {};
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  app.add_option("series", request->from, "The series files to put together, in any order")->required();
  app.add_option("-o,--output", request->to, "The series file that gets all of it; made where it is absent")->required();
  return [request, &common] { return run_merge(*request, common); };
}

const VerbRegistration registration({
    26,
    "merge",
    "Put series files together that were made apart, each trace once",
    "tidegauge merge shard-*.series -o january.series",
    setup,
});

}  // namespace
}  // namespace tidegauge
