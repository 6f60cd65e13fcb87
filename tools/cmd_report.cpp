// tidegauge report: a page about a series file, and its plots as a picture.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "host/output_file.hpp"
#include "host/report_gather.hpp"
#include "tools/log.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  ReportRequest report;
  std::string series, output, svg;
};

Status run_report(Request request, const CommonOptions& common) {
  auto file = SeriesFile::open(request.series, OpenMode::read);
  if (!file) return std::move(file).error();
  auto data = gather_report(*file, request.report);
  if (!data) return std::move(data).error();
  if (request.output.empty() && request.svg.empty()) request.output = "report.html";
  if (!request.output.empty()) {
    auto page = render_report(*data);
    if (!page) return std::move(page).error();
    TG_TRY(write_whole(request.output, *page));
  }
  if (!request.svg.empty()) {
    auto picture = render_plot_svg(*data);
    if (!picture) return std::move(picture).error();
    TG_TRY(write_whole(request.svg, *picture));
  }
  if (request.output == "-" || request.svg == "-") return {};
  if (common.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"report", request.output}, {"svg", request.svg}}.dump(2));
  } else {
    for (const std::string& path : {request.output, request.svg})
      if (!path.empty()) fmt::print("{}\n", path);
  }
  return {};
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  app.add_option("series", request->series, "The series file")->required();
  app.add_option("-o,--output", request->output, "Page to write; - for stdout (default: report.html)");
  app.add_option("--svg", request->svg, "Write the plots as an SVG picture too (alone, unless -o is given)");
  app.add_option("--point", request->report.point, "Only this observation point");
  app.add_option("--column", request->report.column,
                 "Column to draw (default: what was forecast or labelled)");
  app.add_option("--truth", request->report.truth, "CSV of true ranges to mark: start,end");
  app.add_option("--title", request->report.title, "Heading of the page");
  return [request, &common] { return run_report(*request, common); };
}

const VerbRegistration registration({
    60,
    "report",
    "Make a self-contained HTML report: plot, labels, figures, traces",
    "tidegauge report jan.series -o jan.html --svg jan.svg",
    setup,
});

}  // namespace
}  // namespace tidegauge
