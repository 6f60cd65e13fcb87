// tidegauge stats: what a column of a series is like, and what that suggests for a model of it.
#include <fmt/format.h>

#include "host/model_series.hpp"
#include "host/output_file.hpp"
#include "host/statistics/series_statistics.hpp"
#include "tools/series_options.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  SeriesOptions series;
  std::string column, svg;
  std::size_t lags = 0;
};

constexpr std::size_t most_lags = 10'000;

Status run_stats(const Request& request, const CommonOptions& common) {
  Mistakes mistakes;
  if (request.lags > most_lags)
    mistakes.add({fmt::format("{} lags are too many", request.lags), "--lags", fmt::format("at most {}", most_lags), ErrorKind::usage});
  const auto query = request.series.query();
  mistakes.add(query);
  auto file = SeriesFile::open(request.series.path, OpenMode::read);
  mistakes.add(file);
  TG_TRY(mistakes.status());
  std::string column = request.column;
  auto series = read_one_column(*file, *query, column);
  if (!series) return std::move(series).error();
  const SeriesStatistics statistics = analyse(*series, 0, request.lags);
  if (!request.svg.empty()) TG_TRY(write_whole(request.svg, statistics_svg(statistics)));
  if (request.svg == "-") return {};
  fmt::print("{}", common.json ? statistics_json(statistics) : statistics_table(statistics));
  return {};
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  request->series.declare(app);
  app.add_option("--column", request->column, "Column to describe (default: value where the series has it, otherwise bytes)");
  app.add_option("--lags", request->lags, "Lags of the autocorrelations (default: a quarter of the values, at most 256)");
  app.add_option("--svg", request->svg, "Write distribution, autocorrelations and periodogram as an SVG picture; - for stdout, alone");
  return [request, &common] { return run_stats(*request, common); };
}

const VerbRegistration registration({
    30,
    "stats",
    "Describe a series: moments, stationarity, memory, periods, burstiness; suggests settings, with reasons",
    "tidegauge stats jan.series --column packets\n"
    "  tidegauge stats jan.series --column tcp_bytes --svg jan-stats.svg --json",
    setup,
});

}  // namespace
}  // namespace tidegauge
