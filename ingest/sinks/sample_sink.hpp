// Joins a walker to a sampling rule, and keeps account of what each window of time held and what of it was kept: all that
// is needed to scale a sample back, whatever the mode.
// Cost: beside the walk, three compares and two additions a packet that is not kept. Memory: the windows, handed over in
// portions. Not thread-safe. Tested by tests/ingest/sample_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "ingest/formats/packet_sink.hpp"
#include "ingest/sinks/sample_rules.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// What lies in one window of SampleOptions::interval_ns. Lengths are the records' own (PacketView::wire_bytes).
struct SampleWindow {
  std::uint64_t packets = 0, bytes = 0;                  ///< the population
  std::uint64_t sampled_packets = 0, sampled_bytes = 0;
  SampleWindow& operator+=(const SampleWindow& other) {
    packets += other.packets, bytes += other.bytes;
    sampled_packets += other.sampled_packets, sampled_bytes += other.sampled_bytes;
    return *this;
  }
  friend bool operator==(const SampleWindow&, const SampleWindow&) = default;
};
/// By interval number (interval_of).
using SampleWindows = std::map<std::int64_t, SampleWindow>;

/// Where a sample goes.
struct SampleTargets {
  std::function<Status(const PacketView&)> packet;        ///< each kept packet, in the capture's order
  std::function<Status(const SampleWindows&)> windows;    ///< portions; windows of one number add up over portions
  std::size_t flush_windows = std::size_t{1} << 16;
};

template <class Rule>
class SampleSink {
 public:
  SampleSink(const SampleOptions& options, const SampleTargets& targets)
      : options_(options), targets_(targets), rule_(options) {}

  TG_INLINE bool usual(const PacketView& packet) {
    if (packet.ts_ns < begin_ || packet.ts_ns >= end_) [[unlikely]] return false;
    if (!rule_.passes_over(packet)) [[unlikely]] return false;
    packets_ += 1;
    bytes_ += packet.wire_bytes;
    return true;
  }
  TG_COLD void packet(PacketView packet) {
    if (packet.ts_ns < begin_ || packet.ts_ns >= end_) enter(packet.ts_ns);
    packets_ += 1;
    bytes_ += packet.wire_bytes;
    keep(packet, copies_of(packet));
  }
  void refuse(Refusal why, std::uint64_t records, std::uint64_t bytes) {
    account_.read += records;
    account_[why] += records;
    account_.skipped_bytes += bytes;
  }
  void captured(std::uint64_t bytes) { account_.captured_bytes += bytes; }
  void lost(std::uint64_t packets) { lost_ += packets; }

  /// Of the targets; the first error, after which nothing more is handed over.
  const Status& status() const { return status_; }
  std::uint64_t lost_packets() const { return lost_; }
  /// Sum over all windows.
  const SampleWindow& total() const { return total_; }

  /// Hands over the rest. `counted` of the account is the population. The end of this sink's use.
  RecordAccount finish() {
    leave();
    hand_over_windows();
    account_.read += total_.packets;
    account_.counted = total_.packets;
    return account_;
  }

 private:
  /// More are no sample any more, but a disk that fills up because one timestamp is absurd.
  static constexpr std::uint64_t kMostCopies = 1'000'000;

  std::uint64_t copies_of(const PacketView& packet) {
    if (options_.seed_compatible && first_) {
      first_ = false;
      rule_.begin(packet.ts_ns - packet.ts_ns % 1000);
      return 1;
    }
    return rule_.passes_over(packet) ? 0 : rule_.take(packet);
  }

  void keep(PacketView packet, std::uint64_t copies) {
    if (copies == 0 || !status_) return;
    if (copies > kMostCopies) {
      status_ = Error{"one packet would be written " + std::to_string(copies) + " times, once for each period without one",
                      "--seed-compatible", "leave it out, or a longer period"};
      return;
    }
    if (options_.seed_compatible) packet.ts_ns -= packet.ts_ns % 1000;
    window_.sampled_packets += copies;
    window_.sampled_bytes += copies * packet.wire_bytes;
    for (; copies > 0 && status_; --copies) status_ = targets_.packet(packet);
  }

  void enter(std::int64_t ts_ns) {
    leave();
    k_ = interval_of(ts_ns, options_.interval_ns);
    // At the two ends of representable time a window is cut off; the last nanosecond is entered packet by packet.
    if (__builtin_mul_overflow(k_, options_.interval_ns, &begin_)) begin_ = std::numeric_limits<std::int64_t>::min();
    if (__builtin_mul_overflow(k_ + 1, options_.interval_ns, &end_)) end_ = std::numeric_limits<std::int64_t>::max();
    if (windows_.size() >= targets_.flush_windows) hand_over_windows();
  }

  void leave() {
    window_.packets = std::exchange(packets_, 0);
    window_.bytes = std::exchange(bytes_, 0);
    if (window_ == SampleWindow{}) return;
    total_ += window_;
    windows_[k_] += std::exchange(window_, SampleWindow{});
  }

  TG_COLD void hand_over_windows() {
    if (status_) status_ = targets_.windows(windows_);
    windows_.clear();
  }

  // The hot ones -----
  std::int64_t begin_ = 0, end_ = 0;         ///< the current window; empty before the first packet
  std::uint64_t packets_ = 0, bytes_ = 0;    ///< of it, since it was entered
  // The others -----
  SampleOptions options_;
  const SampleTargets& targets_;
  Rule rule_;
  bool first_ = true;
  std::int64_t k_ = 0;
  SampleWindow window_{}, total_{};
  SampleWindows windows_;
  RecordAccount account_;
  std::uint64_t lost_ = 0;
  Status status_;
};

}  // namespace tidegauge
