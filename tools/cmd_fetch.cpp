// tidegauge fetch: traces of an archive for a range of days, each one whole or not at all.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "host/duration.hpp"
#include "host/fetch/archives.hpp"
#include "host/fetch/bin_and_delete.hpp"
#include "host/fetch/checksum_list.hpp"
#include "host/fetch/http_rules.hpp"
#include "host/fetch/transfer.hpp"
#include "host/interrupt.hpp"
#include "host/mistakes.hpp"
#include "tools/fetch_report.hpp"
#include "tools/log.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

namespace fs = std::filesystem;

struct Request {
  std::string archive, url_template, name, from, to, weekdays, hours, point = "F", monitor, base_url, output = ".", checksums;
  std::string retry_wait = "1s", stall = "1m";
  std::vector<std::string> directions, kinds;
  std::string series, interval;
  bool dry_run = false;
  DaySelection selection;
  ChecksumList known;
  TransferOptions transfer;
  BinOptions bin;
  std::unique_ptr<BinAndDelete> counting;  ///< none without --bin-and-delete
};

std::vector<std::string> usual_kinds(const std::string& archive) {
  if (archive == "mawilab") return {"anomalous_suspicious.csv", "notice.csv"};
  return {"pcap.gz"};
}

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

void complete_selection(Request& request, Mistakes& mistakes) {
  DaySelection& selection = request.selection;
  const auto take = [&](const auto& parsed, auto& into) {
    mistakes.add(parsed);
    if (parsed) into = *parsed;
  };
  take(parse_day(request.from, "--from"), selection.first);
  if (request.to.empty()) selection.last = selection.first;
  else take(parse_day(request.to, "--to"), selection.last);
  if (!request.weekdays.empty()) take(parse_weekdays(request.weekdays, "--weekdays"), selection.weekdays);
  if (!request.hours.empty()) take(parse_hours(request.hours, "--hours"), selection.hours);
  selection.directions = request.directions;
  if (mistakes.none() && selection.days().empty())
    mistakes.add({"no day is left", "--from --to --weekdays", "a day that comes after --from, on one of the weekdays", ErrorKind::usage});
}

