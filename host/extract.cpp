#include "host/extract.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "host/counting_settings.hpp"
#include "ingest/sinks/merge_packets.hpp"
#include "ingest/sinks/times_reader.hpp"

namespace tidegauge {

namespace {

namespace fs = std::filesystem;

class Extraction {
 public:
  Extraction(const SeriesFile& file, const ExtractOptions& options, const PacketFileWriter::Write& write)
      : file_(file), options_(options), ranges_(united(options.ranges)), writer_(options.format, write) {}

  Expected<ExtractReport> run() {
    auto query = file_.resolve({.point = options_.point});
    if (!query) return std::move(query).error();
    point_ = query->point;
    TG_TRY(find_captures());
    TG_TRY(merge_packets(captures_, [&](const PacketView& packet) { return take(packet); }));
    TG_TRY(writer_.finish());
    TG_TRY(compare());
    for (const StretchReader& capture : captures_) {
      report_.input_bytes += capture.input_bytes();
      if (capture.from_beginning())
        report_.remarks.push_back(capture.path() + ": was read from its beginning, as its compression has no place to begin at");
    }
    return std::move(report_);
  }

 private:
  /// Opens nothing yet, but knows that each capture needed is there and is the one that was counted.
  Status find_captures() {
    auto traces = file_.traces();
    if (!traces) return std::move(traces).error();
    for (const TraceRecord& trace : *traces) {
      if (trace.point != point_) continue;
      if (trace.kind == "csv")
        return Error{fmt::format("point '{}' holds imported values, which have no packets", point_), file_.path(),
                     "a series that was binned from captures", ErrorKind::usage};
      TG_TRY(add_capture(trace));
    }
    return {};
  }

  Status add_capture(const TraceRecord& trace) {
    auto index = file_.index_of(trace);
    if (!index) return std::move(index).error();
    if (std::ranges::none_of(*index, [&](const IndexEntry& entry) { return overlaps(entry); })) return {};
    auto path = find_file(trace);
    if (!path) return std::move(path).error();
    auto reading = reading_of(trace, *path);
    if (!reading) return std::move(reading).error();
    report_.capture_bytes += trace.fingerprint.size + (trace.times ? trace.times->size : 0);
    ++report_.traces;
    captures_.emplace_back(*std::move(path), file_.interval_ns(), *std::move(index), ranges_, *std::move(reading));
    return {};
  }

  /// What the capture was counted with, of what decides about its packets.
  Expected<StretchOptions> reading_of(const TraceRecord& trace, const std::string& path) {
    if (!chosen_ || trace.settings != settings_) {  // one of all traces of a point
      auto options = chosen_packets(trace.settings);
      if (!options) return std::move(options).error();
      settings_ = trace.settings;
      chosen_.emplace();
      chosen_->dedup = options->dedup;
      if (options->only.any() || !options->filter.empty()) chosen_->selection = std::make_shared<PacketSelection>(*options);
    }
    StretchOptions reading = *chosen_;
    if (!trace.times) return reading;
    auto times = find_times(*trace.times, path);
    if (!times) return std::move(times).error();
    reading.times = *std::move(times);
    return reading;
  }

  static Expected<std::string> find_times(const Fingerprint& counted, const std::string& capture) {
    const auto path = times_file_of(capture);
    if (!path)
      return Error{"its times came from a .times file, which is not beside it now", capture,
                   "put it there, under the capture's name"};
    auto fingerprint = fingerprint_file(*path);
    if (!fingerprint) return std::move(fingerprint).error();
    if (*fingerprint == counted) return *path;
    return Error{"this is not the .times file that the capture was counted with", *path,
                 "that file, or bin the capture into a new series file"};
  }

  bool overlaps(const IndexEntry& entry) const {
    return std::ranges::any_of(ranges_, [&](const IntervalRange& range) {
      return range.first_k <= entry.last_k && entry.first_k <= range.last_k;
    });
  }

  /// What came through a pipe has no name here, so the folder's files are looked at.
  Expected<std::string> find_copy(const TraceRecord& trace) const {
    const std::string source = trace.path == "-" ? "standard input" : "the pipe " + trace.path;
    if (options_.input_dir.empty())
      return Error{"a trace came from " + source + ", where its packets are gone", file_.path(),
                   "--input-dir with a folder that holds a copy of the same bytes, under any name"};
    std::error_code error;
    for (fs::directory_iterator at(options_.input_dir, error), end; !error && at != end; at.increment(error)) {
      std::error_code unknown;
      if (at->file_size(unknown) != trace.fingerprint.size || unknown) continue;
      const auto fingerprint = fingerprint_file(at->path().string());
      if (fingerprint && *fingerprint == trace.fingerprint) return at->path().string();
    }
    if (error) return Error{"cannot be read: " + error.message(), options_.input_dir, "check the folder and its permissions"};
    return Error{"no file here holds what came from " + source + " (" + trace.fingerprint.text() + ")", options_.input_dir,
                 "a copy of the same bytes, compressed or not as they came"};
  }

  Expected<std::string> find_file(const TraceRecord& trace) const {
    if (trace.absolute_path.empty()) return find_copy(trace);
    const std::string path = options_.input_dir.empty()
                                 ? trace.absolute_path
                                 : (fs::path(options_.input_dir) / fs::path(trace.path).filename()).string();
    std::error_code ignored;
    if (!fs::exists(path, ignored))
      return Error{"this capture is not where it was when it was counted", path, "--input-dir with the folder that holds it now"};
    auto fingerprint = fingerprint_file(path);
    if (!fingerprint) return std::move(fingerprint).error();
    if (*fingerprint != trace.fingerprint)
      return Error{"this is not the capture that was counted: its content has changed", path,
                   "the capture as it was (--input-dir with its folder), or count this one into a series of its own"};
    return path;
  }

  Expected<bool> take(const PacketView& packet) {
    if (options_.limit && report_.packets == *options_.limit) return false;
    if (report_.packets % 1024 == 0 && options_.stop && options_.stop()) return Error{"interrupted", "", "run it again"};
    TG_TRY(writer_.packet(packet));
    ++report_.packets;
    return true;
  }

  Status compare() {
    const bool cut_short = options_.limit && report_.packets == *options_.limit;
    if (cut_short) return {};
    report_.counted = 0;
    for (const IntervalRange& range : ranges_) {
      auto counted = file_.sum(point_, Column::packets, range.first_k, range.last_k);
      if (!counted) return std::move(counted).error();
      *report_.counted += *counted;
    }
    return {};
  }

  const SeriesFile& file_;
  const ExtractOptions& options_;
  std::vector<IntervalRange> ranges_;
  PacketFileWriter writer_;
  std::string point_;
  std::vector<StretchReader> captures_;
  std::optional<StretchOptions> chosen_;  ///< by the settings
  std::string settings_;                  ///< of the trace before
  ExtractReport report_;
};

}  // namespace

Expected<ExtractReport> extract_packets(const SeriesFile& file, const ExtractOptions& options,
                                        const PacketFileWriter::Write& write) {
  return Extraction(file, options, write).run();
}

}  // namespace tidegauge
