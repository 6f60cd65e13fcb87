// tidegauge synth: writes a synthetic trace and where its surges are.
#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "host/duration.hpp"
#include "host/interrupt.hpp"
#include "host/mistakes.hpp"
#include "host/output_file.hpp"
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

Expected<PlantedSurge> parse_surge(const std::string& text, std::int64_t start_ns) {
  const auto parts = fields("--surge", text, 3, 4);
  if (!parts) return parts.error();
  const auto start = place("--surge", (*parts)[0], start_ns);
  if (!start) return start.error();
  const auto length = parse_duration((*parts)[1], "--surge");
  if (!length) return length.error();
  PlantedSurge surge{*start, *length, 0, SurgeKind::flash};
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
  Mistakes mistakes;
  const auto start = parse_time(o.start, "--start");
  mistakes.add(start);
  const auto duration = parse_duration(o.duration, "--duration");
  mistakes.add(duration);
  const auto day = parse_duration(o.day, "--day");
  mistakes.add(day);
  TG_TRY(mistakes.status());
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
    mistakes.add(surge);
    if (surge) s.surges.push_back(*surge);
  }
  for (const std::string& text : o.gaps) {
    const auto gap = parse_gap(text, origin_ns);
    mistakes.add(gap);
    if (gap) s.gaps.push_back(*gap);
  }
  return mistakes.status();
}

/// out.pcap gives out.truth.csv.
std::string truth_path(const SynthOptions& o) {
  if (!o.truth.empty() || o.output == "-") return o.truth;
  const std::string suffix = ".pcap";
  const bool has_suffix = o.output.size() > suffix.size() && o.output.ends_with(suffix);
  return (has_suffix ? o.output.substr(0, o.output.size() - suffix.size()) : o.output) + ".truth.csv";
}

/// What is written must not be what is read, nor written twice.
Status check_names(const SynthOptions& o, const std::string& truth) {
  Mistakes mistakes;
  const auto refuse = [&](const char* option, const std::string& path, const char* other) {
    mistakes.add({fmt::format("is also the file of {}", other), fmt::format("{} {}", option, path), "another name", ErrorKind::usage});
  };
  if (o.output.empty()) mistakes.add({"the name is empty", "-o", "a name such as out.pcap, or - for stdout", ErrorKind::usage});
  const bool reads = !o.rates.empty(), writes = o.output != "-";
  if (reads && writes && same_file(o.output, o.rates)) refuse("-o", o.output, "--rates");
  if (reads && !truth.empty() && same_file(truth, o.rates)) refuse("--truth", truth, "--rates");
  if (writes && !truth.empty() && same_file(truth, o.output)) refuse("--truth", truth, "-o");
  if (!writes && truth == "-") refuse("--truth", truth, "-o");
  return mistakes.status();
}

Error stopped(const SynthOptions& o, const OutputFile* file) {
  if (file && !file->is_undone()) return {"stopped by a signal: the trace ends early", o.output == "-" ? "stdout" : o.output, ""};
  return {"stopped by a signal: nothing was kept", o.output, "the same command begins anew"};
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
  for (const PlantedSurge& surge : summary.surges)
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
  for (const PlantedSurge& surge : summary.surges)
    text += fmt::format("  {:<9}  x {:<4.2f}  {} for {:.1f} s\n", surge_kind_name(surge.kind), surge.factor,
                        text_of(surge.start_ns), static_cast<double>(surge.length_ns) * 1e-9);
  if (!truth.empty()) text += fmt::format("  their places: {}\n", truth);
  return text;
}

Status run_synth(SynthOptions o, const CommonOptions& common) {
  const std::string truth = truth_path(o);
  Mistakes mistakes;
  mistakes.add(read_times(o));
  mistakes.add(check_names(o, truth));
  TG_TRY(mistakes.status());
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };

  // The file is made at the first write: wrong settings must not touch what is there.
  const InterruptGuard guard;
  std::optional<OutputFile> file;
  ProgressLine progress;
  std::uint64_t written = 0;
  auto summary = write_synthetic(o.settings, [&](std::span<const std::uint8_t> bytes) -> Status {
    if (interrupted()) return stopped(o, file ? &*file : nullptr);
    if (!file) {
      auto created = OutputFile::create(o.output, OutputKind::capture);
      if (!created) return std::move(created).error();
      file.emplace(std::move(*created));
    }
    written += bytes.size();
    progress.update(fmt::format("{:.0f} MB written, {:.0f} MB/s", static_cast<double>(written) * 1e-6,
                                static_cast<double>(written) * 1e-6 / std::max(seconds(), 1e-9)));
    return file->write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  });
  progress.clear();
  if (!summary) return summary.error();
  TG_TRY(file->finish());
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
