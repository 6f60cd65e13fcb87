#include "ingest/sinks/count_capture.hpp"

#include <type_traits>

#include "ingest/formats/capture.hpp"
#include "ingest/sinks/count_sink.hpp"
#include "ingest/sinks/keyed_sink.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {
namespace {

Status usable(const CountOptions& options) {
  if (options.interval_ns >= 1'000'000 && options.interval_ns <= day_ns) return {};
  return Error{"an interval of " + std::to_string(options.interval_ns) + " ns is out of range", "interval",
               "a length from 1 ms to 1 day", ErrorKind::usage};
}

template <PacketSink Sink>
Expected<CountedCapture> count_into(Sink& sink, const std::string& path, const CountOptions& options,
                                    RowPortions& portions) {
  auto walked = walk_capture(path, sink, {.strict = options.strict, .progress = options.progress});
  if (!walked) return std::move(walked).error();

  PartialSeries capture = sink.finish();
  capture.close();
  TG_REQUIRE(capture.account().adds_up(), "records read are not records counted plus records refused");
  portions.hand_over(capture.take_rows());
  if constexpr (std::is_same_v<Sink, KeyedSink>) sink.hand_over(capture.take_keyed_rows());
  if (!portions.status()) return portions.status().error();
  return CountedCapture{walked->format, capture.account(), capture.first_ns(), capture.last_kept_ns(),
                        walked->damage};
}

}  // namespace

Expected<CountedCapture> count_capture(const std::string& path, const CountOptions& options,
                                       const std::function<Status(const RowPortion&)>& rows) {
  TG_TRY(usable(options));
  RowPortions portions(options.flush_rows, rows);
  if (options.keyed.any()) {
    TG_REQUIRE(!options.keyed.choose, "the keys are chosen before anything is counted");
    KeyedSink sink(options.interval_ns, options.keyed, path, portions, options.keyed_rows, options.flush_keyed_bytes);
    return count_into(sink, path, options, portions);
  }
  CountSink sink(options.interval_ns, portions);
  return count_into(sink, path, options, portions);
}

}  // namespace tidegauge
