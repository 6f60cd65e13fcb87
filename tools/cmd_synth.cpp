// tidegauge synth: writes a synthetic trace and where its surges are.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "host/duration.hpp"
#include "host/synth_files.hpp"
#include "host/time_text.hpp"
#include "ingest/synthetic/synthetic.hpp"
#include "tools/log.hpp"
#include "tools/verbs.hpp"

namespace tidegauge {

namespace {

std::string text_of(std::int64_t ns) {
  return format_utc(ns, ns % 1'000'000'000 ? 1'000'000 : 1'000'000'000);
}

struct SynthOptions {
  SynthSettings settings;
  std::string output, truth, rates;
  std::string start = "2024-01-15T14:00:00Z", duration = "15m", day = "24h";
  std::vector<std::string> surges, gaps;
};

/// A file, or stdout for "-"; a regular file that could not be finished is removed again.
class TraceOutput {
 public:
  explicit TraceOutput(std::string path) : path_(std::move(path)) {}
  TraceOutput(const TraceOutput&) = delete;
  TraceOutput& operator=(const TraceOutput&) = delete;
  ~TraceOutput() {
    if (fd_ < 0 || path_ == "-") return;
    struct stat about {};
    const bool regular = ::fstat(fd_, &about) == 0 && S_ISREG(about.st_mode);
    ::close(fd_);
    if (regular) ::unlink(path_.c_str());
  }
  Status open() {
    fd_ =
        path_ == "-" ? STDOUT_FILENO : ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return fd_ < 0 ? failure("cannot be written") : Status{};
  }
  Status write(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failure("writing stopped");
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }
  Status close() {
    const int fd = std::exchange(fd_, -1);
    return path_ != "-" && ::close(fd) != 0 ? failure("writing stopped") : Status{};
  }

