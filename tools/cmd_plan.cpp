// tidegauge plan: what a job over many captures is, before any of its processes starts.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "host/counting_settings.hpp"
#include "host/duration.hpp"
#include "host/find_captures.hpp"
#include "host/interrupt.hpp"
#include "host/job_plan.hpp"
#include "host/mistakes.hpp"
#include "host/output_file.hpp"
#include "ingest/sinks/choose_keys.hpp"
#include "tools/log.hpp"
#include "tools/setting_options.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  std::vector<std::string> captures;
  std::string output = "-", interval = "1s";
  JobPlan plan;
  SettingOptions<CountingSettings> counting{add_counting_fields};
};

struct Stopped {};

/// What the captures are counted by, with the key lists that a pass over all of them chooses.
Status choose_plan_keys(const Request& request, const KeyedOptions& keyed, JobPlan& plan) {
  if (!keyed.choose) return {};
  ProgressLine line;
  try {
    const auto chosen = choose_keys(request.captures, keyed, {.progress = [&](const std::string& path) {
      if (interrupted()) throw Stopped{};
      line.update("choosing keys: " + path);
    }});
    if (!chosen) return chosen.error();
    plan.key_lists = key_lists_json(*chosen);
  } catch (const Stopped&) {
    return Error{"interrupted", "", "the same command begins anew"};
  }
  return {};
}

Expected<KeyedOptions> complete(Request& request) {
  Mistakes mistakes;
  const auto interval = parse_interval(request.interval);
  mistakes.add(interval);
  if (interval) request.plan.interval_ns = *interval;
  if (request.plan.point.empty()) mistakes.add({"an observation point needs a name", "--point", "", ErrorKind::usage});
  CountingSettings counting;
  mistakes.add(request.counting.apply(counting));
  const auto keyed = resolve_counting(counting);
  mistakes.add(keyed);
  const auto found = find_captures(request.captures);
  mistakes.add(found);
  if (found) {
    if (!found->left_out.empty()) remark(left_out_words(*found));
    request.captures = found->paths;
    mistakes.add(plan_files(request.plan, request.captures));
  }
  TG_TRY(mistakes.status());
  request.plan.counting = request.counting.given();
  return keyed;
}

/// "31 captures, 104.20 GB, in 8 shards of 12.80 to 13.30 GB"
std::string plan_words(const JobPlan& plan) {
  std::vector<std::uint64_t> bytes(plan.shards, 0);
  std::uint64_t all = 0;
  for (const PlannedFile& file : plan.files) bytes[file.shard] += file.bytes, all += file.bytes;
  const auto [least, most] = std::minmax_element(bytes.begin(), bytes.end());
  const auto gigabytes = [](std::uint64_t value) { return static_cast<double>(value) * 1e-9; };
  return fmt::format("{} captures, {:.2f} GB, in {} shards of {:.2f} to {:.2f} GB", plan.files.size(), gigabytes(all), plan.shards,
                     gigabytes(*least), gigabytes(*most));
}

Status run_plan(Request& request, const CommonOptions&) {
  const InterruptGuard guard;
  const auto keyed = complete(request);
  if (!keyed) return keyed.error();
  TG_TRY(choose_plan_keys(request, *keyed, request.plan));
  TG_TRY(write_whole(request.output, plan_json(request.plan)));
  remark(plan_words(request.plan));
  return {};
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  app.add_option("captures", request->captures, "As for bin")->required();
  app.add_option("-o,--output", request->output, "The plan, JSON; - for stdout")->capture_default_str();
  app.add_option("--shards", request->plan.shards, "Parts that the captures are shared out to, by size")
      ->capture_default_str()->check(CLI::Range(1, 1'000'000));
  app.add_option("--interval", request->interval, "Length of an interval, 1ms to 1d")->capture_default_str();
  app.add_option("--point", request->plan.point, "Observation point: link and direction")->capture_default_str();
  request->counting.declare(app);
  return [request, &common] { return run_plan(*request, common); };
}

const VerbRegistration registration({
    18,
    "plan",
    "Share a job over many captures out to processes or machines, as JSON: sizes, shards, key lists",
    "tidegauge plan january/*.pcap.gz --shards 8 --by prefix --keys auto:100 -o january.plan\n"
    "  tidegauge bin --plan january.plan --shard 3/8 -o shard-3.series      # each of 0 to 7, anywhere\n"
    "  tidegauge merge shard-*.series -o january.series",
    setup,
});

}  // namespace
}  // namespace tidegauge
