// Which packets of a capture a sample keeps: the five modes of pcapsampler, and whole flows by hash. n = 0, 1, ... numbers
// the packets that the walker delivers, N is SampleOptions::every, P its period.
//   COUNT_SYS           n = 0, N, 2N, ...
//   COUNT_RAND_UNIFORM  each packet by itself, with probability 1/N
//   COUNT_RAND_KN       one packet, drawn uniformly, of each block of N; the last block may lack its own
//   TIME_SYS            the first packet of each period [jP, (j+1)P), aligned to the epoch like intervals, so that the
//                       files of one link agree. A packet of an earlier period than one before it comes too late.
//   TIME_RAND_POISSON   the first packet at or after each instant of a Poisson process with mean gap P, once where it is
//                       the first after several: as the process has no memory, the next gap begins at the packet
//   FLOW_HASH           all packets of one conversation in N, both directions
// A clock that steps back by more than a day begins anew in the TIME modes, as an absurd time ahead must not end them.
//
// What pcapsampler does otherwise (SampleOptions::seed_compatible): the first packet is always written and the rule begins
// behind it (COUNT_SYS: n = 0, 1, 1 + N, ...); periods begin at the first packet, and after k periods without a packet the
// next one is written k times; times are cut to microseconds.
//
// A rule is asked packet by packet:
//   passes_over(packet)  hot: true for a packet that is not kept; false, with nothing done, where take() has to decide
//   take(packet)         how many times it is written
//   begin(ts_ns)         seed_compatible: the first packet, which was written
// Random numbers are those of kernels/core/random.hpp, so that a seed gives one sample everywhere (the gaps of
// TIME_RAND_POISSON up to the last bit of the machine's log). Cost: bench/ingest_bench, stage `sample`. Not thread-safe.
// Tested by tests/ingest/sample_test.cpp against tests/oracle/naive_sample.hpp.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "kernels/core/host_device.hpp"
#include "kernels/core/random.hpp"
#include "kernels/data/interval_columns.hpp"
#include "kernels/data/packet_view.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

enum class SampleMode : std::uint8_t { count_sys, count_rand_uniform, count_rand_kn, time_sys, time_rand_poisson, flow_hash };
inline constexpr std::array<std::string_view, 6> sample_mode_names{
    "COUNT_SYS", "COUNT_RAND_UNIFORM", "COUNT_RAND_KN", "TIME_SYS", "TIME_RAND_POISSON", "FLOW_HASH"};
inline std::string_view name_of(SampleMode mode) { return sample_mode_names[static_cast<std::size_t>(mode)]; }
/// The rate is a time, not a number of packets or flows.
inline bool by_time(SampleMode mode) { return mode == SampleMode::time_sys || mode == SampleMode::time_rand_poisson; }

struct SampleOptions {
  SampleMode mode = SampleMode::count_sys;
  std::uint64_t every = 1000;                 ///< at least 1; not of the TIME modes
  std::int64_t period_ns = 1'000'000'000'000; ///< of the TIME modes, from 1 us to 1 day; whole us if seed_compatible
  std::uint64_t seed = 1;
  bool seed_compatible = false;
  std::int64_t interval_ns = 1'000'000'000;   ///< of the windows whose population is written down
};

namespace sampling {

/// Streams of random numbers under the seed; part of what a seed means.
enum Stream : std::uint64_t { uniform_stream = 1, block_stream, gap_stream, flow_stream, no_flow_stream };

class CountdownRule {
 public:
  explicit CountdownRule(const SampleOptions& options)
      : every_(options.every), blocks_(options.mode == SampleMode::count_rand_kn), random_(options.seed, block_stream) {
    if (blocks_) left_ = chosen_ = random_.below(every_);
  }
  void begin(std::int64_t) {}
  TG_INLINE bool passes_over(const PacketView&) {
    if (left_ == 0) return false;
    --left_;
    return true;
  }
  std::uint64_t take(const PacketView&) {
    left_ = every_ - 1;
    if (blocks_) {
      const std::uint64_t rest = every_ - 1 - chosen_;
      chosen_ = random_.below(every_);
      left_ = rest + chosen_;
    }
    return 1;
  }

 private:
  std::uint64_t every_, left_ = 0;  ///< packets to pass over before the next that is kept
  bool blocks_;
  std::uint64_t chosen_ = 0;        ///< place in the current block
  RandomStream random_;
};

class UniformRule {
 public:
  explicit UniformRule(const SampleOptions& options)
      : key_(mix64(mix64(options.seed) ^ uniform_stream)), largest_(~0ull / options.every) {}
  void begin(std::int64_t) {}
  TG_INLINE bool passes_over(const PacketView&) {
    if (mix64(key_ ^ index_) <= largest_) return false;  // RandomStream::below(N) == 0
    ++index_;
    return true;
  }
  std::uint64_t take(const PacketView&) { return ++index_, 1; }