 private:
  Error failure(const char* what) const {
    const int reason = errno;
    return {fmt::format("{}: {}", what, std::strerror(reason)), path_,
            reason == ENOSPC ? "another disk, or a shorter --duration" : "another path for -o"};
  }
  std::string path_;
  int fd_ = -1;
};

Expected<std::vector<std::string>> fields(const std::string& option, const std::string& text,
                                          std::size_t least, std::size_t most) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    parts.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  if (parts.size() >= least && parts.size() <= most) return parts;
  return Error{fmt::format("\"{}\" has {} parts", text, parts.size()), option,
               option == "--gap" ? "start,length" : "start,length,factor[,kind]", ErrorKind::usage};
}

/// A time, or an offset from the start of the trace.
Expected<std::int64_t> place(const std::string& option, const std::string& text, std::int64_t start_ns) {
  const auto offset = parse_duration(text, option);
  if (offset && *offset <= std::numeric_limits<std::int64_t>::max() - start_ns) return start_ns + *offset;
  auto time = parse_time(text, option);
  if (!time)
    return Error{time.error().what, option, "an offset such as 90s, or " + time.error().remedy,
                 ErrorKind::usage};
  return time;
}

Expected<Surge> parse_surge(const std::string& text, std::int64_t start_ns) {
  const auto parts = fields("--surge", text, 3, 4);
  if (!parts) return parts.error();
  const auto start = place("--surge", (*parts)[0], start_ns);
  if (!start) return start.error();
  const auto length = parse_duration((*parts)[1], "--surge");
  if (!length) return length.error();
  Surge surge{*start, *length, 0, SurgeKind::flash};
  if (!CLI::detail::lexical_cast((*parts)[2], surge.factor))
    return Error{fmt::format("\"{}\" is no factor", (*parts)[2]), "--surge", "a number such as 2.5",
                 ErrorKind::usage};
  if (parts->size() < 4 || (*parts)[3] == "flash") return surge;
  surge.kind = SurgeKind::syn_flood;
  if ((*parts)[3] == surge_kind_name(surge.kind)) return surge;
  return Error{fmt::format("\"{}\" is no kind of surge", (*parts)[3]), "--surge", "flash or syn-flood",
               ErrorKind::usage};
}

Expected<SilentStretch> parse_gap(const std::string& text, std::int64_t start_ns) {
  const auto parts = fields("--gap", text, 2, 2);
  if (!parts) return parts.error();
  const auto start = place("--gap", (*parts)[0], start_ns);
  if (!start) return start.error();
  const auto length = parse_duration((*parts)[1], "--gap");
  if (!length) return length.error();
  return SilentStretch{*start, *length};
}

Status read_times(SynthOptions& o) {
  SynthSettings& s = o.settings;
  const auto start = parse_time(o.start, "--start");
  if (!start) return start.error();
  const auto duration = parse_duration(o.duration, "--duration");
  if (!duration) return duration.error();
  const auto day = parse_duration(o.day, "--day");
  if (!day) return day.error();
  s.start_ns = *start;
  s.duration_ns = *duration;
  s.day_ns = *day;
  if (!o.rates.empty()) {
    auto rates = read_rate_file(o.rates);
    if (!rates) return rates.error();
    s.rates = std::move(*rates);
  }
  const std::int64_t origin_ns = s.rates.empty() ? s.start_ns : s.rates.front().start_ns;
  for (const std::string& text : o.surges) {
    const auto surge = parse_surge(text, origin_ns);
    if (!surge) return surge.error();
    s.surges.push_back(*surge);
  }
  for (const std::string& text : o.gaps) {
    const auto gap = parse_gap(text, origin_ns);
    if (!gap) return gap.error();
    s.gaps.push_back(*gap);
  }
  return {};
}

/// out.pcap gives out.truth.csv.
std::string truth_path(const SynthOptions& o) {
  if (!o.truth.empty() || o.output == "-") return o.truth;
  const std::string suffix = ".pcap";
  const bool has_suffix = o.output.size() > suffix.size() && o.output.ends_with(suffix);
  return (has_suffix ? o.output.substr(0, o.output.size() - suffix.size()) : o.output) + ".truth.csv";
}

Status write_whole(const std::string& path, const std::string& text) {
  TraceOutput file(path);
  TG_TRY(file.open());
  TG_TRY(file.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
  return file.close();
}

std::string as_json(const SynthSummary& summary, const SynthOptions& o, const std::string& truth,
                    double seconds) {
  nlohmann::ordered_json j{
      {"path", o.output},
      {"truth", truth},
      {"packets", summary.packets},
      {"wire_bytes", summary.wire_bytes},
      {"file_bytes", summary.file_bytes},
      {"start", text_of(summary.start_ns)},
      {"end", text_of(summary.end_ns)},
      {"mean_rate", summary.mean_rate()},
      {"seed", o.settings.seed},
      {"seconds", seconds},
      {"packets_per_second_written", static_cast<double>(summary.packets) / std::max(seconds, 1e-9)},
      {"surges", nlohmann::json::array()}};
  for (const Surge& surge : summary.surges)
    j["surges"].push_back({{"start", text_of(surge.start_ns)},
                           {"end", text_of(surge.end_ns())},
                           {"factor", surge.factor},
                           {"kind", surge_kind_name(surge.kind)}});
  return j.dump(2) + "\n";
}

std::string as_text(const SynthSummary& summary, const SynthOptions& o, const std::string& truth,
                    double seconds) {
  const double packets = static_cast<double>(summary.packets);
  std::string text = fmt::format(
      "{}: {} packets, {} to {}\n  mean {:.0f} packets/s, {:.1f} Mbit/s on the wire; {:.1f} MB written in "
      "{:.2f} s ({:.1f} M packets/s)\n",
      o.output == "-" ? "stdout" : o.output, summary.packets, text_of(summary.start_ns),
      text_of(summary.end_ns), summary.mean_rate(),
      static_cast<double>(summary.wire_bytes) * 8e3 / static_cast<double>(summary.end_ns - summary.start_ns),
      static_cast<double>(summary.file_bytes) * 1e-6, seconds, packets / std::max(seconds, 1e-9) * 1e-6);
  for (const Surge& surge : summary.surges)
    text += fmt::format("  {:<9}  x {:<4.2f}  {} for {:.1f} s\n", surge_kind_name(surge.kind), surge.factor,
                        text_of(surge.start_ns), static_cast<double>(surge.length_ns) * 1e-9);
  if (!truth.empty()) text += fmt::format("  their places: {}\n", truth);
  return text;
}

Status run_synth(SynthOptions o, const CommonOptions& common) {
  TG_TRY(read_times(o));
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };

  // The file is made at the first write: wrong settings must not empty a file that is there.
  std::unique_ptr<TraceOutput> file;
  ProgressLine progress;
  std::uint64_t written = 0;
  auto summary = write_synthetic(o.settings, [&](std::span<const std::uint8_t> bytes) -> Status {
    if (!file) {
      file = std::make_unique<TraceOutput>(o.output);
      TG_TRY(file->open());
    }
    written += bytes.size();
    progress.update(fmt::format("{:.0f} MB written, {:.0f} MB/s", static_cast<double>(written) * 1e-6,
                                static_cast<double>(written) * 1e-6 / std::max(seconds(), 1e-9)));
    return file->write(bytes);
  });
  progress.clear();
  if (!summary) return summary.error();
  TG_TRY(file->close());

  const std::string truth = truth_path(o);
  if (!truth.empty()) TG_TRY(write_whole(truth, truth_csv(summary->surges)));
  const std::string words =
      common.json ? as_json(*summary, o, truth, seconds()) : as_text(*summary, o, truth, seconds());
  std::FILE* stream = o.output == "-" ? stderr : stdout;
  if (!common.quiet || common.json) std::fputs(words.c_str(), stream);
  return {};
}

const VerbRegistration synth{
    {110, "synth", "Write a synthetic backbone trace with planted surges",
     "tidegauge synth -o out.pcap --duration 15m --rate 20000 --surges 6 --seed 1",
     [](CLI::App& app, const CommonOptions& common) -> std::function<Status()> {
       const auto o = std::make_shared<SynthOptions>();
       SynthSettings& s = o->settings;
       app.add_option("-o,--output", o->output, "Trace to write; - for stdout")->required();
       app.add_option("--truth", o->truth,
                      "CSV with the planted surges (default: beside the trace, .truth.csv)");
       app.add_option("--duration", o->duration, "How long the trace lasts")->capture_default_str();
       app.add_option("--start", o->start, "When it begins, UTC")->capture_default_str();
       app.add_option("--rate", s.rate, "Packets per second, mean without surges")->capture_default_str();
       app.add_option("--seed", s.seed, "Same seed and options, same bytes")->capture_default_str();
       app.add_option("--rates", o->rates,
                      "CSV time,packets or time,packets_per_second: exactly these counts")
           ->check(CLI::ExistingFile);
       app.add_option("--surges", s.random_surges, "Plant so many surges at random (more of the usual mix)");
       app.add_option(
              "--surge", o->surges,
              "Plant one: start,length,factor[,flash|syn-flood]; start is a time or an offset; repeatable")
           ->allow_extra_args(false);
       app.add_option("--gap", o->gaps, "Write nothing there: start,length; repeatable")
           ->allow_extra_args(false);
       app.add_option("--diurnal", s.diurnal, "Amplitude of the daily curve")->capture_default_str();
       app.add_option("--day", o->day, "Length of a day; 5m shows days within 15 minutes")
           ->capture_default_str();
       app.add_option("--burstiness", s.burstiness, "Standard deviation of the log rate")
           ->capture_default_str();
       app.add_option("--conversations", s.conversations, "How many pairs of hosts talk")
           ->capture_default_str();
       app.add_option("--zipf", s.zipf, "Exponent of their popularity")->capture_default_str();
       app.add_option("--tcp", s.tcp, "Share of TCP packets")->capture_default_str();
       app.add_option("--ipv6", s.ipv6, "Share of IPv6")->capture_default_str();
       app.add_option("--vlan", s.vlan, "Share of conversations with a VLAN tag")->capture_default_str();
       app.add_option("--fragments", s.fragments, "Share of UDP datagrams in two fragments")
           ->capture_default_str();
       app.add_option("--backward", s.backward, "Share of records stamped up to 1 ms too early")
           ->capture_default_str();
       app.add_option("--snaplen", s.snaplen, "Bytes kept of a packet")->capture_default_str();
       app.add_flag("--nanoseconds", s.nanoseconds, "Nanosecond timestamps (default: microseconds)");
       return [o, &common] { return run_synth(*o, common); };
     }}};

}  // namespace
}  // namespace tidegauge
