#include "ingest/sinks/count_capture.hpp"

#include "ingest/formats/capture.hpp"
#include "ingest/sinks/count_sink.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {
namespace {

Status usable(const CountOptions& options) {
  if (options.interval_ns >= 1'000'000 && options.interval_ns <= day_ns) return {};
  return Error{"an interval of " + std::to_string(options.interval_ns) + " ns is out of range", "interval",
               "a length from 1 ms to 1 day", ErrorKind::usage};
}

}  // namespace

Expected<CountedCapture> count_capture(const std::string& path, const CountOptions& options,
                                       const std::function<Status(const RowPortion&)>& rows) {
  TG_TRY(usable(options));
  RowPortions portions(options.flush_rows, rows);
  CountSink sink(options.interval_ns, portions);
  IndexBuilder index(options.index_step_bytes);
  auto walked = walk_capture(path, sink, {.strict = options.strict, .progress = options.progress, .index = &index});
  if (!walked) return std::move(walked).error();

  PartialSeries capture = sink.finish();
  capture.close();
  TG_REQUIRE(capture.account().adds_up(), "records read are not records counted plus records refused");
  portions.hand_over(capture.take_rows());
  if (!portions.status()) return portions.status().error();
  return CountedCapture{walked->format, capture.account(), capture.first_ns(), capture.last_kept_ns(),
                        walked->damage, index.take()};
}

}  // namespace tidegauge
