#include "host/merge_series.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "host/duration.hpp"
#include "host/store.hpp"
#include "host/trace_copy.hpp"

namespace tidegauge {
namespace {

/// What all files that are merged agree on.
class Agreement {
 public:
  Status add(const SeriesFile& file) {
    auto traces = file.traces();
    if (!traces) return std::move(traces).error();
    if (interval_of_.empty()) interval_ns_ = file.interval_ns();
    if (traces->empty()) return {};  // a shard without captures of its own
    if (interval_of_.empty()) interval_of_ = file.path();
    if (file.interval_ns() != interval_ns_)
      return Error{fmt::format("it has intervals of {}, {} has {}", format_duration(file.interval_ns()), interval_of_,
                               format_duration(interval_ns_)),
                   file.path(), "tidegauge rebin makes the finer one coarser", ErrorKind::usage};
    for (const TraceRecord& trace : *traces) TG_TRY(add(trace, file.path()));
    return {};
  }
  std::int64_t interval_ns() const { return interval_ns_; }

 private:
  struct Counted {
    std::string kind, settings, file;
  };

  Status add(const TraceRecord& trace, const std::string& file) {
    const std::string kind = trace.kind == "csv" ? "imported" : "counted";
    const auto& first = points_.try_emplace(trace.point, Counted{kind, trace.settings, file}).first->second;
    if (first.kind == kind && (kind == "imported" || first.settings == trace.settings)) return {};
    return Error{fmt::format("point '{}' was {} with settings {}, in {} it was {} with {}", trace.point, kind, trace.settings,
                             first.file, first.kind, first.settings),
                 file, "count both with the same settings, or give them points of their own (--point)", ErrorKind::usage};
  }

  std::int64_t interval_ns_ = 0;
  std::string interval_of_;
  std::map<std::string, Counted> points_;
};

class Merge {
 public:
  Merge(SeriesFile& to, const MergeOptions& options) : to_(to), options_(options) {}

  Status add(const SeriesFile& from) {
    auto traces = from.traces();
    if (!traces) return std::move(traces).error();
    TG_TRY(take_key_lists(from));
    TraceCopy copy(from, to_);
    for (const TraceRecord& trace : *traces) {
      if (options_.stop && options_.stop()) {
        report_.stopped = true;
        return {};
      }
      auto outcome = trace.kind == "csv" ? add_import(from, trace) : copy.add(trace);
      if (!outcome) return std::move(outcome).error();
      ++(*outcome == AddOutcome::added ? report_.added : report_.already_in);
    }
    return {};
  }
  const MergeReport& report() const { return report_; }

 private:
  Expected<AddOutcome> add_import(const SeriesFile& from, const TraceRecord& trace) {
    std::vector<std::int64_t> k;
    std::vector<double> values;
    TG_TRY(from.visit_values(trace, [&](std::int64_t at, double value) {
      k.push_back(at);
      values.push_back(value);
      return Status();
    }));
    auto spans = from.spans_of(trace);
    if (!spans) return std::move(spans).error();
    return to_.add_values(trace, k, values, *spans);
  }

  /// So that later captures of a point are counted by the keys that `bin --keys auto` chose for the first ones.
  Status take_key_lists(const SeriesFile& from) {
    auto points = from.points();
    if (!points) return std::move(points).error();
    for (const std::string& point : *points) {
      auto lists = from.table("keys", point);
      if (!lists) return std::move(lists).error();
      auto known = to_.table("keys", point);
      if (!known) return std::move(known).error();
      if (*lists && !*known) TG_TRY(to_.save_table("keys", point, **lists));
    }
    return {};
  }

  SeriesFile& to_;
  const MergeOptions& options_;
  MergeReport report_;
};

}  // namespace

Expected<MergeReport> merge_series(const std::vector<std::string>& from, const std::string& to, const MergeOptions& options) {
  Agreement agreement;
  std::error_code none;
  const bool was_there = std::filesystem::exists(to, none);
  for (const std::string& path : from) {
    if (std::filesystem::equivalent(path, to, none))
      return Error{"it would be merged into itself", path, "another name with -o", ErrorKind::usage};
    auto file = SeriesFile::open(path, OpenMode::read);
    if (!file) return std::move(file).error();
    TG_TRY(agreement.add(*file));
  }
  if (was_there) {
    auto there = SeriesFile::open(to, OpenMode::read);
    if (!there) return std::move(there).error();
    TG_TRY(agreement.add(*there));
  }
  auto target = SeriesFile::open(to, OpenMode::create, agreement.interval_ns());
  if (!target) return std::move(target).error();
  TG_TRY(target->begin_batch());
  Merge merge(*target, options);
  for (const std::string& path : from) {
    if (merge.report().stopped) break;
    if (options.progress) options.progress(path);
    auto file = SeriesFile::open(path, OpenMode::read);
    if (!file) return std::move(file).error();
    TG_TRY(merge.add(*file));
  }
  TG_TRY(target->settle());
  return merge.report();
}

}  // namespace tidegauge
