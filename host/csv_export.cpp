#include "host/csv_export.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "host/duration.hpp"
#include "host/time_text.hpp"

namespace tidegauge {

namespace {

constexpr std::array<std::string_view, 5> subject_names{"series", "traces", "spans", "forecasts", "labels"};

/// Counts per key of one chunk of intervals after the other, beside a walk over the covered intervals.
class KeyWindow {
 public:
  using Counts = std::map<std::size_t, std::pair<std::uint64_t, std::uint64_t>>;  ///< key to packets, bytes
  KeyWindow(const SeriesFile& file, const SeriesFile::KeyQuery& wanted, const std::vector<SeriesFile::KeyTotal>& keys,
            std::string point)
      : file_(file), kind_(wanted.kind), keys_(keys), point_(std::move(point)) {}

  /// What interval k holds; null where nothing, or where status() says why not.
  const Counts* at(std::int64_t k) {
    if (!loaded_ || k < first_ || k > last_) load(k);
    const auto found = held_.find(k);
    return found == held_.end() ? nullptr : &found->second;
  }
  const Status& status() const { return status_; }

 private:
  std::int64_t start_ns(std::int64_t k) const {
    std::int64_t ns = 0;
    if (!__builtin_mul_overflow(k, file_.interval_ns(), &ns)) return ns;
    return k < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  }
  void load(std::int64_t k) {
    loaded_ = true;
    first_ = k;
    last_ = k + 4095;
    held_.clear();
    const SeriesFile::Query query{.point = point_, .columns = {}, .from_ns = start_ns(first_), .to_ns = start_ns(last_ + 1)};
    status_ = file_.visit_keys(query, kind_, keys_,
                               [&](std::int64_t at, std::size_t key, std::uint64_t packets, std::uint64_t bytes) {
                                 held_[at][key] = {packets, bytes};
                                 return Status();
                               });
  }

  const SeriesFile& file_;
  std::string kind_;
  const std::vector<SeriesFile::KeyTotal>& keys_;
  std::string point_;
  bool loaded_ = false;
  std::int64_t first_ = 0, last_ = 0;
  std::map<std::int64_t, Counts> held_;
  Status status_;
};

/// One export under way: what its parts share.
class Export {
 public:
  Export(const SeriesFile& file, const ExportOptions& options, const TextSink& sink)
      : file_(file), options_(options), sink_(sink) {}

  Status run() {
    if (options_.keys) return options_.wide ? keyed_wide() : keyed_long();
    if (options_.subject == ExportSubject::series) return series();
    auto points = chosen_points();
    if (!points) return std::move(points).error();
    switch (options_.subject) {
      case ExportSubject::traces: return traces(*points);
      case ExportSubject::spans: return spans(*points);
      case ExportSubject::forecasts: return forecasts(*points);
      default: return labels(*points);
    }
  }

 private:
  /// Start of an interval; the first of all begins before the clock's own beginning, which is then shown.
  std::string time_of(std::int64_t k) const {
    std::int64_t start_ns = 0;
    if (__builtin_mul_overflow(k, file_.interval_ns(), &start_ns))
      start_ns = k < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
    return format_utc(start_ns, file_.interval_ns());
  }

  Expected<std::vector<std::string>> chosen_points() const {
    if (options_.query.point.empty()) return file_.points();
    auto query = file_.resolve({.point = options_.query.point});
    if (!query) return std::move(query).error();
    return std::vector<std::string>{query->point};
  }

  Expected<TableWriter> begin(std::vector<std::string> columns, const std::vector<std::string>& points) const {
    TableWriter table(options_.format, std::move(columns), sink_);
    TableWriter::Preamble preamble;
    if (options_.header_comments) {
      auto described = describe(points);
      if (!described) return std::move(described).error();
      preamble = *std::move(described);
    }
    TG_TRY(table.begin(preamble));
    return table;
  }

