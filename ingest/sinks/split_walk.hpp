// Counts one capture on several threads, with the answer of a single walk.
//
// Problem: where a record begins is known only from the record before it, so a thread that starts in the middle has to
// guess. Model: the file is cut into pieces at places where reading can begin (any byte of a plain file, a member of a
// gzip file). A thread that takes a piece looks for the first offset from which records hold together, as a walk does
// after damage, and walks until a record begins in the next piece. One thread stands at the frontier: everything before
// it is proven. A piece that begins exactly where the frontier has arrived, in the same state of the walker, is what
// the single walk would have done from there on, since a walk depends on its state and the bytes that follow alone; its
// stretch is appended (PartialSeries::merge). Any other piece is walked again from the frontier. So a wrong guess (a
// capture carried in a payload, damage, an interface described in the middle) costs time and never a record.
// Cost: a guess looks at a few hundred bytes. Memory: a few finished pieces a thread; one that holds too many
// rows gives up and is walked at the frontier, whose rows are handed over as they come.
// The calling thread is the frontier's and walks pieces itself; others are taken from the budget as it has them.
// Tested by tests/ingest/split_walk_test.cpp: any number of threads and any size of pieces equal the single walk, on
// damaged files and on captures in captures too.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ingest/formats/damage_log.hpp"
#include "ingest/formats/index_builder.hpp"
#include "ingest/formats/walk_options.hpp"
#include "ingest/formats/walk_session.hpp"
#include "ingest/sinks/row_portions.hpp"
#include "ingest/source/block_reader.hpp"
#include "ingest/source/entry_point.hpp"
#include "kernels/core/thread_budget.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

/// What is the same for every piece.
struct SplitCapture {
  std::string path;
  std::vector<std::uint64_t> pieces;  ///< input offsets at which they begin, ascending, the first 0
  std::uint64_t head_bytes = 0;       ///< of the stream, before the first record
  std::uint64_t input_bytes = 0;
  std::size_t block_bytes = 0;  ///< 0: what the source prefers
  std::uint64_t index_step_bytes = index_step_default_bytes;
};

/// @tparam Sink counts a stretch: made by `make_sink(RowPortions&)`, finish() gives its PartialSeries
/// @tparam MakeWalker `make_walker(sink, log)` gives the walker of the capture's format at its first record
template <class Sink, class MakeSink, class MakeWalker>
class SplitWalk {
 public:
  using Walker = decltype(std::declval<const MakeWalker&>()(std::declval<Sink&>(), std::declval<DamageLog&>()));
  using State = typename Walker::State;

  /// @param guess the state in which most pieces will begin; a wrong one costs time only
  SplitWalk(const SplitCapture& capture, State guess, std::int64_t interval_ns, const WalkOptions& options,
            const MakeSink& make_sink, const MakeWalker& make_walker, RowPortions& portions, ThreadBudget& budget)
      : capture_(capture),
        interval_ns_(interval_ns),
        options_(options),
        make_sink_(make_sink),
        make_walker_(make_walker),
        portions_(portions),
        budget_(budget),
        total_(interval_ns),
        log_(options.strict),
        carried_(capture.head_bytes),
        guess_(std::move(guess)) {}
  ~SplitWalk() { dismiss(); }
  SplitWalk(const SplitWalk&) = delete;
  SplitWalk& operator=(const SplitWalk&) = delete;

  /// Walks everything. Afterwards series() is the whole capture's, open at both ends. Throws what a sink, on any thread,
  /// throws.
  Status run() {
    while (frontier_ < capture_.pieces.size()) {
      recruit();
      TG_TRY(advance());
      tell_progress();
    }
    dismiss();
    return {};
  }

