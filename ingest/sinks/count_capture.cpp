#include "ingest/sinks/count_capture.hpp"

#include <type_traits>
#include <utility>
#include <vector>

#include "ingest/formats/capture.hpp"
#include "ingest/sinks/count_sink.hpp"
#include "ingest/sinks/keyed_sink.hpp"
#include "ingest/sinks/split_walk.hpp"
#include "ingest/source/pieces.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {
namespace {

Expected<CountedCapture> settle(WalkResult walked, PartialSeries capture, RowPortions& portions) {
  capture.close();
  TG_REQUIRE(capture.account().adds_up(), "records read are not records counted plus records refused");
  portions.hand_over(capture.take_rows());
  if (!portions.status()) return portions.status().error();
  return CountedCapture{std::move(walked.format), capture.account(), capture.first_ns(), capture.last_kept_ns(),
                        std::move(walked.damage)};
}

Status usable(const CountOptions& options) {
  if (options.interval_ns >= 1'000'000 && options.interval_ns <= day_ns) return {};
  return Error{"an interval of " + std::to_string(options.interval_ns) + " ns is out of range", "interval",
               "a length from 1 ms to 1 day", ErrorKind::usage};
}

/// One thread, one walk.
Expected<CountedCapture> count_whole(const std::string& path, const CountOptions& options, RowPortions& portions) {
  CountSink sink(options.interval_ns, portions);
  auto walked = walk_capture(path, sink, {.strict = options.strict, .progress = options.progress});
  if (!walked) return std::move(walked).error();
  return settle(*std::move(walked), sink.finish(), portions);
}

/// The same with keys, filters or sketches.
Expected<CountedCapture> count_keyed(const std::string& path, const CountOptions& options, RowPortions& portions) {
  TG_REQUIRE(!options.keyed.choose, "the keys are chosen before anything is counted");
  KeyedSink sink(options.interval_ns, options.keyed, path, portions, options.keyed_rows, options.flush_keyed_bytes);
  auto walked = walk_capture(path, sink, {.strict = options.strict, .progress = options.progress});
  if (!walked) return std::move(walked).error();
  PartialSeries capture = sink.finish();
  capture.close();
  sink.hand_over(capture.take_keyed_rows());
  return settle(*std::move(walked), std::move(capture), portions);
}

/// The pieces of the file on as many threads as there are.
Expected<CountedCapture> count_pieces(const std::string& path, std::vector<std::uint64_t> pieces,
                                      const CountOptions& options, RowPortions& portions) {
  auto source = open_source(path);
  if (!source) return std::move(source).error();
  const WalkOptions walking{.strict = options.strict, .progress = options.progress};
  WalkSession session(path, **source, walking, 0);
  PartialSeries capture(options.interval_ns);
  WalkResult result;
  const std::uint64_t cut_into = pieces.size();
  std::uint64_t walked_again = 0;
  const auto make_sink = [&](RowPortions& rows) { return CountSink(options.interval_ns, rows); };
  auto format = with_walker<CountSink>(session, [&](const auto& make_walker, const auto& guess) -> Status {
    const SplitCapture split{path, std::move(pieces), session.reader().offset(), (*source)->input_total(), 0};
    SplitWalk<CountSink, decltype(make_sink), std::decay_t<decltype(make_walker)>> walk(
        split, guess, options.interval_ns, walking, make_sink, make_walker, portions, *options.spare_threads);
    TG_TRY(walk.run());
    capture = std::move(walk.series());
    result = walk.result();
    walked_again = walk.walked_again();
    return some_link_decoded(session, walk.state());
  });
  if (!format) return std::move(format).error();
  result.format = format_words(*format, **source);
  auto counted = settle(std::move(result), std::move(capture), portions);
  if (counted) counted->pieces = cut_into, counted->walked_again = walked_again;
  return counted;
}

}  // namespace

Expected<CountedCapture> count_capture(const std::string& path, const CountOptions& options,
                                       const std::function<Status(const RowPortion&)>& rows) {
  TG_TRY(usable(options));
  RowPortions portions(options.flush_rows, rows);
  if (options.keyed.any()) return count_keyed(path, options, portions);
  std::vector<std::uint64_t> pieces;
  if (options.spare_threads) {
    auto found = find_pieces(path, options.piece_bytes);
    if (!found) return std::move(found).error();
    pieces = *std::move(found);
  }
  return pieces.size() > 1 ? count_pieces(path, std::move(pieces), options, portions)
                           : count_whole(path, options, portions);
}

}  // namespace tidegauge
