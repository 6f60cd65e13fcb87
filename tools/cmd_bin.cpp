// tidegauge bin: captures, or imported tables, into a series file.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>
#include <utility>

#include "host/bin_traces.hpp"
#include "host/capture_watch.hpp"
#include "host/counting_settings.hpp"
#include "host/duration.hpp"
#include "host/find_captures.hpp"
#include "host/interrupt.hpp"
#include "host/job_plan.hpp"
#include "host/mistakes.hpp"
#include "host/shard.hpp"
#include "tools/bin_report.hpp"
#include "tools/log.hpp"
#include "tools/setting_options.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  std::vector<std::string> inputs;
  std::string series, interval, wait = "10s", follow_timeout = "30s", device = "auto", shard, plan, files_from;
  bool follow = false, watch = false;
  std::string watch_quiet = "10s";
  std::chrono::milliseconds quiet{};
  std::string delimiter = ",";
  bool csv = false;
  CsvOptions table;
  BinOptions bin;
  SettingOptions<CountingSettings> counting{add_counting_fields};
};

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
  if (request.plan.empty()) return std::nullopt;
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

/// The captures that are named, in whatever way.
void take_captures(Request& request, Mistakes& mistakes) {
  if (!request.files_from.empty()) {
    auto names = read_name_list(request.files_from);
    mistakes.add(names);
    if (names) request.inputs.insert(request.inputs.end(), names->begin(), names->end());
  }
  if (request.inputs.empty() && mistakes.none())
    mistakes.add({"captures is required", "bin", "tidegauge bin --help", ErrorKind::usage});
  if (request.csv || request.watch) return;  // a watched folder may be empty yet
  auto found = find_captures(request.inputs);
  mistakes.add(found);
  if (!found) return;
  if (!found->left_out.empty()) remark(left_out_words(*found));
  request.inputs = std::move(found->paths);
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
  request.quiet = std::chrono::milliseconds(milliseconds(request.watch_quiet, "--watch-quiet"));
  if (request.follow) request.bin.follow_ms = milliseconds(request.follow_timeout, "--follow-timeout");
  if (request.bin.point.empty()) mistakes.add({"an observation point needs a name", "--point", "", ErrorKind::usage});
  complete_keys(request, mistakes);
  if (plan) take_planned_keys(*plan, request, mistakes);
  if (request.csv) complete_table(request, mistakes);
  if (!plan) take_captures(request, mistakes);
  take_shard(request, plan, mistakes);
  TG_TRY(mistakes.status());
  auto devices = choose_devices(request.device);
  if (!devices) return std::move(devices).error();
  if (!devices->why.empty()) remark(devices->why);
  for (auto& backend : devices->backends) request.bin.devices.push_back(std::move(backend));
  return {};
}

Status bin_once(Request& request, const std::vector<std::string>& captures, const CommonOptions& common) {
  auto report = [&] {
    ProgressWords words;  // cleared from the terminal before the results come
    request.bin.progress = [&](const BinProgress& progress) { words.tell(progress); };
    return bin_traces(captures, request.bin);
  }();
  if (!report) return std::move(report).error();
  tell_bin_remarks(*report);
  if (report->device_failure)
    warn(fmt::format("the GPU was given up in the middle, the rest was counted on the CPU: {}", report->device_failure->message()));
  if (report->device_shortage)
    warn(fmt::format("the GPU had no room for a counter for every thread, the others counted on the CPU: {}",
                     report->device_shortage->message()));
  if (request.bin.keyed.held && report->count(BinOutcome::added) > 0)
    remark("prefixes and MACs are approximate without --keys; `export --by` says beside each how much it may lack");
  tell_bin_stages(*report);
  if (common.json) print_bin_json(request.series, *report);
  else print_bin_words(request.series, *report);
  return bin_verdict(*report);
}

/// Counts what arrives until it is told to stop, which is then no error. What fails is said at once, and tried again when it
/// has changed.
Status watch(Request& request, std::chrono::milliseconds quiet, const CommonOptions& common) {
  CaptureWatch arrivals(request.inputs, quiet);
  while (!interrupted()) {
    const auto captures = arrivals.ready();
    if (!captures) return captures.error();
    if (!captures->empty()) {
      const Status outcome = bin_once(request, *captures, common);
      if (!outcome && !interrupted()) log(LogLevel::error, outcome.error().message());
      std::fflush(stdout);
    }
    const int looks_apart_ms = 1000, patience_ms = 100;
    for (int ms = 0; ms < looks_apart_ms && !interrupted(); ms += patience_ms)
      std::this_thread::sleep_for(std::chrono::milliseconds(patience_ms));
  }
  return {};
}

Status run_bin(Request& request, const CommonOptions& common) {
  TG_TRY(complete(request));
  const InterruptGuard guard;
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit shall be an error with words, like a full disk
  request.bin.stop = [] { return interrupted(); };
  if (request.watch) return watch(request, request.quiet, common);
  return bin_once(request, request.inputs, common);
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  auto* captures = app.add_option("captures", request->inputs,
                                  "pcap, pcapng or ERF files, also compressed, or folders of them; CAIDA's .pcap.stats; with --csv tables");
  auto* files_from = app.add_option("--files-from", request->files_from, "A file with the name of a capture a line; - for stdin");
  app.add_option("-o,--output", request->series, "The series file; made where it is absent")->required();
  auto* interval = app.add_option("--interval", request->interval, "Length of an interval, 1ms to 1d (default: the file's own; 1s if new)");
  auto* point = app.add_option("--point", request->bin.point, "Observation point: link and direction")->capture_default_str();
  app.add_flag("--strict", request->bin.strict, "Stop at damage, with status 3, instead of passing over it");
  app.add_option("--threads", request->bin.threads, "At work at once, on many captures or on one; 0 for one per core")
      ->capture_default_str()->check(CLI::Range(0, 1024));
  app.add_option("--device", request->device,
                 "cpu, cuda (all GPUs) or cuda:N; auto is the CPU, which counts as fast as it reads")->capture_default_str();
  auto* follow = app.add_flag("--follow", request->follow, "The captures still grow (a download): read on at their end until they "
                              "are whole; Ctrl-C leaves the one in work out");
  app.add_option("--follow-timeout", request->follow_timeout,
                 "A capture is whole once nothing has come for so long, or soon after its writer closed it")
      ->capture_default_str()->needs(follow);
  auto* watch = app.add_flag("--watch", request->watch, "Go on with captures that arrive in the folders, until Ctrl-C")
      ->excludes(follow);
  app.add_option("--watch-quiet", request->watch_quiet, "A capture is whole once it has not changed for so long")
      ->capture_default_str()->needs(watch);
  app.add_option("--plan", request->plan, "A file that `plan` made: it says which captures, how they are counted, and their shards")
      ->excludes(captures)->excludes(files_from)->excludes(watch)->excludes(interval)->excludes(point);
  app.add_option("--shard", request->shard,
                 "Only a part of the captures: i/N, i from 0; all N give all of them, and `merge` puts their series files "
                 "together. auto or auto/N: i from SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX")->excludes(watch);
  app.add_option("--wait", request->wait, "How long to wait for another writer of the series file")->capture_default_str();
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