  PartialSeries& series() { return total_; }
  /// The capture's time index.
  std::vector<IndexEntry>& index() { return index_; }
  /// The state in which the walk ended.
  const State& state() {
    if (!state_) {
      RowPortions none(kMostRows, [](const IntervalRows&) { return Status{}; });
      Sink sink = make_sink_(none);
      DamageLog log(false);
      state_ = make_walker_(sink, log).state();
    }
    return *state_;
  }
  /// Guesses that led nowhere.
  std::uint64_t walked_again() const { return walked_again_; }
  /// What the walk says about the capture, but for its format.
  WalkResult result() const {
    return {.format = {}, .input_bytes = capture_.input_bytes, .damage = damage_words(log_, source_damage_.words()),
            .seconds = seconds_};
  }

 private:
  /// Pieces that may be finished or in work beyond the frontier, for each thread.
  static constexpr std::size_t kAhead = 4;
  /// Read at once behind a piece.
  static constexpr std::size_t kAcross = std::size_t{16} << 10;
  /// Rows that a piece may hold (5 MiB); more is a strange capture, for the frontier.
  static constexpr std::size_t kMostRows = std::size_t{1} << 14;
  static constexpr std::size_t kMostKeyedBytes = std::size_t{8} << 20;
  /// How long the calling thread goes without a look at its progress, where it may be told to stop.
  static constexpr std::chrono::milliseconds kPatience{50};

  struct Start {
    std::uint64_t offset = 0;  ///< of the first record, from the piece's beginning
    State state{};
  };
  /// What came of a piece.
  struct Walked {
    Walked(std::int64_t interval_ns, bool strict) : log(strict), series(interval_ns) {}
    std::optional<Start> begun{};  ///< where records were found
    std::size_t next = 0;          ///< the piece in which it ended
    std::uint64_t bytes = 0;       ///< of the stream, from the beginning of this piece to that of `next`
    Start ended{};                 ///< the first record not taken, from the beginning of `next`
    bool gave_up = false;
    Status status{};
    DamageLog log;
    PartialSeries series;
    SourceDamage source_damage{};
    std::string compression{};
    StageSeconds seconds{};
    std::vector<IndexEntry> index{};
  };

  // The frontier -----

  /// Moves the frontier, or does something useful meanwhile.
  Status advance() {
    std::unique_lock lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
    const auto found = results_.find(frontier_);
    if (found == results_.end()) {
      lock.unlock();
      return walk_frontier();
    }
    if (found->second) {
      const std::unique_ptr<Walked> walked = std::move(found->second);
      lock.unlock();
      return take(*walked);
    }
    if (const auto piece = claim()) {
      lock.unlock();
      speculate(*piece, true);
    } else {
      changed_.wait_for(lock, kPatience);
    }
    return {};
  }

  Status take(Walked& walked) {
    const bool proven = walked.begun && walked.begun->offset == carried_ && walked.begun->state == state();
    if (proven && !walked.gave_up) return append(walked);
    ++walked_again_;
    seconds_ += walked.seconds;
    return walk_frontier();
  }

  Status walk_frontier() {
    Walked walked(interval_ns_, options_.strict);
    walk_piece(walked, frontier_, Start{carried_, state()}, state(), portions_, true);
    return append(walked);
  }

  Status append(Walked& walked) {
    TG_TRY(Status(walked.status));
    seconds_ += walked.seconds;
    log_.append(walked.log, base_);
    if (log_.stopped()) return log_.error(capture_.path, walked.compression);
    if (options_.strict && !walked.source_damage.empty()) return source_damage_error(walked.source_damage.words(), capture_.path);
    source_damage_ += walked.source_damage;
    append_index(index_, std::move(walked.index), base_);
    keyed_bytes_ += RowPortions::bytes_of(walked.series.keyed_rows());
    total_.merge(std::move(walked.series));
    if (portions_.relieve(total_, keyed_bytes_)) keyed_bytes_ = 0;
    base_ += walked.bytes;
    carried_ = walked.ended.offset;
    state_ = walked.ended.state;
    const std::lock_guard lock(mutex_);
    guess_ = std::move(walked.ended.state);
    frontier_ = walked.next;
    results_.erase(results_.begin(), results_.lower_bound(frontier_));
    changed_.notify_all();
    return {};
  }

