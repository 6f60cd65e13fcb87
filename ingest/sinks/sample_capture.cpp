#include "ingest/sinks/sample_capture.hpp"

#include <utility>

#include "ingest/formats/capture.hpp"
#include "kernels/core/contract.hpp"

namespace tidegauge {
namespace {

/// Thrown through the walk, which has no other way to stop.
struct TargetFailed {};

template <class Rule>
Expected<SampledCapture> sample_by(const std::string& path, const SampleOptions& options, const SampleTargets& targets,
                                   const WalkOptions& walking, std::size_t block_bytes) {
  auto source = open_source(path);
  if (!source) return std::move(source).error();
  SampleSink<Rule> sink(options, targets);
  WalkOptions until_failure = walking;
  until_failure.progress = [&](std::uint64_t done, std::uint64_t total) {
    if (!sink.status()) throw TargetFailed{};
    if (walking.progress) walking.progress(done, total);
  };
  try {
    auto walked = walk_source(path, **source, sink, until_failure, block_bytes);
    if (!walked) return std::move(walked).error();
    const RecordAccount account = sink.finish();
    if (!sink.status()) return sink.status().error();
    TG_REQUIRE(account.adds_up(), "records read are not the population plus records refused");
    return SampledCapture{.format = std::move(walked->format), .damage = std::move(walked->damage), .account = account,
                          .total = sink.total(), .lost = sink.lost_packets(), .fingerprint = (*source)->fingerprint(),
                          .input_bytes = walked->input_bytes};
  } catch (const TargetFailed&) {
    return sink.status().error();
  }
}

Status usable(const SampleOptions& options) {
  const auto refuse = [](std::string what, const char* where, const char* remedy) -> Status {
    return Error{std::move(what), where, remedy, ErrorKind::usage};
  };
  if (options.interval_ns < 1'000'000 || options.interval_ns > day_ns)
    return refuse("is out of range", "--interval", "a length from 1 ms to 1 day");
  if (!by_time(options.mode))
    return options.every >= 1 ? Status() : refuse("one in 0 is no sample", "--rate", "1 or more");
  if (options.period_ns < 1000 || options.period_ns > day_ns)
    return refuse("the period is out of range", "--rate", "a time from 1 us to 1 day");
  if (options.seed_compatible && options.period_ns % 1000 != 0)
    return refuse("the period is not of whole microseconds, to which times are cut", "--rate", "without --seed-compatible");
  return {};
}

}  // namespace

Expected<SampledCapture> sample_capture(const std::string& path, const SampleOptions& options, const SampleTargets& targets,
                                        const WalkOptions& walking, std::size_t block_bytes) {
  TG_TRY(usable(options));
  switch (options.mode) {
    case SampleMode::count_sys:
    case SampleMode::count_rand_kn:
      return sample_by<sampling::CountdownRule>(path, options, targets, walking, block_bytes);
    case SampleMode::count_rand_uniform:
      return sample_by<sampling::UniformRule>(path, options, targets, walking, block_bytes);
    case SampleMode::time_sys:
    case SampleMode::time_rand_poisson:
      return sample_by<sampling::TimeRule>(path, options, targets, walking, block_bytes);
    case SampleMode::flow_hash:
      return sample_by<sampling::FlowRule>(path, options, targets, walking, block_bytes);
  }
  return Error{"is no mode of sampling", "--mode", ""};
}

}  // namespace tidegauge
