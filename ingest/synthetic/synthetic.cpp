#include "ingest/synthetic/synthetic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "ingest/synthetic/rate_curve.hpp"
#include "ingest/synthetic/traffic_mix.hpp"
#include "kernels/data/link_type.hpp"

namespace tidegauge {

namespace {

using namespace synthetic;

constexpr std::size_t record_header_bytes = 16;
constexpr std::size_t buffer_bytes = 1 << 20;
/// Conversations write at least so many bytes of every packet that has them; a larger snaplen needs zeros
/// laid first.
constexpr std::uint32_t bytes_always_written = 98;

Error wrong(const char* option, std::string what, std::string remedy) {
  return {std::move(what), option, std::move(remedy), ErrorKind::usage};
}

Status check_share(const char* option, double value, double most) {
  if (value >= 0 && value <= most) return {};  // false for NaN
  return wrong(option, fmt::format("{} is out of range", value), fmt::format("0 to {}", most));
}

bool in_pcap_range(std::int64_t ns) { return ns >= 0 && ns <= last_pcap_ns; }

/// Before anything is added up.
Status check_times(const SynthSettings& s) {
  const bool given = !s.rates.empty();
  const std::int64_t first = given ? s.rates.front().start_ns : s.start_ns;
  const std::int64_t length =
      given ? s.rates.back().start_ns - first + s.rates.back().length_ns : s.duration_ns;
  if (length <= 0) return wrong(given ? "--rates" : "--duration", "the trace has no duration", "15m");
  if (!in_pcap_range(first) || length > last_pcap_ns || !in_pcap_range(first + length))
    return wrong(given ? "--rates" : "--start", "pcap holds times from 1970 to 2106 only",
                 "a start and a duration within these years");
  for (const PlantedSurge& surge : s.surges)
    if (!in_pcap_range(surge.start_ns) || !in_pcap_range(surge.length_ns) || surge.length_ns == 0)
      return wrong("--surge", "a surge has no length or lies outside all times", "start,length,factor");
  for (const SilentStretch& gap : s.gaps)
    if (!in_pcap_range(gap.start_ns) || !in_pcap_range(gap.length_ns) || gap.length_ns == 0)
      return wrong("--gap", "a gap has no length or lies outside all times", "start,length");
  return {};
}

Status check(const SynthSettings& s) {
  TG_TRY(check_times(s));
  if (!(s.rate > 0 && s.rate <= 1e9))
    return wrong("--rate", fmt::format("{} packets per second is out of range", s.rate),
                 "above 0, up to 1e9");
  for (const RateRow& row : s.rates)
    if (!(row.packets >= 0 && row.packets <= static_cast<double>(row.length_ns)))
      return wrong("--rates", fmt::format("a row with {} packets is out of range", row.packets),
                   "0 to 1e9 a second");
  if (s.day_ns < 1'000'000'000)
    return wrong("--day", "a day must last a second at least", "24h, or 5m in a short trace");
  if (s.conversations < 1 || s.conversations > 4'000'000)
    return wrong("--conversations", fmt::format("{} conversations are out of range", s.conversations),
                 "1 to 4000000");
  if (s.snaplen < 64 || s.snaplen > 65'535)
    return wrong("--snaplen", fmt::format("{} bytes are out of range", s.snaplen), "64 to 65535");
  TG_TRY(check_share("--diurnal", s.diurnal, 0.9));
  TG_TRY(check_share("--burstiness", s.burstiness, 1));
  TG_TRY(check_share("--zipf", s.zipf, 3));
  TG_TRY(check_share("--tcp", s.tcp, 1));
  TG_TRY(check_share("--ipv6", s.ipv6, 1));
  TG_TRY(check_share("--vlan", s.vlan, 1));
  TG_TRY(check_share("--fragments", s.fragments, 1));
  TG_TRY(check_share("--backward", s.backward, 1));
  for (const PlantedSurge& surge : s.surges) {
    if (!(surge.factor > 0 && surge.factor <= 1000))
      return wrong("--surge", fmt::format("the factor {} is out of range", surge.factor),
                   "above 0, up to 1000");
  }
  return {};
}

/// Collects records and hands them on a megabyte at a time.
class PcapRecords {
 public:
  PcapRecords(const SynthSettings& settings, const ByteWriter& writer)
      : writer_(writer),
        snaplen_(settings.snaplen),
        unit_ns_(settings.nanoseconds ? 1 : 1'000),
        room_(record_header_bytes + settings.snaplen + packet_room),
        buffer_(buffer_bytes + room_) {}

  Status write_file_header() {
    const std::uint32_t magic = unit_ns_ == 1 ? 0xa1b23c4d : 0xa1b2c3d4;
    const std::uint32_t words[6] = {magic, 2 | 4 << 16, 0,
                                    0,     snaplen_,    static_cast<std::uint32_t>(LinkType::ethernet)};
    std::memcpy(buffer_.data(), words, sizeof words);
    used_ = sizeof words;
    return {};
  }

  /// Where the next packet's bytes go.
  std::uint8_t* packet_bytes() {
    std::uint8_t* at = buffer_.data() + used_ + record_header_bytes;
    if (snaplen_ > bytes_always_written) std::memset(at, 0, snaplen_);
    return at;
  }

  Status finish_record(std::int64_t ts_ns, std::uint32_t wire_bytes) {
    const std::uint32_t captured = std::min(wire_bytes, snaplen_);
    const auto seconds = static_cast<std::uint64_t>(ts_ns) / 1'000'000'000;
    const auto part = static_cast<std::uint64_t>(ts_ns) % 1'000'000'000 / unit_ns_;
    const std::uint32_t words[4] = {static_cast<std::uint32_t>(seconds), static_cast<std::uint32_t>(part),
                                    captured, wire_bytes};
    std::memcpy(buffer_.data() + used_, words, sizeof words);
    used_ += record_header_bytes + captured;
    return used_ >= buffer_bytes ? flush() : Status{};
  }

  Status flush() {
    const std::size_t n = used_;
    used_ = 0;
    written_ += n;
    return writer_({buffer_.data(), n});
  }
  std::uint64_t written() const { return written_; }

 private:
  const ByteWriter& writer_;
  std::uint32_t snaplen_;
  std::uint64_t unit_ns_;
  std::size_t room_;
  std::vector<std::uint8_t> buffer_;
  std::size_t used_ = 0;
  std::uint64_t written_ = 0;
};

/// Uniform times of a slot's packets, in order.
void draw_times(std::vector<std::int64_t>& times, const Slot& slot, RandomStream& random) {
  times.resize(slot.packets);
  for (auto& t : times)
    t = slot.start_ns + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(slot.length_ns)));
  std::sort(times.begin(), times.end());
}

}  // namespace

std::string_view surge_kind_name(SurgeKind kind) {
  static constexpr std::array<std::string_view, 3> names{"flash", "syn-flood", "dip"};
  return names[static_cast<std::size_t>(kind)];
}

double SynthSummary::mean_rate() const {
  return static_cast<double>(packets) / std::max(1e-9, static_cast<double>(end_ns - start_ns) * 1e-9);
}

Expected<SynthSummary> write_synthetic(const SynthSettings& settings, const ByteWriter& writer) {
  TG_TRY(check(settings));
  const RateCurve probe(settings, {});
  auto surges = place_surges(settings, probe.start_ns(), probe.end_ns());
  if (!surges) return surges.error();

  SynthSummary summary{.start_ns = probe.start_ns(), .end_ns = probe.end_ns(), .surges = *surges};
  for (PlantedSurge& surge : summary.surges)
    if (surge.factor < 1) surge.kind = SurgeKind::dip;

  RateCurve curve(settings, summary.surges);
  TrafficMix mix(settings);
  RandomStream time_random(settings.seed, 3), trouble_random(settings.seed, 4);
  PcapRecords records(settings, writer);
  TG_TRY(records.write_file_header());
  std::vector<std::int64_t> times;
  while (const auto slot = curve.next()) {
    const bool flood = slot->surge && slot->surge->kind == SurgeKind::syn_flood && slot->surge->factor > 1;
    const double flood_share = flood ? 1 - 1 / slot->surge->factor : 0;
    draw_times(times, *slot, time_random);
    for (std::int64_t ts_ns : times) {
      std::uint8_t* out = records.packet_bytes();
      const bool attack = flood && mix.random().unit() < flood_share;
      const std::uint32_t wire_bytes = attack ? mix.write_flood(out) : mix.write_usual(out);
      if (settings.backward > 0 && trouble_random.unit() < settings.backward)
        ts_ns =
            std::max<std::int64_t>(0, ts_ns - 1 - static_cast<std::int64_t>(trouble_random.below(1'000'000)));
      summary.wire_bytes += wire_bytes;
      TG_TRY(records.finish_record(ts_ns, wire_bytes));
    }
    summary.packets += slot->packets;
  }
  TG_TRY(records.flush());
  summary.file_bytes = records.written();
  return summary;
}

}  // namespace tidegauge