  void tell_progress() const {
    if (!options_.progress) return;
    const bool over = frontier_ >= capture_.pieces.size();
    options_.progress(over ? capture_.input_bytes : capture_.pieces[frontier_], capture_.input_bytes);
  }

  // Pieces ahead of it -----

  /// A piece for a guess, if one may be taken; under the lock.
  std::optional<std::size_t> claim() {
    const std::size_t piece = std::max(next_claim_, frontier_ + 1);
    if (piece >= capture_.pieces.size() || piece > frontier_ + kAhead * (helpers_.size() + 1)) return std::nullopt;
    results_.emplace(piece, nullptr);
    next_claim_ = piece + 1;
    return piece;
  }

  /// Takes another thread if there is one and something to do for it.
  void recruit() {
    if (helpers_.size() + 1 >= capture_.pieces.size() - frontier_ || !budget_.take()) return;
    const std::lock_guard lock(mutex_);
    helpers_.emplace_back([this] { help(); });
  }

  void help() {
    try {
      walk_ahead();
    } catch (...) {  // no memory is left: the calling thread says so, a thread's own function cannot
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      changed_.notify_all();
    }
  }

  void walk_ahead() {
    std::unique_lock lock(mutex_);
    while (!dismissed_) {
      const auto piece = claim();
      if (!piece) {
        changed_.wait(lock);
        continue;
      }
      lock.unlock();
      speculate(*piece, false);
      lock.lock();
    }
  }

  void speculate(std::size_t piece, bool calling_thread) {
    auto walked = std::make_unique<Walked>(interval_ns_, options_.strict);
    RowPortions held(
        kMostRows, [&](const IntervalRows&) { return walked->gave_up = true, Status{}; },
        [&](const KeyedRows&) { return walked->gave_up = true, Status{}; }, kMostKeyedBytes);
    State guess;
    {
      const std::lock_guard lock(mutex_);
      guess = guess_;
    }
    walk_piece(*walked, piece, std::nullopt, guess, held, calling_thread);
    if (!held.status()) walked->gave_up = true;  // the frontier meets it again, and says it
    const std::lock_guard lock(mutex_);
    if (piece >= frontier_) results_[piece] = std::move(walked);
    changed_.notify_all();
  }

  void dismiss() {
    {
      const std::lock_guard lock(mutex_);
      dismissed_ = true;
    }
    changed_.notify_all();
    for (std::thread& helper : helpers_) helper.join();
    budget_.give(helpers_.size());
    helpers_.clear();
  }

  // One piece -----

  /// Each piece opens the file anew, and they are to be of one file.
  Expected<std::unique_ptr<ByteSource>> open_piece(std::size_t piece) const {
    std::error_code unknown;
    const std::uint64_t now = std::filesystem::file_size(capture_.path, unknown), was = capture_.input_bytes;
    if (unknown || now == was) return open_source_at(capture_.path, EntryPoint{0, capture_.pieces[piece], {}});
    return Error{std::string("the file became ") + (now < was ? "shorter" : "longer") + " while it was read: " +
                     std::to_string(was) + " bytes when it was opened, " + std::to_string(now) + " now",
                 capture_.path, "run again once nothing writes to it"};
  }

  /// Walks from `start`, or from where records are found, to the first record of a later piece.
  void walk_piece(Walked& walked, std::size_t piece, const std::optional<Start>& start, const State& state,
                  RowPortions& rows, bool calling_thread) {
    auto source = open_piece(piece);
    if (!source) {
      walked.status = std::move(source).error();
      return;
    }
    Sink sink = make_sink_(rows);
    Walker walker = make_walker_(sink, walked.log);
    walker.resume(state);
    if (!start) walker.search();
    walked.begun = start;
    walked.next = piece + 1;
    const auto here = (*source)->checkpoint();
    IndexBuilder index(capture_.index_step_bytes, here ? here->stream_offset : 0, capture_.pieces[piece]);
    walked.status = drive(walked, **source, walker, sink, index, calling_thread);
    index.end(sink);
    walked.index = index.take();
    if (!start && walker.found()) walked.begun = Start{*walker.found(), state};
    walked.series = sink.finish();
    walked.compression = (*source)->compression();
  }