  Expected<TableWriter::Preamble> describe(const std::vector<std::string>& points) const {
    auto traces = file_.traces();
    if (!traces) return std::move(traces).error();
    TableWriter::Preamble preamble{{"program", options_.program},
                                   {"content", std::string(subject_names[static_cast<std::size_t>(options_.subject)])},
                                   {"interval", format_duration(file_.interval_ns())},
                                   {"joint_tolerance", format_duration(file_.joint_tolerance_ns())}};
    if (auto words = approximation(points); !words) return std::move(words).error();
    else if (!words->empty()) preamble.emplace_back("approximate", *std::move(words));
    for (const auto& point : points) {
      preamble.emplace_back("point", point);
      for (const auto& trace : *traces)
        if (trace.point == point)
          preamble.emplace_back("input", fmt::format("{} {} {} settings {}", trace.fingerprint.text(), trace.kind,
                                                     trace.path, trace.settings));
    }
    return preamble;
  }

  /// What a reader of keys has to know where they were counted without a list; empty otherwise.
  Expected<std::string> approximation(const std::vector<std::string>& points) const {
    if (!options_.keys || points.size() != 1) return std::string();
    auto missed = file_.missed_kind(points.front(), options_.keys->kind);
    if (!missed || missed->empty()) return missed;
    return std::string("no list of keys: one had between what is here and that plus missed_..., one not here at most missed_...");
  }

  Status series() {
    auto query = file_.resolve(options_.query);
    if (!query) return std::move(query).error();
    std::vector<std::string> columns{"k", "time", "coverage", "complete"};
    columns.insert(columns.end(), query->columns.begin(), query->columns.end());
    auto table = begin(std::move(columns), {query->point});
    if (!table) return std::move(table).error();
    const auto interval = static_cast<double>(file_.interval_ns());
    TG_TRY(file_.visit(*query, [&](std::int64_t k, bool complete, std::int64_t covered_ns, std::span<const double> values) {
      table->integer(k);
      table->text(time_of(k));
      table->real(static_cast<double>(covered_ns) / interval);
      table->integer(complete);
      for (const double value : values) table->real(value);
      return table->end_row();
    }));
    return table->finish();
  }

  /// packets, bytes or both, in the order asked for.
  Expected<std::vector<std::string>> key_columns() const {
    const auto& asked = options_.query.columns;
    if (asked.empty()) return std::vector<std::string>{"packets", "bytes"};
    for (const auto& name : asked)
      if (name != "packets" && name != "bytes")
        return Error{"keys have no column '" + name + "'", "--columns", "packets, bytes or both", ErrorKind::usage};
    return asked;
  }

  /// What keys may lack beside what they have: for each measure a column in front of which `missed_` stands, and none
  /// where the counts are exact.
  class Missed {
   public:
    static Expected<std::unique_ptr<Missed>> open(const SeriesFile& file, const std::string& point, const std::string& kind,
                                                  const std::vector<std::string>& measures) {
      auto stored = file.missed_kind(point, kind);
      if (!stored) return std::move(stored).error();
      return std::make_unique<Missed>(file, point, *stored, measures);
    }
    Missed(const SeriesFile& file, const std::string& point, const std::string& kind, std::vector<std::string> measures)
        : kind_(kind), measures_(std::move(measures)), window_(file, {.kind = kind, .keys = {}}, any_, point) {}

    void add_columns(std::vector<std::string>& columns) const {
      for (const auto& name : measures_)
        if (!kind_.empty()) columns.push_back("missed_" + name);
    }
    Status write(TableWriter& table, std::int64_t k) {
      if (kind_.empty()) return {};
      const auto* counts = window_.at(k);
      if (!window_.status()) return window_.status().error();
      for (const auto& name : measures_) table.count(counts ? measure(*counts, 0, name) : 0);
      return {};
    }

   private:
    std::string kind_;
    std::vector<std::string> measures_;
    const std::vector<SeriesFile::KeyTotal> any_{{SeriesFile::missed_key, 0, 0}};
    KeyWindow window_;
  };

