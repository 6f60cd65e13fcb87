#include "tools/fetch_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/log.hpp"

namespace tidegauge {

namespace {

constexpr const char* outcome_words[] = {"fetched", "there", "missing", "failed", "stopped"};

const char* word_of(TransferOutcome outcome, bool dry_run) {
  if (dry_run && outcome == TransferOutcome::fetched) return "planned";
  return outcome_words[static_cast<std::size_t>(outcome)];
}

struct FetchTotals {
  std::uint64_t bytes = 0, received = 0;
  std::size_t unknown = 0;  ///< files of unknown size
  int retries = 0;

  explicit FetchTotals(const FetchReport& report) {
    for (const FetchEntry& entry : report.entries) {
      bytes += entry.result.bytes.value_or(0);
      unknown += !entry.result.bytes && !entry.counted && entry.result.outcome != TransferOutcome::missing;
      received += entry.result.received;
      retries += entry.result.retries;
    }
  }
};

nlohmann::ordered_json entry_json(const FetchReport& report, const FetchEntry& entry) {
  nlohmann::ordered_json document{{"day", format_day(entry.file.day)}, {"url", entry.file.url}};
  if (entry.counted) document["series"] = report.series;
  else if (!entry.path.empty()) document["path"] = entry.path;
  document["outcome"] = word_of(entry.result.outcome, report.dry_run);
  if (entry.result.bytes) document["bytes"] = *entry.result.bytes;
  if (entry.result.error) document["error"] = entry.result.error->message();
  return document;
}

std::string size_word(const FetchEntry& entry) {
  if (entry.result.outcome == TransferOutcome::missing) return "missing";
  return entry.result.bytes ? std::to_string(*entry.result.bytes) : entry.counted ? "" : "?";
}

}  // namespace

std::size_t FetchReport::count(TransferOutcome outcome) const {
  const auto has = [&](const FetchEntry& entry) { return entry.result.outcome == outcome; };
  return static_cast<std::size_t>(std::ranges::count_if(entries, has));
}

void print_fetch_json(const FetchReport& report) {
  nlohmann::ordered_json files = nlohmann::json::array(), outcomes;
  for (const FetchEntry& entry : report.entries) files.push_back(entry_json(report, entry));
  for (const auto outcome : {TransferOutcome::fetched, TransferOutcome::there, TransferOutcome::missing, TransferOutcome::failed,
                             TransferOutcome::stopped})
    outcomes[word_of(outcome, report.dry_run)] = report.count(outcome);
  const FetchTotals totals(report);
  const nlohmann::ordered_json document{{"files", files}, {"outcomes", outcomes}, {"notes", report.notes},
                                        {"bytes", totals.bytes}, {"received_bytes", totals.received},
                                        {"retries", totals.retries}, {"wall_seconds", report.seconds}};
  fmt::print("{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_fetch_plan(const FetchReport& report) {
  fmt::print("{:<10}  {:>15}  {}\n", "day", "bytes", "address");
  for (const FetchEntry& entry : report.entries) {
    const bool there = entry.result.outcome == TransferOutcome::there;
    fmt::print("{}  {:>15}  {}{}\n", format_day(entry.file.day), size_word(entry), entry.file.url,
               entry.counted ? "  (in the series)" : there ? "  (already there)" : "");
  }
  const FetchTotals totals(report);
  fmt::print("{} files, {:.2f} GB{}; {} already there, {} missing\n", report.entries.size(), static_cast<double>(totals.bytes) * 1e-9,
             totals.unknown ? fmt::format(" and {} of unknown size", totals.unknown) : "", report.count(TransferOutcome::there),
             report.count(TransferOutcome::missing));
}

void print_fetch_summary(const FetchReport& report) {
  const FetchTotals totals(report);
  fmt::print("{} fetched, {} already there, {} missing, {} failed; {} bytes came in {:.1f} s, {} retries\n",
             report.count(TransferOutcome::fetched), report.count(TransferOutcome::there), report.count(TransferOutcome::missing),
             report.count(TransferOutcome::failed), totals.received, report.seconds, totals.retries);
}

Status fetch_verdict(const FetchReport& report) {
  const std::size_t all = report.entries.size(), failed = report.count(TransferOutcome::failed);
  const std::size_t stopped = report.count(TransferOutcome::stopped), missing = report.count(TransferOutcome::missing);
  if (failed == 1 && all == 1 && !report.interrupted) return *report.entries.front().result.error;
  for (const FetchEntry& entry : report.entries)
    if (entry.result.error) log(LogLevel::error, entry.result.error->message());
  if (report.interrupted)
    return Error{fmt::format("stopped by a signal; {} of {} files are there", all - failed - stopped - missing, all), "",
                 "the same command goes on where this one ended"};
  if (failed > 0)
    return Error{fmt::format("{} of {} files failed{}", failed, all, stopped ? fmt::format(", {} were not tried", stopped) : ""), "",
                 "the same command once more"};
  if (missing == all)
    return Error{"the server has none of the files", "", "--dry-run, which shows the addresses; another --base-url"};
  return {};
}

}  // namespace tidegauge
