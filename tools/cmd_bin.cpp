// tidegauge bin: captures, or imported tables, into a series file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "host/bin_traces.hpp"
#include "host/counting_settings.hpp"
#include "host/duration.hpp"
#include "host/interrupt.hpp"
#include "host/job_plan.hpp"
#include "host/mistakes.hpp"
#include "host/shard.hpp"
#include "host/time_text.hpp"
#include "tools/log.hpp"
#include "tools/setting_options.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  std::vector<std::string> inputs;
  std::string series, interval, wait = "10s", follow_timeout = "30s", device = "auto", shard, plan;
  bool follow = false;
  std::string delimiter = ",";
  bool csv = false;
  CsvOptions table;
  BinOptions bin;
  SettingOptions<CountingSettings> counting{add_counting_fields};
};

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

/// A file at a time: one document of 100,000 files would hold more memory than all else.
void print_json(const Request& request, const BinReport& report) {
  const auto text = [](const nlohmann::json& json) {
    return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  nlohmann::json outcomes;
  for (const auto outcome : {BinOutcome::added, BinOutcome::already_in, BinOutcome::failed, BinOutcome::left_out})
    outcomes[name_of(outcome)] = report.count(outcome);
  nlohmann::json stages;
  for (const auto& [name, seconds] : Stages(report).list()) stages[name] = seconds;
  const nlohmann::json job{{"series", request.series}, {"interval_ns", report.interval_ns}, {"outcomes", outcomes},
                           {"total", account_json(report.total())}, {"wall_seconds", report.wall_seconds},
                           {"stage_seconds", stages}};
  const char* before = "{\n\"files\": [\n";
  for (const auto& file : report.files) fmt::print("{}{}", std::exchange(before, ",\n"), text(file_json(file)));
  fmt::print("],{}\n", text(job).substr(1));
}

void print_words(const Request& request, const BinReport& report) {
  for (const auto& file : report.files) {
    if (file.outcome == BinOutcome::added) fmt::print("{}: added, {}\n", file.path, account_words(file.trace.account));
    if (file.outcome == BinOutcome::already_in) fmt::print("{}: already in, nothing changed\n", file.path);
    if (file.outcome == BinOutcome::left_out) fmt::print("{}: left out\n", file.path);
  }
  fmt::print("{}: {} added, {} already in, {} failed; {}\n", request.series, report.count(BinOutcome::added),
             report.count(BinOutcome::already_in), report.count(BinOutcome::failed), account_words(report.total()));
}

void tell_remarks(const BinReport& report) {
  for (const auto& file : report.files) {
    if (!file.trace.damage.empty()) warn(fmt::format("{}: {}", file.path, file.trace.damage));
    if (!file.remark.empty()) remark(fmt::format("{}: {}", file.path, file.remark));
  }
}

void tell_stages(const BinReport& report) {
  const Stages stages(report);
  if (!on_terminal() || report.count(BinOutcome::added) == 0 || report.wall_seconds <= 0) return;  // a pipe has --json
  std::string words;
  for (const auto& [name, seconds] : stages.list()) words += fmt::format("{}{} {:.2f} s", words.empty() ? "" : ", ", name, seconds);
  const double wall = report.wall_seconds;
  remark(fmt::format("{:.2f} s, {:.2f} M records/s, {:.2f} GB/s of input; by thread time: {}; the limit was to {}", wall,
                     static_cast<double>(report.total().read) / wall * 1e-6, static_cast<double>(stages.bytes) / wall * 1e-9,
                     words, stages.limit()));
}

/// The job's status: the only file's own error, or how many failed after each was named.
Status verdict(const BinReport& report) {
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

/// "3/10 files  45 %  1.20 GB/s  12 s left  a.pcap.gz"
class ProgressWords {
 public:
  void tell(const BinProgress& progress) {
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double rate = elapsed > 0 ? static_cast<double>(progress.bytes_done) / elapsed : 0;
    const double share = progress.bytes ? static_cast<double>(progress.bytes_done) / static_cast<double>(progress.bytes) : 1;
    const double left = rate > 0 ? static_cast<double>(progress.bytes - std::min(progress.bytes, progress.bytes_done)) / rate : 0;
    line_.update(fmt::format("{}/{} files  {:.0f} %  {:.2f} GB/s  {:.0f} s left  {}", progress.files_done, progress.files,
                             100 * share, rate * 1e-9, left, std::filesystem::path(progress.current).filename().string()));
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  ProgressLine line_;
};

void complete_keys(Request& request, Mistakes& mistakes) {
  CountingSettings counting;
  const Mistakes of_counting = request.counting.apply(counting);
  mistakes.add(of_counting);
  if (!of_counting.none()) return;
  auto keyed = resolve_counting(counting);
  mistakes.add(keyed);
  if (keyed) request.bin.keyed = *std::move(keyed);
}

void complete_table(Request& request, Mistakes& mistakes) {
  if (request.follow) mistakes.add({"a table is not followed", "--csv --follow", "wait until it is whole", ErrorKind::usage});
  if (request.bin.keyed.any())
    mistakes.add({"a table has no packets to filter or to count by keys", "--csv", "leave those options out", ErrorKind::usage});
  if (request.delimiter == "tab") request.delimiter = "\t";
  if (request.delimiter.size() == 1) request.table.delimiter = request.delimiter.front();
  else mistakes.add({"'" + request.delimiter + "' is not one character", "--delimiter", "';' or tab", ErrorKind::usage});
  request.bin.csv = request.table;
}

/// What the plan says of the job; the captures are chosen later.
std::optional<JobPlan> take_plan(Request& request, Mistakes& mistakes) {
  if (request.plan.empty()) {
    if (request.inputs.empty()) mistakes.add({"captures is required", "bin", "tidegauge bin --help", ErrorKind::usage});
    return std::nullopt;
  }
  if (!request.counting.given().empty())
    mistakes.add({"how captures are counted, the plan says", "--plan", "leave those options out", ErrorKind::usage});
  auto plan = read_plan(request.plan);
  mistakes.add(plan);
  if (!plan) return std::nullopt;
  request.counting.give(plan->counting);
  request.bin.interval_ns = plan->interval_ns;
  request.bin.point = plan->point;
  return *std::move(plan);
}

/// The keys that all shards count by.
void take_planned_keys(const JobPlan& plan, Request& request, Mistakes& mistakes) {
  if (!request.bin.keyed.choose) return;
  auto keyed = with_key_lists(request.bin.keyed, plan.key_lists.empty() ? "{}" : plan.key_lists);
  if (keyed) request.bin.keyed = *std::move(keyed);
  else mistakes.add({"a key list that it counts by is not in it", request.plan, "tidegauge plan makes one anew", ErrorKind::usage});
}

/// Leaves the captures that are this shard's.
void take_shard(Request& request, const std::optional<JobPlan>& plan, Mistakes& mistakes) {
  if (request.shard.empty()) {
    if (plan) request.inputs = plan->paths({});
    return;
  }
  const auto shard = parse_shard(request.shard);
  mistakes.add(shard);
  if (!shard) return;
  if (plan && shard->count != plan->shards)
    mistakes.add({fmt::format("the plan has {} shards", plan->shards), "--shard " + request.shard, "", ErrorKind::usage});
  if (request.bin.keyed.choose)
    mistakes.add({"each shard would choose keys of its own", "--shard --keys auto", "a plan that holds them (tidegauge plan), or "
                  "--keys FILE", ErrorKind::usage});
  const std::size_t all = plan ? plan->files.size() : request.inputs.size();
  request.inputs = plan ? plan->paths(*shard) : shard->own(request.inputs);
  remark(fmt::format("shard {} of {}: {} of {} inputs are its own", shard->index, shard->count, request.inputs.size(), all));
}

Status complete(Request& request) {
  Mistakes mistakes;
  const auto milliseconds = [&](const std::string& text, const char* option) {
    const auto duration = parse_duration(text, option);
    mistakes.add(duration);
    return duration ? *duration / 1'000'000 : 0;
  };
  request.bin.series = request.series;
  const std::optional<JobPlan> plan = take_plan(request, mistakes);
  if (!request.interval.empty()) {
    const auto interval = parse_interval(request.interval);
    mistakes.add(interval);
    if (interval) request.bin.interval_ns = *interval;
  }
  request.bin.wait_ms = milliseconds(request.wait, "--wait");
  if (request.follow) request.bin.follow_ms = milliseconds(request.follow_timeout, "--follow-timeout");
  if (request.bin.point.empty()) mistakes.add({"an observation point needs a name", "--point", "", ErrorKind::usage});
  complete_keys(request, mistakes);
  if (plan) take_planned_keys(*plan, request, mistakes);
  if (request.csv) complete_table(request, mistakes);
  take_shard(request, plan, mistakes);
  TG_TRY(mistakes.status());
  auto devices = choose_devices(request.device);
  if (!devices) return std::move(devices).error();
  if (!devices->why.empty()) remark(devices->why);
  for (auto& backend : devices->backends) request.bin.devices.push_back(std::move(backend));
  return {};
}

Status run_bin(Request& request, const CommonOptions& common) {
  TG_TRY(complete(request));
  const InterruptGuard guard;
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit shall be an error with words, like a full disk
  request.bin.stop = [] { return interrupted(); };
  auto report = [&] {
    ProgressWords words;  // cleared from the terminal before the results come
    request.bin.progress = [&](const BinProgress& progress) { words.tell(progress); };
    return bin_traces(request.inputs, request.bin);
  }();
  if (!report) return std::move(report).error();
  tell_remarks(*report);
  if (report->device_failure)
    warn(fmt::format("the GPU was given up in the middle, the rest was counted on the CPU: {}", report->device_failure->message()));
  if (report->device_shortage)
    warn(fmt::format("the GPU had no room for a counter for every thread, the others counted on the CPU: {}",
                     report->device_shortage->message()));
  if (request.bin.keyed.held && report->count(BinOutcome::added) > 0)
    remark("prefixes and MACs are approximate without --keys; `export --by` says beside each how much it may lack");
  tell_stages(*report);
  if (common.json) print_json(request, *report);
  else print_words(request, *report);
  return verdict(*report);
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  auto* captures = app.add_option("captures", request->inputs,
                                  "pcap, pcapng or ERF files, also gzipped; CAIDA's .pcap.stats; with --csv tables");
  app.add_option("-o,--output", request->series, "The series file; made where it is absent")->required();
  auto* interval = app.add_option("--interval", request->interval, "Length of an interval, 1ms to 1d (default: the file's own; 1s if new)");
  auto* point = app.add_option("--point", request->bin.point, "Observation point: link and direction")->capture_default_str();
  app.add_flag("--strict", request->bin.strict, "Stop at damage, with status 3, instead of passing over it");
  app.add_option("--threads", request->bin.threads, "At work at once, on many captures or on one; 0 for one per core")
      ->capture_default_str()->check(CLI::Range(0, 1024));
  app.add_option("--device", request->device,
                 "cpu, cuda (all GPUs) or cuda:N; auto is the CPU, which counts as fast as it reads")->capture_default_str();
  app.add_option("--plan", request->plan, "A file that `plan` made: it says which captures, how they are counted, and their shards")
      ->excludes(captures)->excludes(interval)->excludes(point);
  app.add_option("--shard", request->shard,
                 "Only a part of the captures: i/N, i from 0; all N give all of them, and `merge` puts their series files "
                 "together. auto or auto/N: i from SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX");
  app.add_option("--wait", request->wait, "How long to wait for another writer of the series file")->capture_default_str();
  auto* follow = app.add_flag("--follow", request->follow, "The captures still grow (a download): read on at their end until they "
                              "are whole; Ctrl-C leaves the one in work out");
  app.add_option("--follow-timeout", request->follow_timeout,
                 "A capture is whole once nothing has come for so long, or soon after its writer closed it")
      ->capture_default_str()->needs(follow);
  app.add_flag("!--no-times", request->bin.times,
               "Leave CAIDA's .times files beside captures alone, which hold the nanoseconds");
  app.add_option("--stats-field", request->bin.stats_field, "Which counter of CAIDA's .pcap.stats files becomes the value")
      ->capture_default_str();
  auto* csv = app.add_flag("--csv", request->csv, "Import tables of time and value");
  app.add_option("--time-column", request->table.time_column,
                 "Name or number of the time column; none: a line is an interval (default: 1)")->needs(csv);
  app.add_option("--value-column", request->table.value_column,
                 "Name or number of the value column (default: the first that is not the time)")->needs(csv);
  app.add_option("--origin", request->table.origin, "Time that numeric times count from (default: the epoch)")->needs(csv);
  app.add_option("--time-zone", request->table.time_zone, "Zone of local times, such as Asia/Tokyo")
      ->capture_default_str()->needs(csv);
  app.add_option("--delimiter", request->delimiter, "What separates columns; tab for a tabulator")
      ->capture_default_str()->needs(csv);
  request->counting.declare(app);
  return [request, &common] { return run_bin(*request, common); };
}

const VerbRegistration registration({
    20,
    "bin",
    "Count captures into a series file, each one completely or not at all",
    "tidegauge bin january/*.pcap.gz -o january.series --interval 1s\n"
    "  tidegauge bin link.pcap.gz -o dns.series --filter 'udp port 53' --by dport,prefix --keys auto:50 --distinct\n"
    "  tidegauge bin download.pcap.gz -o link.series --follow --by dst-prefix --prefix-length 24\n"
    "  tidegauge bin data.csv --csv -o data.series --interval 5s --origin 2016-01-09T14:00:00 --time-zone Asia/Tokyo",
    setup,
});

}  // namespace
}  // namespace tidegauge
