// Seeded backbone-like traces: what a tap on a backbone link with a small snaplen would have written, with
// planted surges whose places are known. Same settings, same bytes (up to the last bit of the machine's exp
// and sin, which may move a packet between seconds).
//
// Model. Rate: a daily curve times long-range dependent noise (rate_curve.hpp), or the counts of a file.
// Packets: a protocol is drawn by its share, a conversation within it by Zipf's law, and the conversation
// writes its next packet (conversation.hpp), so flags, sequence numbers and lengths follow from one another.
// Cost: about 0.2 us a packet on one core (Zen 3); memory is about 200 bytes a conversation plus 2 MiB,
// whatever the duration. Thread safety: pure functions of their arguments. Tested by
// tests/ingest/synth_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/core/status.hpp"

namespace tidegauge {

/// pcap's clock has 32 bits of seconds: 1970 to 2106. Sums of two times in this range fit 64 bits.
inline constexpr std::int64_t last_pcap_ns = 4'294'967'295'000'000'000;

/// What a planted surge is made of.
enum class SurgeKind : std::uint8_t {
  flash,      ///< more of the usual mix
  syn_flood,  ///< TCP SYNs of ever new sources to one server
  dip,        ///< fewer packets (factor below 1)
};
std::string_view surge_kind_name(SurgeKind kind);

/// A stretch of time whose rate is multiplied.
struct PlantedSurge {
  std::int64_t start_ns = 0;
  std::int64_t length_ns = 0;
  double factor = 2;  ///< of the rate that would have been there
  SurgeKind kind = SurgeKind::flash;
  std::int64_t end_ns() const { return start_ns + length_ns; }
};

/// Half-open stretch in which nothing is written.
struct SilentStretch {
  std::int64_t start_ns = 0, length_ns = 0;
};

/// So many packets in [start_ns, start_ns + length_ns).
struct RateRow {
  std::int64_t start_ns = 0, length_ns = 0;
  double packets = 0;
};

struct SynthSettings {
  std::int64_t start_ns = 1'705'327'200'000'000'000;  ///< 2024-01-15T14:00:00Z
  std::int64_t duration_ns = 900'000'000'000;         ///< 15 minutes
  double rate = 20'000;  ///< packets per second, mean over the trace without surges and noise
  std::uint64_t seed = 1;

  std::vector<RateRow> rates;  ///< adjacent; if not empty: exactly these counts; start, duration, rate, day
                               ///< and noise are unused
  double diurnal = 0.35;       ///< amplitude of the daily curve, 0 to 0.9
  std::int64_t day_ns = 86'400'000'000'000;  ///< length of a day: shorter ones show rhythm in short traces
  double burstiness = 0.08;                  ///< standard deviation of the log rate, 0 to 1

  /// Spread over the trace, lengths and factors drawn. All are flash crowds, which every column shows; SYN
  /// floods hardly show in bytes.
  std::size_t random_surges = 0;
  std::vector<PlantedSurge> surges;  ///< and these
  std::vector<SilentStretch> gaps;

  std::size_t conversations = 32'768;
  double zipf = 1.0;         ///< exponent of the conversations' popularity
  double tcp = 0.85;         ///< share of the packets; UDP gets most of the rest
  double ipv6 = 0.12;        ///< share of the IP packets
  double vlan = 0.02;        ///< share of the conversations with an 802.1Q tag
  double fragments = 0.004;  ///< share of the UDP datagrams that are larger than the link
  double backward = 0;       ///< share of the records stamped up to 1 ms too early
  std::uint32_t snaplen = 96;
  bool nanoseconds = false;  ///< pcap with nanosecond instead of microsecond timestamps
};

struct SynthSummary {
  std::uint64_t packets = 0;
  std::uint64_t wire_bytes = 0;  ///< original lengths, summed
  std::uint64_t file_bytes = 0;
  std::int64_t start_ns = 0, end_ns = 0;  ///< of the rate curve, half-open
  std::vector<PlantedSurge> surges;              ///< planted ones, by start
  /// Packets a second over the whole trace.
  double mean_rate() const;
};

using ByteWriter = std::function<Status(std::span<const std::uint8_t>)>;

/// Usage errors name the command's option in `where`.
Expected<SynthSummary> write_synthetic(const SynthSettings& settings, const ByteWriter& writer);

}  // namespace tidegauge
