// tidegauge sample: thins a capture, and writes down how, so that it can be scaled back.
#include <fmt/format.h>

#include <chrono>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "host/duration.hpp"
#include "host/interrupt.hpp"
#include "host/mistakes.hpp"
#include "host/sample.hpp"
#include "host/time_text.hpp"
#include "tools/log.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {
namespace {

struct Request {
  SampleJob job;
  std::string mode = "COUNT_SYS", rate = "1000", interval = "1s", compress;
  std::optional<std::string> side;
  bool pcapng = false, no_side = false;
};

std::string known_modes() {
  std::string names;
  for (const auto name : sample_mode_names) names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

Expected<SampleMode> parse_mode(const std::string& text) {
  for (std::size_t i = 0; i < sample_mode_names.size(); ++i)
    if (CLI::detail::to_lower(text) == CLI::detail::to_lower(std::string(sample_mode_names[i])))
      return static_cast<SampleMode>(i);
  return Error{"'" + text + "' is no mode", "--mode", "one of: " + known_modes(), ErrorKind::usage};
}

Status parse_rate(const std::string& text, SampleOptions& options) {
  if (by_time(options.mode)) {
    const auto seconds = parse_seconds(text);  // as pcapsampler has it
    const auto period = seconds ? Expected<std::int64_t>(*seconds) : parse_duration(text, "--rate");
    if (!period || *period < 1000 || *period > day_ns)
      return Error{"'" + text + "' is no period", "--rate", "a time from 1us to 1d such as 10ms; a bare number is seconds",
                   ErrorKind::usage};
    options.period_ns = *period;
    return {};
  }
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, options.every);
  if (parsed.ec == std::errc() && parsed.ptr == end && options.every >= 1) return {};
  return Error{"'" + text + "' is no rate", "--rate", "N for one in N, such as 100", ErrorKind::usage};
}

Expected<OutputCompression> parse_compression(const Request& request) {
  if (request.compress.empty()) return compression_of_name(request.job.output);
  if (request.compress == "none") return OutputCompression::none;
  if (request.compress == "gz") return OutputCompression::gzip;
  if (request.compress == "zst") return OutputCompression::zstd;
  return Error{"'" + request.compress + "' is no compression", "--compress", "none, gz or zst", ErrorKind::usage};
}

/// Beside the sample; a pipe or a device has no place beside it.
std::string side_path(const Request& request) {
  if (request.no_side) return {};
  if (request.side) return *request.side;
  std::error_code absent;
  const auto type = std::filesystem::status(request.job.output, absent).type();
  const bool file = type == std::filesystem::file_type::regular || type == std::filesystem::file_type::not_found;
  return request.job.output == "-" || !file ? std::string() : request.job.output + ".sample.json";
}

bool named_pcapng(std::string_view name) {
  for (const std::string_view end : {".gz", ".zst"})
    if (name.ends_with(end)) name.remove_suffix(end.size());
  return name.ends_with(".pcapng");
}

Status complete(Request& request) {
  SampleJob& job = request.job;
  Mistakes mistakes;
  const auto mode = parse_mode(request.mode);
  mistakes.add(mode);
  if (mode) {
    job.options.mode = *mode;
    mistakes.add(parse_rate(request.rate, job.options));
  }
  const auto interval = parse_interval(request.interval);
  mistakes.add(interval);
  if (interval) job.options.interval_ns = *interval;
  const auto compression = parse_compression(request);
  mistakes.add(compression);
  if (compression) job.compression = *compression;
  if (request.no_side && request.side)
    mistakes.add({"is asked for and not", "--side", "either --side or --no-side", ErrorKind::usage});
  if (job.strict && job.options.seed_compatible)
    mistakes.add({"the seed passes over damage in silence", "--seed-compatible", "either that or --strict", ErrorKind::usage});
  job.side = side_path(request);
  if (request.pcapng || named_pcapng(job.output)) job.format = PacketFileWriter::Format::pcapng;
  return mistakes.status();
}

void tell_progress(ProgressLine& line, double seconds, std::uint64_t done, std::uint64_t total) {
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  if (total == 0) return line.update(fmt::format("{:.2f} GB  {:.2f} GB/s", static_cast<double>(done) * 1e-9, rate * 1e-9));
  const double left = rate > 0 ? static_cast<double>(total - std::min(done, total)) / rate : 0;
  line.update(fmt::format("{:.0f} %  {:.2f} GB/s  {:.0f} s left", 100 * static_cast<double>(done) / static_cast<double>(total),
                          rate * 1e-9, left));
}

std::string as_json(const Request& request, const SampleReport& report) {
  const SampleOptions& o = request.job.options;
  const SampledCapture& c = report.capture;
  nlohmann::ordered_json document{
      {"input", request.job.input}, {"output", request.job.output}, {"side", nullptr}, {"format", c.format},
      {"mode", name_of(o.mode)}, {"rate", rate_text(o)}, {"seed", o.seed}, {"seed_compatible", o.seed_compatible},
      {"read", c.account.read}, {"population", c.total.packets}, {"population_bytes", c.total.bytes},
      {"sampled", c.total.sampled_packets}, {"sampled_bytes", c.total.sampled_bytes}, {"refused", nlohmann::json::object()},
      {"lost", c.lost}, {"damage", c.damage}, {"input_bytes", c.input_bytes}, {"output_bytes", report.output_bytes}};
  if (!request.job.side.empty()) document["side"] = request.job.side;
  for (std::size_t i = 0; i < refusal_names.size(); ++i)
    if (c.account.refused[i] != 0) document["refused"][std::string(refusal_names[i])] = c.account.refused[i];
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string as_text(const Request& request, const SampleReport& report) {
  const SampledCapture& c = report.capture;
  std::string text = fmt::format("sample     {} of {} packets ({} {}); {} records read", c.total.sampled_packets,
                                 c.total.packets, name_of(request.job.options.mode), rate_text(request.job.options), c.account.read);
  for (std::size_t i = 0; i < refusal_names.size(); ++i)
    if (c.account.refused[i] != 0) text += fmt::format(", {} {}", c.account.refused[i], refusal_names[i]);
  text += fmt::format("\ncapture    {}, {} bytes\n", request.job.output, report.output_bytes);
  if (!request.job.side.empty()) text += fmt::format("side file  {}\n", request.job.side);
  return text;
}

Status run_sample(Request& request, const CommonOptions& common) {
  TG_TRY(complete(request));
  const bool to_stdout = request.job.output == "-";
  if (to_stdout && common.json)
    return Error{"the packets go to stdout", "--json", "a file for the packets (-o)", ErrorKind::usage};
  const InterruptGuard guard;
  request.job.stop = [] { return interrupted(); };
  auto report = [&] {
    ProgressLine line;
    const auto start = std::chrono::steady_clock::now();
    request.job.progress = [&](std::uint64_t done, std::uint64_t total) {
      tell_progress(line, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), done, total);
    };
    return sample_trace(request.job);
  }();
  if (!report) return std::move(report).error();
  const std::string& damage = report->capture.damage;
  if (!damage.empty() && !request.job.options.seed_compatible) warn(request.job.input + ": " + damage);
  if (request.job.side.empty() && !request.no_side)
    remark("no side file, so nothing can scale this sample back; --side FILE writes one");
  if (common.json) fmt::print("{}", as_json(request, *report));
  else if (!common.quiet) std::fputs(as_text(request, *report).c_str(), to_stdout ? stderr : stdout);
  return {};
}

std::function<Status()> setup(CLI::App& app, const CommonOptions& common) {
  auto request = std::make_shared<Request>();
  SampleJob& job = request->job;
  app.add_option("input", job.input, "The capture, of any format and compression; - for stdin")->required();
  app.add_option("-o,--output", job.output, "The sample: pcap, or pcapng by its name; compressed if it ends in .gz or .zst; "
                                            "- for stdout")->required();
  app.add_option("-m,--mode", request->mode,
                 "COUNT_SYS every Nth packet; COUNT_RAND_UNIFORM each with probability 1/N; COUNT_RAND_KN one at random of "
                 "each block of N; TIME_SYS the first of each period; TIME_RAND_POISSON at exponential gaps; FLOW_HASH whole "
                 "conversations, one in N")->capture_default_str();
  app.add_option("-r,--rate", request->rate, "N; in the TIME modes the period or the mean gap, such as 10ms, a bare number in "
                                             "seconds")->capture_default_str();
  app.add_option("--seed", job.options.seed, "Same seed, same sample")->capture_default_str();
  app.add_flag("--seed-compatible", job.options.seed_compatible,
               "As pcapsampler does: packet 1 always, periods from packet 1 and a packet n times after n periods, times cut to "
               "microseconds, no word about damage");
  app.add_option("--interval", request->interval, "Windows whose population the side file holds: a sample scales back at "
                                                  "multiples of it")->capture_default_str();
  app.add_option("--side", request->side, "The side file (default: beside the sample, its name and .sample.json)");
  app.add_flag("--no-side", request->no_side, "Write no side file");
  app.add_option("--compress", request->compress, "none, gz or zst, whatever the name says");
  app.add_flag("--pcapng", request->pcapng, "Write pcapng, also under another name: for captures of several link types");
  app.add_flag("--strict", job.strict, "Damage is an error (status 3), and no sample is written");
  return [request, &common] { return run_sample(*request, common); };
}

const VerbRegistration registration({
    15,
    "sample",
    "Thin a capture, and write down how, so that it can be scaled back",
    "tidegauge sample 201601091400.pcap.gz -o thin.pcap.zst -m COUNT_SYS -r 100\n"
    "  tidegauge sample trace.pcap -o flows.pcap -m FLOW_HASH -r 50 --seed 7",
    setup,
});

}  // namespace
}  // namespace tidegauge