 private:
  std::uint64_t key_, largest_, index_ = 0;
};

class TimeRule {
 public:
  explicit TimeRule(const SampleOptions& options)
      : options_(options), random_(options.seed, gap_stream) {}
  void begin(std::int64_t ts_ns) { due_ = later(ts_ns, gap()), begun_ = true; }
  TG_INLINE bool passes_over(const PacketView& packet) { return packet.ts_ns >= since_ && packet.ts_ns < due_; }
  std::uint64_t take(const PacketView& packet) {
    if (options_.seed_compatible) return take_as_seed(packet.ts_ns);
    return options_.mode == SampleMode::time_sys ? take_of_period(packet.ts_ns) : take_after_instant(packet.ts_ns);
  }

 private:
  static constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

  static std::int64_t later(std::int64_t ts_ns, std::int64_t by_ns) {
    std::int64_t sum;
    return __builtin_add_overflow(ts_ns, by_ns, &sum) ? highest : sum;
  }
  /// To the next instant; whole microseconds where times are cut to them.
  std::int64_t gap() {
    if (options_.mode == SampleMode::time_sys) return options_.period_ns;
    const std::int64_t unit = options_.seed_compatible ? 1000 : 1;
    const double ns = -std::log1p(-random_.unit()) * static_cast<double>(options_.period_ns);  // below 37 periods
    return static_cast<std::int64_t>(ns / static_cast<double>(unit)) * unit;
  }
  bool too_late(std::int64_t ts_ns) const { return begun_ && ts_ns < since_ && !far_apart(ts_ns, since_); }

  std::uint64_t take_of_period(std::int64_t ts_ns) {
    if (too_late(ts_ns)) return 0;
    const std::int64_t j = interval_of(ts_ns, options_.period_ns);
    if (__builtin_mul_overflow(j, options_.period_ns, &since_)) since_ = lowest;
    due_ = later(since_, options_.period_ns);
    begun_ = true;
    return 1;
  }
  std::uint64_t take_after_instant(std::int64_t ts_ns) {
    if (too_late(ts_ns)) return 0;
    const bool reached = begun_ && ts_ns >= due_;
    since_ = ts_ns;
    due_ = later(ts_ns, gap());
    begun_ = true;
    return reached;
  }
  /// Here `since_` stays below every time: what is earlier than due is passed over, however early.
  std::uint64_t take_as_seed(std::int64_t ts_ns) {
    const std::int64_t cut = ts_ns - ts_ns % 1000;
    if (cut < due_) return 0;
    if (options_.mode == SampleMode::time_rand_poisson) return due_ = later(cut, gap()), 1;
    const auto periods = (static_cast<std::uint64_t>(cut) - static_cast<std::uint64_t>(due_)) /
                             static_cast<std::uint64_t>(options_.period_ns) + 1;
    std::int64_t passed;
    due_ = __builtin_mul_overflow(periods, options_.period_ns, &passed) ? highest : later(due_, passed);
    return periods;
  }

  SampleOptions options_;
  RandomStream random_;
  bool begun_ = false;
  std::int64_t since_ = lowest, due_ = lowest;  ///< packets in between are passed over
};

/// A flow is known by the addresses of the outermost IP header, in either order, with the ports and the protocol of the
/// innermost packet that is reached. Fragments go by addresses and protocol alone, as only the first has ports. A packet
/// without IP headers is a flow of its own.
class FlowRule {
 public:
  explicit FlowRule(const SampleOptions& options)
      : key_(mix64(mix64(options.seed) ^ flow_stream)), other_key_(mix64(mix64(options.seed) ^ no_flow_stream)),
        largest_(~0ull / options.every) {}
  void begin(std::int64_t) {}
  TG_INLINE bool passes_over(const PacketView& packet) {
    if (hash(packet, index_) <= largest_) return false;
    ++index_;
    return true;
  }
  std::uint64_t take(const PacketView&) { return ++index_, 1; }

 private:
  /// By value: in the hot loop the packet must not have an address.
  std::uint64_t hash(PacketView packet, std::uint64_t index) const;
  std::uint64_t key_, other_key_, largest_, index_ = 0;
};

}  // namespace sampling
}  // namespace tidegauge