  static std::uint64_t measure(const KeyWindow::Counts& counts, std::size_t key, const std::string& name) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : name == "packets" ? found->second.first : found->second.second;
  }

  Status keyed_long() {
    const auto measures = key_columns();
    if (!measures) return measures.error();
    const auto keys = file_.keys(options_.query, *options_.keys);
    if (!keys) return keys.error();
    auto point = file_.resolve({.point = options_.query.point});
    if (!point) return std::move(point).error();
    const auto missed = Missed::open(file_, point->point, options_.keys->kind, *measures);
    if (!missed) return missed.error();
    std::vector<std::string> columns{"k", "time", "key"};
    columns.insert(columns.end(), measures->begin(), measures->end());
    (*missed)->add_columns(columns);
    auto table = begin(std::move(columns), {point->point});
    if (!table) return std::move(table).error();
    TG_TRY(file_.visit_keys(options_.query, options_.keys->kind, *keys,
                            [&](std::int64_t k, std::size_t key, std::uint64_t packets, std::uint64_t bytes) -> Status {
                              table->integer(k);
                              table->text(time_of(k));
                              table->text((*keys)[key].name);
                              for (const auto& name : *measures) table->count(name == "packets" ? packets : bytes);
                              if (Status written = (*missed)->write(*table, k); !written) return written;
                              return table->end_row();
                            }));
    return table->finish();
  }

  Status keyed_wide() {
    const auto measures = key_columns();
    if (!measures) return measures.error();
    const auto keys = file_.keys(options_.query, *options_.keys);
    if (!keys) return keys.error();
    constexpr std::size_t most_keys = 2000;  // what table programs take as columns, and 4096 intervals of them as memory
    if (keys->size() > most_keys)
      return Error{fmt::format("{} keys are too many columns", keys->size()), "--wide", "--top 100, or --keys, or no --wide",
                   ErrorKind::usage};
    auto query = file_.resolve({.point = options_.query.point, .columns = {"packets"}, .from_ns = options_.query.from_ns,
                                .to_ns = options_.query.to_ns});
    if (!query) return std::move(query).error();
    const auto missed = Missed::open(file_, query->point, options_.keys->kind, *measures);
    if (!missed) return missed.error();
    std::vector<std::string> columns{"k", "time", "coverage", "complete"};
    for (const auto& key : *keys)
      for (const auto& name : *measures) columns.push_back(key.name + "_" + name);
    (*missed)->add_columns(columns);
    auto table = begin(std::move(columns), {query->point});
    if (!table) return std::move(table).error();
    KeyWindow window(file_, *options_.keys, *keys, query->point);
    const auto interval = static_cast<double>(file_.interval_ns());
    TG_TRY(file_.visit(*query, [&](std::int64_t k, bool complete, std::int64_t covered_ns, std::span<const double>) -> Status {
      const auto* counts = window.at(k);
      if (!window.status()) return window.status().error();
      table->integer(k);
      table->text(time_of(k));
      table->real(static_cast<double>(covered_ns) / interval);
      table->integer(complete);
      for (std::size_t key = 0; key < keys->size(); ++key)
        for (const auto& name : *measures) table->count(counts ? measure(*counts, key, name) : 0);
      if (Status written = (*missed)->write(*table, k); !written) return written;
      return table->end_row();
    }));
    return table->finish();
  }

  Status traces(const std::vector<std::string>& points) {
    std::vector<std::string> columns{"point", "path", "fingerprint", "kind", "settings", "read", "counted"};
    for (const auto name : refusal_names) columns.push_back("refused_" + std::string(name));
    for (const char* name : {"skipped_bytes", "captured_bytes", "first_ns", "last_ns", "first", "last", "damage"})
      columns.emplace_back(name);
    auto table = begin(std::move(columns), points);
    if (!table) return std::move(table).error();
    auto all = file_.traces();
    if (!all) return std::move(all).error();
    for (const auto& trace : *all)
      if (std::find(points.begin(), points.end(), trace.point) != points.end()) TG_TRY(trace_row(*table, trace));
    return table->finish();
  }

