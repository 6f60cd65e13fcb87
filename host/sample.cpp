#include "host/sample.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "host/duration.hpp"
#include "host/interrupt.hpp"
#include "host/mistakes.hpp"
#include "host/output_file.hpp"

namespace tidegauge {
namespace {

using Json = nlohmann::ordered_json;

/// In JSON, whatever bytes a name consists of.
std::string as_json(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

class SideFile {
 public:
  /// No path, no file.
  static Expected<SideFile> create(const std::string& path) {
    if (path.empty()) return SideFile(std::nullopt);
    auto file = OutputFile::create(path);
    if (!file) return std::move(file).error();
    return SideFile(*std::move(file));
  }

  Status begin(const SampleOptions& options) {
    Json head{{"format", "tidegauge-sample"}, {"version", 1}, {"mode", name_of(options.mode)}};
    if (by_time(options.mode)) head["period_ns"] = options.period_ns;
    else head["rate"] = options.every;
    head["seed"] = options.seed;
    head["seed_compatible"] = options.seed_compatible;
    head["interval_ns"] = options.interval_ns;
    std::string text = as_json(head);
    text.back() = ',';  // the brace; more follows
    return write(text + "\n\"columns\":[\"k\",\"packets\",\"bytes\",\"sampled_packets\",\"sampled_bytes\"],\n\"windows\":[");
  }

  Status windows(const SampleWindows& windows) {
    std::string text;
    for (const auto& [k, window] : windows) {
      fmt::format_to(std::back_inserter(text), "{}\n[{},{},{},{},{}]", any_ ? "," : "", k, window.packets, window.bytes,
                     window.sampled_packets, window.sampled_bytes);
      any_ = true;
    }
    return write(text);
  }

  Status finish(const Json& tail) {
    std::string text = as_json(tail);
    text.front() = ',';
    TG_TRY(write("]\n" + text + "\n"));
    return file_ ? file_->finish() : Status();
  }

 private:
  explicit SideFile(std::optional<OutputFile> file) : file_(std::move(file)) {}
  Status write(std::string_view text) { return file_ ? file_->write(text) : Status(); }

  std::optional<OutputFile> file_;
  bool any_ = false;
};

Json counts_of(const SampledCapture& capture) {
  Json refused = Json::object();
  for (std::size_t i = 0; i < refusal_names.size(); ++i)
    if (capture.account.refused[i] != 0) refused[std::string(refusal_names[i])] = capture.account.refused[i];
  return {{"read", capture.account.read},
          {"population", capture.total.packets},
          {"population_bytes", capture.total.bytes},
          {"sampled", capture.total.sampled_packets},
          {"sampled_bytes", capture.total.sampled_bytes},
          {"refused", refused},
          {"skipped_bytes", capture.account.skipped_bytes},
          {"lost", capture.lost}};
}

/// What is written must not be what is read, nor written twice.
Status check_names(const SampleJob& job) {
  Mistakes mistakes;
  const auto apart = [&](const char* option, const std::string& path, const char* what, const std::string& other) {
    if (!path.empty() && path != "-" && other != "-" && same_file(path, other))
      mistakes.add({fmt::format("is also the file of {}", what), fmt::format("{} {}", option, path), "another name",
                    ErrorKind::usage});
  };
  if (job.output.empty()) mistakes.add({"the name is empty", "-o", "a name such as sample.pcap, or - for stdout", ErrorKind::usage});
  if (job.side == "-") mistakes.add({"cannot be stdout", "--side", "the name of a file", ErrorKind::usage});
  apart("-o", job.output, "the input", job.input);
  apart("--side", job.side, "the input", job.input);
  apart("--side", job.side, "-o", job.output);
  return mistakes.status();
}

Expected<Fingerprint> fingerprint_of(const SampleJob& job, const SampledCapture& capture) {
  if (capture.fingerprint.known()) return capture.fingerprint;
  return fingerprint_file(job.input);
}

class Sampling {
 public:
  Sampling(const SampleJob& job, OutputFile output, SideFile side)
      : job_(job),
        output_(std::move(output)),
        side_(std::move(side)),
        packed_(CompressedOutput::create(job.compression, [this](std::string_view bytes) { return put(bytes); })),
        writer_(job.format, [this](std::string_view bytes) { return packed_->write(bytes); }) {}

  Expected<SampleReport> run() {
    TG_TRY(side_.begin(job_.options));
    const SampleTargets targets{.packet = [this](const PacketView& packet) { return writer_.packet(packet); },
                                .windows = [this](const SampleWindows& windows) { return side_.windows(windows); },
                                .flush_windows = job_.flush_windows};
    auto capture = sample_capture(job_.input, job_.options, targets, {.strict = job_.strict, .progress = progress()});
    if (!capture) return std::move(capture).error();
    TG_TRY(writer_.finish());
    TG_TRY(packed_->finish());
    TG_TRY(finish_side(*capture));
    TG_TRY(output_.finish());
    return SampleReport{*std::move(capture), fingerprint_.value().size};
  }

 private:
  Status put(std::string_view bytes) {
    fingerprint_.add(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    return output_.write(bytes);
  }

  std::function<void(std::uint64_t, std::uint64_t)> progress() const {
    return [this](std::uint64_t done, std::uint64_t total) {
      if (job_.stop && job_.stop()) throw Interrupted{};
      if (job_.progress) job_.progress(done, total);
    };
  }

  Status finish_side(const SampledCapture& capture) {
    auto input = fingerprint_of(job_, capture);
    if (!input) return std::move(input).error();
    return side_.finish({{"input", {{"path", job_.input}, {"fingerprint", input->text()}, {"format", capture.format},
                                    {"damage", capture.damage}}},
                         {"output", {{"fingerprint", fingerprint_.value().text()}}},
                         {"records", counts_of(capture)}});
  }

  const SampleJob& job_;
  OutputFile output_;
  SideFile side_;
  StreamFingerprint fingerprint_;
  std::unique_ptr<CompressedOutput> packed_;
  PacketFileWriter writer_;
};

}  // namespace

Expected<SampleReport> sample_trace(const SampleJob& job) {
  TG_TRY(check_names(job));
  auto output = OutputFile::create(job.output, OutputKind::capture);
  if (!output) return std::move(output).error();
  auto side = SideFile::create(job.side);
  if (!side) return std::move(side).error();
  try {
    return Sampling(job, *std::move(output), *std::move(side)).run();
  } catch (const Interrupted&) {
    return Error{"interrupted", "", "run it again"};
  }
}

std::string rate_text(const SampleOptions& options) {
  return by_time(options.mode) ? format_duration(options.period_ns) : fmt::format("{}", options.every);
}

}  // namespace tidegauge