void complete_transfer(Request& request, Mistakes& mistakes) {
  TransferOptions& options = request.transfer;
  const auto wait = parse_duration(request.retry_wait, "--retry-wait"), stall = parse_duration(request.stall, "--stall");
  mistakes.add(wait);
  mistakes.add(stall);
  if (wait) options.first_wait = std::chrono::milliseconds(*wait / 1'000'000);
  if (stall) options.stall = std::chrono::seconds(std::max<std::int64_t>(1, *stall / 1'000'000'000));
  options.user = from_environment("TIDEGAUGE_USER");
  options.password = from_environment("TIDEGAUGE_PASSWORD");
  if (options.user.empty() && !options.password.empty())
    mistakes.add({"is set without TIDEGAUGE_USER", "TIDEGAUGE_PASSWORD", "both of them, or a netrc file", ErrorKind::usage});
}

void complete_counting(Request& request, Mistakes& mistakes) {
  request.bin.series = request.series;
  request.bin.stop = [] { return interrupted(); };
  const auto refuse = [&](const char* what, const char* remedy) {
    if (!request.series.empty()) mistakes.add({what, "--bin-and-delete", remedy, ErrorKind::usage});
  };
  if (request.archive == "mawilab") refuse("labels are not counted", "leave it out");
  if (request.archive == "caida" && request.directions.size() != 1)
    refuse("the two directions are two observation points", "--directions A, and --directions B into another series file");
  if (request.archive == "caida" && request.kinds != std::vector<std::string>{"pcap.gz"})
    refuse("only CAIDA's pcap.gz files are counted one by one", "--kinds pcap.gz");
  if (request.interval.empty()) return;
  const auto interval = parse_interval(request.interval);
  mistakes.add(interval);
  if (interval) request.bin.interval_ns = *interval;
}

Status complete(Request& request) {
  Mistakes mistakes;
  complete_selection(request, mistakes);
  complete_transfer(request, mistakes);
  if (request.archive.empty() == request.url_template.empty())
    mistakes.add({"needs an archive or --template, and only one of them", "fetch", "fetch mawi --from 2016-01-09", ErrorKind::usage});
  if (!request.base_url.empty()) mistakes.add(check_url(request.base_url, "--base-url"));
  if (!request.url_template.empty()) mistakes.add(check_url(request.url_template.substr(0, request.url_template.find('{')), "--template"));
  if (request.kinds.empty()) request.kinds = usual_kinds(request.archive);
  complete_counting(request, mistakes);
  while (request.base_url.ends_with('/')) request.base_url.pop_back();
  if (!request.checksums.empty()) {
    auto known = read_checksums(request.checksums);
    mistakes.add(known);
    if (known) request.known = *std::move(known);
  }
  return mistakes.status();
}

FetchEntry entry_of(const Request& request, ArchiveFile file) {
  std::string path = (fs::path(request.output) / file.name).string();
  return {.file = std::move(file), .path = std::move(path)};
}

/// Reads the pages of CAIDA's folders, each once. A folder that the server lacks becomes an entry of its own.
Expected<std::vector<FetchEntry>> read_folders(const Request& request, const std::vector<ArchiveFolder>& folders) {
  std::map<std::string, TransferResult> pages;
  for (const ArchiveFolder& folder : folders) pages.emplace(folder.url, TransferResult{});
  std::vector<TransferJob> jobs;
  for (const auto& [url, unread] : pages) jobs.push_back({url, {}, {}, TransferKind::text});
  auto read = transfer(jobs, request.transfer);
  for (std::size_t i = 0; i < jobs.size(); ++i) pages[jobs[i].url] = std::move(read[i]);

  std::vector<FetchEntry> entries;
  for (const ArchiveFolder& folder : folders) {
    const TransferResult& page = pages.at(folder.url);
    if (page.error) return *page.error;
    for (ArchiveFile& file : files_in_page(folder, page.text)) entries.push_back(entry_of(request, std::move(file)));
  }
  for (const ArchiveFolder& folder : folders) {
    const auto page = pages.extract(folder.url);  // once, however many directions and kinds were asked for
    if (!page.empty() && page.mapped().outcome == TransferOutcome::missing)
      entries.push_back({.file = {folder.url, "", folder.day}, .path = {}, .result = page.mapped()});
  }
  return entries;
}

Expected<std::vector<FetchEntry>> list_files(const Request& request) {
  const auto base = [&](std::string_view usual) { return request.base_url.empty() ? std::string(usual) : request.base_url; };
  if (request.archive == "caida") {
    const auto folders = caida_folders(base(caida_base_url), request.monitor, request.kinds, request.selection);
    if (!folders) return folders.error();
    return read_folders(request, *folders);
  }
  auto files = request.archive == "mawi"      ? mawi_files(base(mawi_base_url), request.point, request.selection)
               : request.archive == "mawilab" ? mawilab_files(base(mawilab_base_url), request.kinds, request.selection)
                                              : template_files(request.url_template, request.name, request.selection);
  if (!files) return std::move(files).error();
  std::vector<FetchEntry> entries;
  for (ArchiveFile& file : *files) entries.push_back(entry_of(request, std::move(file)));
  return entries;
}

KnownFile known_of(const Request& request, const ArchiveFile& file) {
  const auto at = request.known.find(file.name);
  return at == request.known.end() ? KnownFile{} : at->second;
}

/// Runs a job for each entry that has none yet, and keeps what came of it.
template <class JobOf>
void run_jobs(std::vector<FetchEntry>& entries, const TransferOptions& options, const JobOf& job_of) {
  std::vector<TransferJob> jobs;
  std::vector<FetchEntry*> of_job;
  for (FetchEntry& entry : entries) {
    if (entry.path.empty() || entry.counted) continue;  // a folder that is not there
    if (std::optional<TransferJob> job = job_of(entry)) {
      jobs.push_back(*std::move(job));
      of_job.push_back(&entry);
    }
  }
  auto results = transfer(jobs, options);
  for (std::size_t i = 0; i < jobs.size(); ++i) of_job[i]->result = std::move(results[i]);
}

/// Sizes from the list, from the disk, or else from the server.
void ask_sizes(const Request& request, std::vector<FetchEntry>& entries) {
  run_jobs(entries, request.transfer, [&](FetchEntry& entry) -> std::optional<TransferJob> {
    std::error_code absent;
    const auto there = fs::file_size(entry.path, absent);
    const auto known = known_of(request, entry.file);
    if (!absent) entry.result.bytes = there;
    else entry.result.bytes = known.bytes;
    entry.result.outcome = absent ? TransferOutcome::fetched : TransferOutcome::there;
    if (entry.result.bytes) return std::nullopt;
    return TransferJob{entry.file.url, {}, {}, TransferKind::size};
  });
}

class FetchWords {
 public:
  explicit FetchWords(bool speaks) : speaks_(speaks) {}

  void progress(const TransferProgress& at, std::size_t jobs) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double rate = seconds > 0 ? static_cast<double>(at.received) / seconds : 0;
    line_.update(fmt::format("{}/{} files  {:.2f} GB  {:.1f} MB/s  {}", at.jobs_done, jobs, static_cast<double>(at.received) * 1e-9,
                             rate * 1e-6, at.current));
  }

  void ended(const std::string& name, const TransferResult& result) {
    line_.clear();
    if (!speaks_) return;
    if (result.outcome == TransferOutcome::fetched) fmt::print("{}: fetched, {} bytes\n", name, *result.bytes);
    if (result.outcome == TransferOutcome::there) fmt::print("{}: already there\n", name);
    if (result.outcome == TransferOutcome::missing) fmt::print("{}: missing, the server has none\n", name);
    std::fflush(stdout);  // a job takes days, and somebody follows it through a pipe
  }

 private:
  bool speaks_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  ProgressLine line_;
};

/// Those that an earlier run has counted and deleted.
Status find_counted(Request& request, std::vector<FetchEntry>& entries) {
  if (request.series.empty()) return {};
  auto counting = BinAndDelete::open(request.bin);
  if (!counting) return std::move(counting).error();
  request.counting = *std::move(counting);
  for (FetchEntry& entry : entries) {
    entry.counted = request.counting->has(entry.file.name) && !fs::exists(entry.path);
    if (entry.counted) entry.result.outcome = TransferOutcome::there;
  }
  return {};
}

/// What became of the files that were counted; one that failed is a failed file.
void take_counted(Request& request, std::vector<FetchEntry>& entries) {
  std::map<std::string, const BinnedFile*> binned;
  for (const BinnedFile& file : request.counting->finish()) binned.emplace(file.path, &file);
  for (FetchEntry& entry : entries) {
    const auto at = binned.find(entry.path);
    if (at == binned.end()) continue;
    const BinnedFile& file = *at->second;
    if (!file.trace.damage.empty()) warn(file.path + ": " + file.trace.damage);
    entry.counted = !file.error && file.outcome != BinOutcome::left_out;
    if (file.error) entry.result = {.outcome = TransferOutcome::failed, .error = file.error};
  }
}

void fetch_files(Request& request, std::vector<FetchEntry>& entries, bool speaks) {
  FetchWords words(speaks);
  for (const FetchEntry& entry : entries)
    if (entry.path.empty()) words.ended(entry.file.url, entry.result);
  request.transfer.progress = [&](const TransferProgress& at) { words.progress(at, entries.size()); };
  request.transfer.done = [&](const TransferJob& job, const TransferResult& result) {
    words.ended(job.path, result);
    const bool here = result.outcome == TransferOutcome::fetched || result.outcome == TransferOutcome::there;
    if (here && request.counting) request.counting->take(job.path);
  };
  run_jobs(entries, request.transfer, [&](FetchEntry& entry) {
    return TransferJob{entry.file.url, entry.path, known_of(request, entry.file), TransferKind::file};
  });
  if (request.counting) take_counted(request, entries);
}

Status run_fetch(Request& request, const CommonOptions& common) {
  TG_TRY(complete(request));
  const InterruptGuard guard;
  request.transfer.stop = [] { return interrupted(); };
  const auto start = std::chrono::steady_clock::now();
  auto entries = list_files(request);
  if (!entries) return std::move(entries).error();
  TG_TRY(find_counted(request, *entries));
  FetchReport report{.entries = *std::move(entries), .series = request.series, .dry_run = request.dry_run};
  if (request.archive == "mawi") report.notes = mawi_notes(request.point, request.selection);
  for (const std::string& note : report.notes) remark(note);

  std::error_code failure;
  const bool speaks = !common.json && !common.quiet;
  if (!request.dry_run && (fs::create_directories(request.output, failure), failure))
    return Error{"cannot be made: " + failure.message(), request.output, "another folder (-o)"};
  if (request.dry_run) ask_sizes(request, report.entries);
  else fetch_files(request, report.entries, speaks);

  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.interrupted = interrupted();
  if (common.json) print_fetch_json(report);
  else if (request.dry_run) print_fetch_plan(report);
  else if (speaks) print_fetch_summary(report);
  return fetch_verdict(report);
}

void declare_days(CLI::App& app, Request& request) {
  app.add_option("--from", request.from, "First day, such as 2016-01-09; MAWI's days are Japan's")->required();
  app.add_option("--to", request.to, "Last day (default: the first)");
  app.add_option("--weekdays", request.weekdays, "Only these, such as mon,wed or sat-sun");
  app.add_option("--hours", request.hours, "Of the day, such as 13,14 or 0-23 (default: 14 for MAWI, 13 for CAIDA)");
  app.add_option("--directions", request.directions, "CAIDA's A and B, both by default; what stands for {dir} in a template")
      ->delimiter(',');
}

void declare_archive(CLI::App& app, Request& request) {
  app.add_option("archive", request.archive, "mawi, caida, or mawilab for the labels of MAWI's days")
      ->check(CLI::IsMember({"mawi", "caida", "mawilab"}));
  app.add_option("--template", request.url_template, "Another archive: a URL with {YYYY} {YY} {MM} {DD} {DDD} {hh} {dir}");
  app.add_option("--name", request.name, "Files' names, with the same words in braces (default: as in the URL)")->needs("--template");
  app.add_option("--point", request.point, "MAWI's sample point: A, B, C, D or F")->capture_default_str();
  app.add_option("--monitor", request.monitor, "CAIDA's monitor, such as equinix-sanjose (default: that of the day)");
  app.add_option("--kinds", request.kinds, "CAIDA's kinds of files: pcap.gz (default), times.gz, pcap.stats; MAWILab's: "
                 "anomalous_suspicious.csv, notice.csv (both by default), or .xml")->delimiter(',');
  app.add_option("--base-url", request.base_url, "A mirror, in place of http://mawi.wide.ad.jp/mawi, https://data.caida.org/datasets or "
                 "http://www.fukuda-lab.org/mawilab/v1.1")
      ->excludes("--template");
  app.add_option("--checksums", request.checksums, "A table with the columns url, bytes_gz, md5_gz: what each file must be");
}

void declare_transfer(CLI::App& app, Request& request) {
  TransferOptions& options = request.transfer;
  app.add_option("-o,--output", request.output, "Folder for the files")->capture_default_str();
  auto* series = app.add_option("--bin-and-delete", request.series, "A series file: each trace is counted into it as soon as it is whole, "
                 "and deleted; what is in it by name is not fetched again");
  app.add_option("--interval", request.interval, "Of a new series file, 1ms to 1d (default: 1s)")->needs(series);
  app.add_flag("--dry-run", request.dry_run, "Only show what would be fetched, with sizes; the server is asked for those that no list gives");
  app.add_option("--parallel", options.parallel, "Files at a time; archives are shared with others")->capture_default_str()
      ->check(CLI::Range(1, 16));
  app.add_option("--rate-limit", options.bytes_per_second, "Bytes per second of all files together, such as 10MB")
      ->transform(CLI::AsSizeValue(true));
  app.add_option("--tries", options.tries, "In a row without a new byte, before a file is given up")->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--retry-wait", request.retry_wait, "Before the first retry; doubles up to a minute")->capture_default_str();
  app.add_option("--stall", request.stall, "A connection that brings nothing for so long is dropped")->capture_default_str();
  app.add_option("--netrc", options.netrc, "File with user and password of the server (default: ~/.netrc); TIDEGAUGE_USER and "
                 "TIDEGAUGE_PASSWORD of the environment outrank it")->check(CLI::ExistingFile);
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  declare_archive(app, *request);
  declare_days(app, *request);
  declare_transfer(app, *request);
  return [request, &common] { return run_fetch(*request, common); };
}

const VerbRegistration registration({
    12,
    "fetch",
    "Get traces of an archive for a range of days; what was stopped goes on",
    "tidegauge fetch mawi --from 2016-01-01 --to 2016-01-31 --weekdays sat -o january --dry-run\n"
    "  tidegauge fetch mawi --from 2016-01-01 --to 2016-01-31 -o january --checksums mawi_trace_sizes.csv.gz --rate-limit 20MB\n"
    "  tidegauge fetch caida --from 2018-04-19 --hours 13 --directions A --kinds pcap.gz,times.gz --netrc caida.netrc -o nyc\n"
    "  tidegauge fetch mawi --from 2016-01-01 --to 2016-12-31 --bin-and-delete 2016.series --interval 1s\n"
    "  tidegauge fetch mawilab --from 2016-01-01 --to 2016-01-31 -o labels\n"
    "  tidegauge fetch --template 'https://archive.example.org/{YYYY}/{MM}/link-{DD}-{hh}.pcap.gz' --name "
    "'{YYYY}{MM}{DD}{hh}.pcap.gz' --from 2020-02-01 --to 2020-02-29 --hours 0-23",
    setup,
});

}  // namespace
}  // namespace tidegauge