  static Status trace_row(TableWriter& table, const TraceRecord& trace) {
    for (const auto* text : {&trace.point, &trace.path}) table.text(*text);
    table.text(trace.fingerprint.text());
    for (const auto* text : {&trace.kind, &trace.settings}) table.text(*text);
    table.count(trace.account.read);
    table.count(trace.account.counted);
    for (const auto refused : trace.account.refused) table.count(refused);
    table.count(trace.account.skipped_bytes);
    table.count(trace.account.captured_bytes);
    if (trace.span) {
      table.integer(trace.span->first_ns);
      table.integer(trace.span->last_ns);
      table.text(format_utc(trace.span->first_ns));
      table.text(format_utc(trace.span->last_ns));
    } else {
      for (int i = 0; i < 4; ++i) table.text("");
    }
    table.text(trace.damage);
    return table.end_row();
  }

  Status spans(const std::vector<std::string>& points) {
    auto table = begin({"point", "first_ns", "last_ns", "first", "last"}, points);
    if (!table) return std::move(table).error();
    for (const auto& point : points) {
      auto covered = file_.spans(point);
      if (!covered) return std::move(covered).error();
      for (const Span& span : *covered) {
        table->text(point);
        table->integer(span.first_ns);
        table->integer(span.last_ns);
        table->text(format_utc(span.first_ns));
        table->text(format_utc(span.last_ns));
        TG_TRY(table->end_row());
      }
    }
    return table->finish();
  }

  Status forecasts(const std::vector<std::string>& points) {
    auto table = begin({"point", "model", "column", "step", "k", "time", "predicted", "actual"}, points);
    if (!table) return std::move(table).error();
    for (const auto& point : points) {
      auto all = file_.forecasts(point);
      if (!all) return std::move(all).error();
      for (const Forecast& forecast : *all) {
        for (std::size_t i = 0; i < forecast.k.size(); ++i) {
          for (const auto* text : {&point, &forecast.model, &forecast.column}) table->text(*text);
          table->count(forecast.step);
          table->integer(forecast.k[i]);
          table->text(time_of(forecast.k[i]));
          table->real(forecast.predicted[i]);
          table->real(forecast.actual[i]);
          TG_TRY(table->end_row());
        }
      }
    }
    return table->finish();
  }

  Status labels(const std::vector<std::string>& points) {
    auto table = begin({"point", "source", "column", "direction", "first_k", "last_k", "first", "end", "peak_k", "slope",
                        "detections"},
                       points);
    if (!table) return std::move(table).error();
    for (const auto& point : points) {
      auto all = file_.labels(point);
      if (!all) return std::move(all).error();
      for (const Labels& set : *all)
        for (const LabelledRange& range : set.ranges) TG_TRY(label_row(*table, point, set, range));
    }
    return table->finish();
  }

  Status label_row(TableWriter& table, const std::string& point, const Labels& set, const LabelledRange& range) const {
    for (const auto* text : {&point, &set.source, &set.column}) table.text(*text);
    table.text(range.direction == Direction::rising ? "rising" : "falling");
    table.integer(range.first_k);
    table.integer(range.last_k);
    table.text(time_of(range.first_k));
    table.text(time_of(range.last_k + 1));  // half-open: where the last interval ends
    table.integer(range.peak_k);
    table.real(range.slope);
    table.count(range.detections);
    return table.end_row();
  }

  const SeriesFile& file_;
  const ExportOptions& options_;
  const TextSink& sink_;
};

}  // namespace

std::optional<ExportSubject> export_subject(std::string_view name) {
  for (std::size_t i = 0; i < subject_names.size(); ++i)
    if (subject_names[i] == name) return static_cast<ExportSubject>(i);
  return std::nullopt;
}

Status export_table(const SeriesFile& file, const ExportOptions& options, const TextSink& sink) {
  return Export(file, options, sink).run();
}

}  // namespace tidegauge