  Status drive(Walked& walked, ByteSource& source, Walker& walker, Sink& sink, IndexBuilder& index,
               bool calling_thread) {
    BlockReader reader(source, capture_.block_bytes);
    Stopwatch walking;
    std::optional<std::uint64_t> stop;  // stream offset at which piece `next` begins
    const std::size_t pieces = capture_.pieces.size();
    if (walked.next < pieces) source.stop_before(capture_.pieces[walked.next]);
    const auto more = [&]() -> Status {
      // Behind the stop only the record that lies across it is wanted: a whole block would cost a piece of 4 MiB a tenth.
      TG_TRY(stop ? reader.little_more(kAcross) : reader.more());
      while (!stop && walked.next < pieces && source.passed_stop()) {
        if (++walked.next < pieces) source.stop_before(capture_.pieces[walked.next]);
      }
      if (!stop && walked.next < pieces && source.reached_stop()) {
        stop = reader.offset() + reader.size();
        walked.source_damage = source.damage();  // what comes behind is the next piece's, which meets it too
        walker.stop_at(*stop);
      }
      return {};
    };

    while (walked.begun && reader.offset() < walked.begun->offset && !reader.final()) {
      if (reader.size() == 0) TG_TRY(more());
      const std::uint64_t before = walked.begun->offset - reader.offset();
      reader.consume(reader.begin() + std::min<std::uint64_t>(reader.size(), before));
    }
    const auto over = [&] {
      const bool there = stop && reader.offset() >= *stop && !walker.scanning();
      return there || walked.log.stopped() || walked.gave_up || reader.final() || dismissed_;
    };
    for (auto told = std::chrono::steady_clock::now();;) {
      {
        const Stopwatch::Stretch stretch(walking);
        reader.consume(walker.walk(reader.begin(), reader.end(), reader.final(), reader.offset()));
      }
      if (over()) break;
      index.after_block(walker, sink, reader, source);
      TG_TRY(more());
      if (calling_thread && std::chrono::steady_clock::now() - told > kPatience) {
        tell_progress();
        told = std::chrono::steady_clock::now();
      }
    }
    walked.seconds = {source.seconds().read, source.seconds().inflate, walking.seconds()};
    if (!stop) walked.next = pieces, walked.source_damage = source.damage();
    walked.bytes = stop ? *stop : reader.offset();
    walked.ended = {reader.offset() - walked.bytes, walker.state()};
    return {};
  }

  const SplitCapture& capture_;
  std::int64_t interval_ns_;
  const WalkOptions& options_;
  const MakeSink& make_sink_;
  const MakeWalker& make_walker_;
  RowPortions& portions_;
  ThreadBudget& budget_;

  // The calling thread's.
  PartialSeries total_;
  std::size_t keyed_bytes_ = 0;  ///< at most so much of keyed rows is held in total_
  std::vector<IndexEntry> index_;
  DamageLog log_;
  SourceDamage source_damage_;
  std::uint64_t walked_again_ = 0;
  StageSeconds seconds_;  ///< also of what was walked in vain
  std::uint64_t base_ = 0;      ///< stream offset of the frontier's piece
  std::uint64_t carried_;       ///< from there, of the first record that is not proven
  std::optional<State> state_;  ///< of the walker there

  std::mutex mutex_;  ///< for what follows; the calling thread reads frontier_ and helpers_ without
  std::condition_variable changed_;
  std::atomic<bool> dismissed_{false};
  std::exception_ptr failure_;  ///< what a helper threw
  State guess_;
  std::size_t frontier_ = 0;    ///< the first piece that is not proven
  std::size_t next_claim_ = 0;  ///< pieces before it are taken, or the frontier's
  std::map<std::size_t, std::unique_ptr<Walked>> results_;  ///< none while it is in work
  std::vector<std::thread> helpers_;
};

}  // namespace tidegauge
