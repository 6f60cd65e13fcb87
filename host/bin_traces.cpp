#include "host/bin_traces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "host/counting_settings.hpp"
#include "host/interrupt.hpp"
#include "host/stats_file.hpp"
#include "ingest/sinks/choose_keys.hpp"
#include "ingest/sinks/count_capture.hpp"
#include "ingest/sinks/keyed_counts.hpp"
#include "ingest/sinks/times_reader.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/core/stopwatch.hpp"

namespace tidegauge {

namespace {

std::uint64_t bytes_on_disk(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

/// Adds up the progress of several threads and passes it on one call at a time.
class ProgressSum {
 public:
  ProgressSum(std::size_t files, const BinOptions& options) : tell_(options.progress) { sum_.files = files; }
  /// A file that is to be done.
  void expect(std::uint64_t bytes) { sum_.bytes += bytes; }
  /// @param bytes newly done of `path`.
  void advance(const std::string& path, std::uint64_t bytes, bool file_done = false) {
    const std::lock_guard lock(mutex_);
    sum_.bytes_done += bytes;
    sum_.files_done += file_done;
    sum_.current = path;
    if (tell_) tell_(sum_);
  }

 private:
  std::function<void(const BinProgress&)> tell_;
  std::mutex mutex_;
  BinProgress sum_;
};

/// Thrown out of a walk whose device is lost, so that it does not go on to the end of its capture for nothing.
struct DeviceLost {};

class BinJob {
 public:
  BinJob(const std::vector<std::string>& paths, const BinOptions& options)
      : paths_(paths), options_(options), keyed_(options.keyed), progress_(paths.size(), options) {
    report_.files.resize(paths.size());
    for (std::size_t i = 0; i < paths.size(); ++i) report_.files[i].path = paths[i];
  }

  Expected<BinReport> run() {
    if (std::count(paths_.begin(), paths_.end(), "-") > 1)
      return Error{"standard input is named more than once", "-", "name it once: it can be read once", ErrorKind::usage};
    auto report = run_on_series();
    writers_.clear();
    // A file that this job made, and into which nothing came, would only be in the way; a shard without captures of its own has
    // nothing to put in, and its file is waited for.
    if (made_series_ && !paths_.empty() && (!report || report->count(BinOutcome::added) == 0)) SeriesFile::remove_unused(options_.series);
    return report;
  }

 private:
  Expected<BinReport> run_on_series() {
    TG_TRY(open_series());
    TG_TRY(fix_keys());
    if (stop_.load()) return std::move(report_);
    TG_TRY(take_devices());
    const auto begin = std::chrono::steady_clock::now();
    const std::size_t threads = options_.csv ? 1 : threads_wanted();  // an import holds the process's time zone
    ThreadPool pool(std::clamp<std::size_t>(paths_.size(), 1, threads));
    spare_threads_.give(threads - pool.threads());
    writers_.resize(pool.threads());
    const std::vector<std::size_t> order = largest_first();
    pool.run(order.size(), [&](std::size_t task, std::size_t worker) {
      started_.fetch_add(1);
      bin_file(order[task], worker);
      if (started_.load() >= order.size()) spare_threads_.give();  // nothing is left for this thread
    });
    TG_TRY(settle());
    report_.stopped = stop_.load();
    if (counters_) report_.device_failure = counters_->failure(), report_.device_shortage = counters_->shortage();
    report_.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return std::move(report_);
  }

  std::size_t threads_wanted() const {
    return options_.threads != 0 ? options_.threads : std::max(1u, std::thread::hardware_concurrency());
  }

  /// So that no large capture is left alone at the end.
  std::vector<std::size_t> largest_first() {
    std::vector<std::pair<std::uint64_t, std::size_t>> by_size;
    for (std::size_t i = 0; i < paths_.size(); ++i) by_size.emplace_back(bytes_on_disk(paths_[i]), i);
    for (const auto& [size, file] : by_size) progress_.expect(size);
    std::stable_sort(by_size.begin(), by_size.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::size_t> order;
    for (const auto& [size, file] : by_size) order.push_back(file);
    return order;
  }

  /// Makes the series file once, before the threads open it, each for itself.
  Status open_series() {
    std::error_code unknown;
    const bool was_there = std::filesystem::exists(options_.series, unknown);
    auto file = SeriesFile::open(options_.series, OpenMode::create, options_.interval_ns);
    if (!file) return std::move(file).error();
    made_series_ = !was_there;
    report_.interval_ns = file->interval_ns();
    return {};
  }

  /// `--keys auto`: the keys that the point's traces were counted by, for the first ones those of a pass over them.
  Status fix_keys() {
    if (!keyed_.choose) return {};
    for (const std::string& path : paths_)
      if (comes_once(path))
        return Error{"keys are chosen in a pass of its own, which a pipe or a file that still grows cannot give", path,
                     "--keys FILE, or save it to a file first", ErrorKind::usage};
    auto file = SeriesFile::open(options_.series, OpenMode::write);
    if (!file) return std::move(file).error();
    file->set_wait(options_.wait_ms);
    auto traces = file->traces();
    if (!traces) return std::move(traces).error();
    auto known = file->table("keys", options_.point);
    if (!known) return std::move(known).error();
    const bool begun = std::any_of(traces->begin(), traces->end(), [&](const auto& t) { return t.point == options_.point; });
    if (begun && *known) {
      if (auto again = with_key_lists(keyed_, **known)) {
        keyed_ = *std::move(again);
        return {};
      }
    }
    try {
      auto chosen = choose_keys(paths_, keyed_, {.progress = [&](const std::string&) {
        if (stopping()) throw Interrupted{};
      }});
      if (!chosen) return std::move(chosen).error();
      keyed_ = *std::move(chosen);
    } catch (const Interrupted&) {
      report_.stopped = true;
      return {};
    }
    return file->save_table("keys", options_.point, key_lists_json(keyed_));
  }

  Status take_devices() {
    if (options_.devices.empty()) return {};
    if (keyed_.held)
      return Error{"prefixes and MACs without a list are counted on the CPU only", "--device",
                   "--keys FILE or --keys auto, or --device cpu", ErrorKind::usage};
    counters_.emplace(options_.devices, BatchCounts::shape_of(keyed_), threads_wanted());
    return {};
  }
  CounterPool* usable_counters() { return counters_ && !counters_->failure() ? &*counters_ : nullptr; }

  Expected<SeriesFile*> writer(std::size_t worker) {
    auto& own = writers_[worker];
    if (!own) {
      auto file = SeriesFile::open(options_.series, OpenMode::write);
      if (!file) return std::move(file).error();
      if (file->interval_ns() != report_.interval_ns)
        return Error{"another process gave this series file another interval meanwhile", options_.series,
                     "run it again, or name another series file with -o"};
      file->set_wait(options_.wait_ms);
      TG_TRY(file->begin_batch());
      own.emplace(*std::move(file));
    }
    return &*own;
  }

  /// What is in by now stays in when the power fails: before anything is reported.
  Status settle() const {
    for (const auto& own : writers_)
      if (own) return own->settle();  // they all write to one log
    return {};
  }

  /// And once a second meanwhile, so that little is to be counted again.
  Status settle_if_due(const SeriesFile& file) {
    const auto now = std::chrono::steady_clock::now();
    {
      const std::lock_guard<std::mutex> lock(settle_mutex_);
      if (now - settled_ < std::chrono::seconds(1)) return {};
      settled_ = now;
    }
    return file.settle();
  }

  bool stopping() {
    if (options_.stop && options_.stop()) stop_.store(true);
    return stop_.load();
  }

  void bin_file(std::size_t index, std::size_t worker) {
    BinnedFile& result = report_.files[index];
    if (stopping()) return;
    std::uint64_t told = 0;
    try {
      auto outcome = add_anywhere(result, worker, told);
      if (outcome)
        if (Status settled = settle_if_due(*writers_[worker]); !settled) outcome = std::move(settled).error();
      if (outcome) {
        result.outcome = *outcome == AddOutcome::added ? BinOutcome::added : BinOutcome::already_in;
      } else {
        result.outcome = BinOutcome::failed;
        if (outcome.error().kind == ErrorKind::damage) stop_.store(true);
        result.error = std::move(outcome).error();
      }
    } catch (const Interrupted&) {
      return;  // rolled back, left out
    } catch (const std::bad_alloc&) {  // rolled back; the others may be smaller
      result.outcome = BinOutcome::failed;
      result.error = Error{"there is not enough memory to count it", result.path, "fewer --threads, or a longer --interval"};
    } catch (const std::system_error& e) {
      result.outcome = BinOutcome::failed;
      result.error = Error{std::string("the system refused what it needs: ") + e.what(), result.path, "fewer --threads"};
    }
    const std::uint64_t size = bytes_on_disk(result.path);
    progress_.advance(result.path, size > told ? size - told : 0, true);
  }

  /// Where a device is lost in the middle, the capture is counted again without it, if it can be read again.
  Expected<AddOutcome> add_anywhere(BinnedFile& result, std::size_t worker, std::uint64_t& told) {
    const bool with_device = usable_counters() != nullptr;
    std::optional<Error> error;
    try {
      auto outcome = add(result, worker, told);
      if (outcome || !with_device || usable_counters()) return outcome;
      error = std::move(outcome).error();  // the device's, or its own while the device was lost to another
    } catch (const DeviceLost&) {
      error = counters_->failure();
    }
    if (comes_once(result.path)) return *error;
    BinnedFile again;
    again.path = result.path;
    result = std::move(again);
    return add(result, worker, told);
  }

  Expected<AddOutcome> add(BinnedFile& result, std::size_t worker, std::uint64_t& told) {
    auto file = writer(worker);
    if (!file) return std::move(file).error();
    auto outcome = add_to(**file, result, told);
    if (outcome && *outcome == AddOutcome::added && result.trace.kind != "csv") result.remark = oddities(**file, result.trace);
    return outcome;
  }

  Expected<AddOutcome> add_to(SeriesFile& file, BinnedFile& result, std::uint64_t& told) {
    result.trace.path = result.path;
    result.trace.point = options_.point;
    if (!options_.csv && comes_once(result.path)) return add_capture(file, result, told);
    auto fingerprint = fingerprint_file(result.path);
    if (!fingerprint) return std::move(fingerprint).error();
    result.trace.fingerprint = *fingerprint;
    if (options_.csv) return add_table(file, result);
    return is_stats_file(result.path) ? add_stats(file, result) : add_capture(file, result, told);
  }

  /// What is odd about a capture that came in, and yet may be right.
  static std::string oddities(const SeriesFile& file, const TraceRecord& trace) {
    std::string words;
    if (const auto silence = file.long_silence(trace); silence && *silence)
      words = (*silence)->words(file.interval_ns()) + ": inside one capture that is time without traffic, so the series has zeros there; if a "
              "clock was wrong or captures were merged, cut it there (editcap -A, -B) and bin the parts into a new series file";
    if (const auto twin = file.twin_of(trace); twin && *twin)
      words += (words.empty() ? "" : "; ") + ("it has as many packets as " + **twin + ", between the same two times: if it is "
               "the same capture, stored in another way, it counts twice now; bin one of them alone into a new series file");
    return words;
  }

  /// Standard input, or what a path leads to that gives its bytes but once.
  static bool is_pipe(const std::string& path) {
    std::error_code none;
    return path == "-" || std::filesystem::is_fifo(path, none) || std::filesystem::is_socket(path, none);
  }

  bool is_followed(const std::string& path) const {
    return options_.follow_ms && !is_pipe(path) && !is_stats_file(path);
  }
  /// Its identity is known at its end only.
  bool comes_once(const std::string& path) const { return is_pipe(path) || is_followed(path); }

  Expected<FollowOptions> follow(const std::string& path) {
    if (options_.times && times_file_of(path))
      return Error{"there is a file of its times beside it, so it cannot be followed", path,
                   "--no-times, or no --follow once both are whole", ErrorKind::usage};
    return FollowOptions{.patience = std::chrono::milliseconds(*options_.follow_ms), .waiting = [this] {
      if (stopping()) throw Interrupted{};
    }};
  }

  Expected<AddOutcome> add_capture(SeriesFile& file, BinnedFile& result, std::uint64_t& told) {
    result.trace.settings = counting_json(keyed_);
    const bool followed = is_followed(result.path);
    if (followed) result.trace.absolute_path = absolute_path(result.path);
    std::unique_lock<std::mutex> writing(write_mutex_, std::defer_lock);  // released after the commit
    std::optional<Stopwatch::Stretch> storing;  // behind the counting
    Stopwatch storing_time;
    auto outcome = file.add_trace(result.trace, [&](const SeriesFile::RowSink& rows) -> Expected<TraceRecord> {
      CountOptions counting;
      counting.interval_ns = report_.interval_ns;
      counting.strict = options_.strict;
      counting.spare_threads = &spare_threads_;
      if (followed) {
        auto how = follow(result.path);
        if (!how) return std::move(how).error();
        counting.follow = *std::move(how);
      }
      if (options_.times && !comes_once(result.path)) counting.times = times_file_of(result.path).value_or("");
      if (!counting.times.empty()) {
        auto times = fingerprint_file(counting.times);
        if (!times) return std::move(times).error();
        result.trace.times = *times;
      }
      counting.index_step_bytes = options_.index_step_bytes;
      counting.counters = usable_counters();
      counting.progress = [&](std::uint64_t done, std::uint64_t) {
        if (stopping()) throw Interrupted{};
        if (counting.counters && counters_->failure()) throw DeviceLost{};
        progress_.advance(result.path, done - std::min(done, told));
        told = std::max(told, done);
      };
      const auto take_turn = [&] {
        if (stopping()) throw Interrupted{};
        // Threads of one process take turns here, for as long as it takes; SQLite's wait is for other processes.
        if (!writing.owns_lock()) writing.lock();
      };
      counting.keyed = keyed_;
      counting.keyed_rows = [&](const KeyedRows& portion, const KeyPlan& plan) {
        take_turn();
        const Stopwatch::Stretch stretch(storing_time);
        return rows.keyed(portion, [&plan](const CountedKey& key) { return std::pair(plan.kind(key), plan.name(key)); });
      };
      auto counted = count_capture(result.path, counting, [&](const RowPortion& portion) {
        take_turn();
        const Stopwatch::Stretch stretch(storing_time);
        return rows(portion);
      });
      if (!counted) return std::move(counted).error();
      if (!writing.owns_lock()) writing.lock();  // also a capture without rows writes its account
      TG_REQUIRE(counted->account.adds_up(), "every record is counted or refused by name");
      if (comes_once(result.path)) result.trace.fingerprint = counted->fingerprint;
      if (!is_pipe(result.path)) TG_TRY(check_unchanged(result.trace));
      if (result.trace.times) TG_TRY(check_unchanged(counting.times, *result.trace.times));
      storing.emplace(storing_time);
      result.seconds = counted->seconds;
      result.trace.kind = counted->format;
      result.trace.account = counted->account;
      result.trace.damage = counted->damage;
      if (counted->first_ns) result.trace.span = Span{*counted->first_ns, *counted->last_ns};
      TraceRecord counted_trace = result.trace;
      counted_trace.index = std::move(counted->index);
      return counted_trace;
    });
    storing.reset();
    result.store_seconds = storing_time.seconds();
    return outcome;
  }

  /// A capture that is still written to would come in half and be refused as changed ever after.
  static Status check_unchanged(const TraceRecord& trace) { return check_unchanged(trace.path, trace.fingerprint); }
  static Status check_unchanged(const std::string& path, const Fingerprint& before) {
    auto now = fingerprint_file(path);
    if (!now) return std::move(now).error();
    if (*now == before) return {};
    return Error{"the file changed while it was read", path, "wait until its capture has ended, then run it again"};
  }

  Expected<AddOutcome> add_table(SeriesFile& file, BinnedFile& result) {
    result.trace.kind = "csv";
    result.trace.settings = csv_settings(*options_.csv);
    auto known = file.find_trace(result.trace);
    if (!known) return std::move(known).error();
    if (known->has_value()) return AddOutcome::already_in;
    auto table = read_csv_series(result.path, report_.interval_ns, *options_.csv);
    if (!table) return std::move(table).error();
    TG_TRY(check_unchanged(result.trace));
    result.trace.account.read = result.trace.account.counted = table->lines;
    if (!table->k.empty())
      result.trace.span = Span{table->k.front() * report_.interval_ns, (table->k.back() + 1) * report_.interval_ns - 1};
    if (table->gaps > 0) result.remark = fmt::format("{} lines without a value stay gaps", table->gaps);
    if (table->floored > 0)
      result.remark += fmt::format("{}{} times are not the start of an interval and were moved back to it",
                                   result.remark.empty() ? "" : "; ", table->floored);
    return file.add_values(result.trace, table->k, table->values);
  }

  Expected<AddOutcome> add_stats(SeriesFile& file, BinnedFile& result) {
    const std::lock_guard<std::mutex> writing(write_mutex_);
    result.trace.kind = "csv";  // which is what the series file calls imported values; the settings tell them apart
    result.trace.settings = stats_settings(options_.stats_field);
    auto known = file.find_trace(result.trace);
    if (!known) return std::move(known).error();
    if (known->has_value()) return AddOutcome::already_in;
    auto stats = read_stats_file(result.path);
    if (!stats) return std::move(stats).error();
    auto value = stats_value(*stats, result.path, options_.stats_field, report_.interval_ns, file.joint_tolerance_ns());
    if (!value) return std::move(value).error();
    TG_TRY(check_unchanged(result.trace));
    result.trace.account.read = result.trace.account.counted = 1;
    result.trace.span = stats->span;
    return file.add_values(result.trace, {&value->k, 1}, {&value->value, 1});
  }

  const std::vector<std::string>& paths_;
  const BinOptions& options_;
  KeyedOptions keyed_;  ///< with the keys that --keys auto chose
  ProgressSum progress_;
  bool made_series_ = false;
  std::vector<std::optional<SeriesFile>> writers_;  ///< one per thread
  std::mutex write_mutex_, settle_mutex_;
  std::chrono::steady_clock::time_point settled_ = std::chrono::steady_clock::now();
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> started_{0};
  ThreadBudget spare_threads_{0};
  std::optional<CounterPool> counters_;  ///< of the devices, if there are any
  BinReport report_;
};

}  // namespace

std::size_t BinReport::count(BinOutcome outcome) const {
  std::size_t n = 0;
  for (const auto& file : files) n += file.outcome == outcome;
  return n;
}

RecordAccount BinReport::total() const {
  RecordAccount sum;
  for (const auto& file : files)
    if (file.outcome == BinOutcome::added) sum += file.trace.account;
  return sum;
}

Expected<BinReport> bin_traces(const std::vector<std::string>& paths, const BinOptions& options) {
  return BinJob(paths, options).run();
}

}  // namespace tidegauge
