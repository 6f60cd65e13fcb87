// The default columns of an interval, in the order in which every row, table and export holds them.
// The series file, the CSV export, `--columns` and the report all read this one list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace tidegauge {

// X(name, "what it counts")
#define TIDEGAUGE_COLUMNS(X)                                                        \
  X(packets, "packets of any kind")                                                 \
  X(bytes, "original (wire) length without FCS, summed")                            \
  X(tcp_packets, "packets whose innermost transport is TCP")                        \
  X(tcp_bytes, "their wire bytes")                                                  \
  X(udp_packets, "packets whose innermost transport is UDP")                        \
  X(udp_bytes, "their wire bytes")                                                  \
  X(icmp_packets, "ICMP and ICMPv6 packets, errors with what they quote")           \
  X(icmp_bytes, "their wire bytes")                                                 \
  X(other_packets, "everything else: non-first fragments, other protocols, no IP")  \
  X(other_bytes, "their wire bytes")                                                \
  X(ip_bytes, "IP total length of the outermost IP header, summed")                 \
  X(ipv4_packets, "packets whose outermost IP is version 4")                        \
  X(ipv6_packets, "packets whose outermost IP is version 6")                        \
  X(syn, "TCP with SYN and without ACK")                                            \
  X(syn_ack, "TCP with SYN and ACK")                                                \
  X(fin, "TCP with FIN")                                                            \
  X(rst, "TCP with RST")                                                            \
  X(fragments, "IP fragments, first ones too")                                      \
  X(size_lt_64, "packets of fewer than 64 wire bytes")                              \
  X(size_64_127, "packets of 64 to 127 wire bytes")                                 \
  X(size_128_255, "packets of 128 to 255 wire bytes")                               \
  X(size_256_511, "packets of 256 to 511 wire bytes")                               \
  X(size_512_1023, "packets of 512 to 1023 wire bytes")                             \
  X(size_1024_2047, "packets of 1024 to 2047 wire bytes")                           \
  X(size_ge_2048, "packets of 2048 wire bytes and more")                            \
  X(late, "quality: packets of an earlier interval than the record before")         \
  X(backward, "quality: packets with an earlier time than the record before")       \
  X(absurd, "quality: records set aside, a day off both neighbours, by the interval of the record before") \
  X(cut, "quality: packets with a header cut by the snaplen")                       \
  X(damaged, "quality: stretches of damage skipped, by the interval of the record before") \
  X(duplicates, "quality: repeated records dropped (--dedup)")                      \
  X(lost, "quality: losses that the capture itself reports")

enum class Column : std::size_t {
#define X(name, text) name,
  TIDEGAUGE_COLUMNS(X)
#undef X
};

inline constexpr std::array column_names{
#define X(name, text) std::string_view(#name),
    TIDEGAUGE_COLUMNS(X)
#undef X
};
inline constexpr std::array column_texts{
#define X(name, text) std::string_view(text),
    TIDEGAUGE_COLUMNS(X)
#undef X
};
inline constexpr std::size_t column_count = column_names.size();

/// Counters of one interval.
struct IntervalRow {
  std::array<std::uint64_t, column_count> value{};
  std::uint64_t& operator[](Column c) { return value[static_cast<std::size_t>(c)]; }
  std::uint64_t operator[](Column c) const { return value[static_cast<std::size_t>(c)]; }
  IntervalRow& operator+=(const IntervalRow& other) {
    for (std::size_t i = 0; i < column_count; ++i) value[i] += other.value[i];
    return *this;
  }
  friend bool operator==(const IntervalRow&, const IntervalRow&) = default;
};

/// Column of that name, or nothing.
constexpr std::optional<Column> column_by_name(std::string_view name) {
  for (std::size_t i = 0; i < column_count; ++i)
    if (column_names[i] == name) return static_cast<Column>(i);
  return std::nullopt;
}

/// Interval k covers [k·Δ, (k+1)·Δ); floor division, so that times before the epoch fall right too.
constexpr std::int64_t interval_of(std::int64_t ts_ns, std::int64_t interval_ns) {
  const std::int64_t q = ts_ns / interval_ns;
  return q - (ts_ns % interval_ns < 0);
}

/// The largest k for which both ends of intervals k and -k are times in int64 nanoseconds.
constexpr std::int64_t last_interval(std::int64_t interval_ns) {
  return std::numeric_limits<std::int64_t>::max() / interval_ns - 1;
}

}  // namespace tidegauge
