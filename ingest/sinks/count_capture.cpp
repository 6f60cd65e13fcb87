#include "ingest/sinks/count_capture.hpp"

#include <type_traits>
#include <utility>
#include <vector>

#include "ingest/formats/capture.hpp"
#include "ingest/sinks/count_sink.hpp"
#include "ingest/sinks/keyed_sink.hpp"
#include "ingest/sinks/pack_sink.hpp"
#include "ingest/sinks/split_walk.hpp"
#include "ingest/sinks/timed_sink.hpp"
#include "ingest/source/parallel_gzip_source.hpp"
#include "ingest/source/pieces.hpp"
#include "ingest/source/read_ahead_source.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {
namespace {

Expected<CountedCapture> settle(WalkResult walked, PartialSeries capture, RowPortions& portions) {
  capture.close();
  TG_REQUIRE(capture.account().adds_up(), "records read are not records counted plus records refused");
  portions.hand_over(capture.take_rows());
  portions.hand_over(capture.take_keyed_rows());
  if (!portions.status()) return portions.status().error();
  return CountedCapture{.format = std::move(walked.format), .account = capture.account(), .first_ns = capture.first_ns(),
                        .last_ns = capture.last_kept_ns(), .damage = std::move(walked.damage),
                        .input_bytes = walked.input_bytes, .seconds = walked.seconds};
}

// A gzip member of less is inflated before threads have begun to help.
constexpr std::uint64_t kWorthParallelGzip = std::uint64_t{4} << 20;

Status usable(const CountOptions& options) {
  if (options.interval_ns >= 1'000'000 && options.interval_ns <= day_ns) return {};
  return Error{"an interval of " + std::to_string(options.interval_ns) + " ns is out of range", "interval",
               "a length from 1 ms to 1 day", ErrorKind::usage};
}

/// A thread of the budget while it lives, if there is one.
class Helper {
 public:
  explicit Helper(ThreadBudget* budget) : budget_(budget && budget->take() ? budget : nullptr) {}
  ~Helper() { release(); }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  explicit operator bool() const { return budget_ != nullptr; }
  void release() {
    if (ThreadBudget* const budget = std::exchange(budget_, nullptr)) budget->give();
  }

