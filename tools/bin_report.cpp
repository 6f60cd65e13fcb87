#include "tools/bin_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "host/time_text.hpp"
#include "tools/log.hpp"

namespace tidegauge {
namespace {

constexpr const char* outcome_names[] = {"added", "already_in", "failed", "left_out"};
const char* name_of(BinOutcome outcome) { return outcome_names[static_cast<std::size_t>(outcome)]; }

/// "1,234 records read = 1,200 counted + 30 duplicate + 4 truncated"
std::string account_words(const RecordAccount& account) {
  std::string words = fmt::format("{} records read = {} counted", account.read, account.counted);
  for (std::size_t i = 0; i < refusal_names.size(); ++i)
    if (account.refused[i] > 0) words += fmt::format(" + {} {}", account.refused[i], refusal_names[i]);
  if (account.skipped_bytes > 0) words += fmt::format("; {} bytes skipped", account.skipped_bytes);
  return words;
}

nlohmann::json account_json(const RecordAccount& account) {
  nlohmann::json refused;
  for (std::size_t i = 0; i < refusal_names.size(); ++i) refused[std::string(refusal_names[i])] = account.refused[i];
  return {{"read", account.read}, {"counted", account.counted}, {"refused", refused},
          {"skipped_bytes", account.skipped_bytes}, {"captured_bytes", account.captured_bytes}};
}

nlohmann::json file_json(const BinnedFile& file) {
  nlohmann::json entry{{"path", file.path}, {"outcome", name_of(file.outcome)}};
  if (file.trace.fingerprint.size > 0) entry["fingerprint"] = file.trace.fingerprint.text();
  if (file.error) entry["error"] = file.error->message();
  if (!file.remark.empty()) entry["remark"] = file.remark;
  if (file.outcome != BinOutcome::added) return entry;
  entry["kind"] = file.trace.kind;
  entry["account"] = account_json(file.trace.account);
  entry["damage"] = file.trace.damage;
  if (file.trace.span) {
    entry["first"] = format_utc(file.trace.span->first_ns);
    entry["last"] = format_utc(file.trace.span->last_ns);
  }
  return entry;
}

/// Where the time went, summed over threads: "read 0.12 s, inflate 3.40 s, ...".
struct Stages {
  StageSeconds walk;
  double store = 0;
  std::uint64_t bytes = 0;

  explicit Stages(const BinReport& report) {
    for (const auto& file : report.files) {
      if (file.outcome != BinOutcome::added) continue;
      walk += file.seconds;
      store += file.store_seconds;
      bytes += file.trace.fingerprint.size;
    }
  }
  std::array<std::pair<const char*, double>, 4> list() const {
    return {{{"read", walk.read}, {"inflate", walk.inflate}, {"count", walk.walk}, {"store", store}}};
  }
  const char* limit() const {
    const auto all = list();
    return std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->first;
  }
};

}  // namespace

void print_bin_json(const std::string& series, const BinReport& report) {
  const auto text = [](const nlohmann::json& json) {
    return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  nlohmann::json outcomes;
  for (const auto outcome : {BinOutcome::added, BinOutcome::already_in, BinOutcome::failed, BinOutcome::left_out})
    outcomes[name_of(outcome)] = report.count(outcome);
  nlohmann::json stages;
  for (const auto& [name, seconds] : Stages(report).list()) stages[name] = seconds;
  const nlohmann::json job{{"series", series}, {"interval_ns", report.interval_ns}, {"outcomes", outcomes},
                           {"total", account_json(report.total())}, {"wall_seconds", report.wall_seconds},
                           {"stage_seconds", stages}};
  const char* before = "{\n\"files\": [\n";
  for (const auto& file : report.files) fmt::print("{}{}", std::exchange(before, ",\n"), text(file_json(file)));
  fmt::print("],{}\n", text(job).substr(1));
}

void print_bin_words(const std::string& series, const BinReport& report) {
  for (const auto& file : report.files) {
    if (file.outcome == BinOutcome::added) fmt::print("{}: added, {}\n", file.path, account_words(file.trace.account));
    if (file.outcome == BinOutcome::already_in) fmt::print("{}: already in, nothing changed\n", file.path);
    if (file.outcome == BinOutcome::left_out) fmt::print("{}: left out\n", file.path);
  }
  fmt::print("{}: {} added, {} already in, {} failed; {}\n", series, report.count(BinOutcome::added),
             report.count(BinOutcome::already_in), report.count(BinOutcome::failed), account_words(report.total()));
}

void tell_bin_remarks(const BinReport& report) {
  for (const auto& file : report.files) {
    if (!file.trace.damage.empty()) warn(fmt::format("{}: {}", file.path, file.trace.damage));
    if (!file.remark.empty()) remark(fmt::format("{}: {}", file.path, file.remark));
  }
}

void tell_bin_stages(const BinReport& report) {
  const Stages stages(report);
  if (!on_terminal() || report.count(BinOutcome::added) == 0 || report.wall_seconds <= 0) return;  // a pipe has --json
  std::string words;
  for (const auto& [name, seconds] : stages.list()) words += fmt::format("{}{} {:.2f} s", words.empty() ? "" : ", ", name, seconds);
  const double wall = report.wall_seconds;
  remark(fmt::format("{:.2f} s, {:.2f} M records/s, {:.2f} GB/s of input; by thread time: {}; the limit was to {}", wall,
                     static_cast<double>(report.total().read) / wall * 1e-6, static_cast<double>(stages.bytes) / wall * 1e-9,
                     words, stages.limit()));
}

Status bin_verdict(const BinReport& report) {
  const BinnedFile* failed = nullptr;
  for (const auto& file : report.files) {
    if (!file.error) continue;
    failed = &file;
    if (file.error->kind == ErrorKind::damage) return *file.error;
  }
  const std::size_t failures = report.count(BinOutcome::failed);
  if (failed && report.files.size() == 1) return *failed->error;
  for (const auto& file : report.files)
    if (file.error) log(LogLevel::error, file.error->message());
  if (report.stopped)
    return Error{fmt::format("stopped by a signal; {} of {} files are in, the one in work was rolled back",
                             report.count(BinOutcome::added) + report.count(BinOutcome::already_in), report.files.size()),
                 "", "the same command goes on where this one ended"};
  if (failed) return Error{fmt::format("{} of {} files failed, the others are in", failures, report.files.size()), "", ""};
  return {};
}

}  // namespace tidegauge