 private:
  ThreadBudget* budget_;
};

/// `source` of `path` with the help of other threads, if there are some: those of a gzip member inflate it, for other
/// compression one reads ahead.
Expected<std::unique_ptr<ByteSource>> with_help(std::unique_ptr<ByteSource> source, const std::string& path,
                                                const CountOptions& options, Helper& helper) {
  const std::uint64_t every = 4 * options.index_step_bytes;  // as the index has places
  const bool can_be_opened_again = path != "-";  // each of its threads does
  if (can_be_opened_again && source->compression() == "gzip" && source->input_total() >= kWorthParallelGzip) {
    helper.release();  // it takes what it needs itself
    return open_parallel_gzip(path, *options.spare_threads, {.checkpoint_every_bytes = every});
  }
  return std::unique_ptr<ByteSource>(
      std::make_unique<ReadAheadSource>(std::move(source), ReadAheadOptions{.checkpoint_every_bytes = every}));
}

/// One walk.
template <class Sink, class MakeSink>
Expected<CountedCapture> count_whole(const std::string& path, const CountOptions& options, const MakeSink& make_sink,
                                     RowPortions& portions) {
  auto opened = options.follow ? open_followed(path, *options.follow) : open_source(path);
  if (!opened) return std::move(opened).error();
  std::unique_ptr<ByteSource> source = *std::move(opened);
  // Who waits for a file to grow is told to stop on the calling thread.
  Helper helper(source->compression().empty() || options.follow ? nullptr : options.spare_threads);
  if (helper) {
    auto helped = with_help(std::move(source), path, options, helper);
    if (!helped) return std::move(helped).error();
    source = *std::move(helped);
  }
  Sink sink = make_sink(portions);
  IndexBuilder index(options.index_step_bytes);
  auto walked =
      walk_source(path, *source, sink, {.strict = options.strict, .progress = options.progress, .index = &index},
                  options.block_bytes);
  if (!walked) return std::move(walked).error();
  const Fingerprint fingerprint = source->fingerprint();
  auto counted = settle(*std::move(walked), sink.finish(), portions);
  if (counted) counted->fingerprint = fingerprint, counted->index = index.take();
  return counted;
}

/// The pieces of the file on as many threads as there are.
template <class Sink, class MakeSink>
Expected<CountedCapture> count_pieces(const std::string& path, std::vector<std::uint64_t> pieces,
                                      const CountOptions& options, const MakeSink& make_sink, RowPortions& portions) {
  auto source = open_source(path);
  if (!source) return std::move(source).error();
  const WalkOptions walking{.strict = options.strict, .progress = options.progress};
  WalkSession session(path, **source, walking, options.block_bytes);
  PartialSeries capture(options.interval_ns);
  WalkResult result;
  const std::uint64_t cut_into = pieces.size();
  std::uint64_t walked_again = 0;
  std::vector<IndexEntry> index;
  auto format = with_walker<Sink>(session, [&](const auto& make_walker, const auto& guess) -> Status {
    const SplitCapture split{.path = path, .pieces = std::move(pieces), .head_bytes = session.reader().offset(),
                             .input_bytes = (*source)->input_total(), .block_bytes = options.block_bytes,
                             .index_step_bytes = options.index_step_bytes};
    SplitWalk<Sink, MakeSink, std::decay_t<decltype(make_walker)>> walk(split, guess, options.interval_ns, walking,
                                                                        make_sink, make_walker, portions,
                                                                        *options.spare_threads);
    TG_TRY(walk.run());
    capture = std::move(walk.series());
    result = walk.result();
    walked_again = walk.walked_again();
    index = std::move(walk.index());
    return something_decoded(session, walk.state());
  });
  if (!format) return std::move(format).error();
  result.format = format_words(*format, **source);
  auto counted = settle(std::move(result), std::move(capture), portions);
  if (!counted) return counted;
  counted->pieces = cut_into;
  counted->walked_again = walked_again;
  counted->index = std::move(index);
  return counted;
}

template <class Sink, class MakeSink>
Expected<CountedCapture> count_with(const std::string& path, const CountOptions& options, const MakeSink& make_sink,
                                    RowPortions& portions) {
  if (options.spare_threads && !options.keyed.serial() && !options.follow) {
    auto pieces = find_pieces(path, options.piece_bytes, options.spare_threads->any());
    if (!pieces) return std::move(pieces).error();
    if (pieces->size() > 1) return count_pieces<Sink>(path, *std::move(pieces), options, make_sink, portions);
  }
  return count_whole<Sink>(path, options, make_sink, portions);
}

/// One walk that takes each record's time from the file beside the capture.
template <class Sink, class MakeSink>
Expected<CountedCapture> count_timed(const std::string& path, const CountOptions& options, const MakeSink& make_sink,
                                     RowPortions& portions) {
  auto times = TimesReader::open(options.times);
  if (!times) return std::move(times).error();
  auto source = open_source(path);
  if (!source) return std::move(source).error();
  Sink sink = make_sink(portions);
  TimedSink timed(sink, *times);
  IndexBuilder index(options.index_step_bytes);
  auto walked = walk_source(path, **source, timed, {.strict = options.strict, .progress = options.progress, .index = &index},
                            options.block_bytes);
  if (!walked) return std::move(walked).error();
  TG_TRY(timed.finish());
  walked->format += " with .times";
  auto counted = settle(*std::move(walked), sink.finish(), portions);
  if (counted) counted->index = index.take();
  return counted;
}

template <class Sink, class MakeSink>
Expected<CountedCapture> count_by(const std::string& path, const CountOptions& options, const MakeSink& make_sink,
                                  RowPortions& portions) {
  if (!options.times.empty()) return count_timed<Sink>(path, options, make_sink, portions);
  return count_with<Sink>(path, options, make_sink, portions);
}

}  // namespace

Expected<CountedCapture> count_capture(const std::string& path, const CountOptions& options,
                                       const std::function<Status(const RowPortion&)>& rows) {
  TG_TRY(usable(options));
  TG_REQUIRE(!options.keyed.choose, "the keys are chosen before anything is counted");
  const KeyPlan plan(options.keyed, path);
  const auto keyed_rows = [&](const KeyedRows& portion) -> Status {
    return options.keyed_rows ? options.keyed_rows(portion, plan) : Status();
  };
  TG_REQUIRE(!options.counters || !options.keyed.held, "a device counts keys that are known before");
  TG_REQUIRE(!options.follow || options.times.empty(), "a capture with a file of its times is whole");
  RowPortions portions(options.flush_rows, rows, keyed_rows, options.flush_keyed_bytes);
  if (options.counters && !options.keyed.any())
    return count_by<PackSink>(
        path, options, [&](RowPortions& to) { return PackSink(options.interval_ns, *options.counters, to); }, portions);
  if (options.counters)
    return count_by<KeyedPackSink>(
        path, options,
        [&](RowPortions& to) { return KeyedPackSink(options.interval_ns, options.keyed, path, to, *options.counters); },
        portions);
  if (options.keyed.any())
    return count_by<KeyedSink>(
        path, options, [&](RowPortions& to) { return KeyedSink(options.interval_ns, options.keyed, path, to); }, portions);
  return count_by<CountSink>(
      path, options, [&](RowPortions& to) { return CountSink(options.interval_ns, to); }, portions);
}

}  // namespace tidegauge
