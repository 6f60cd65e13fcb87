// How many packets come when: the synthetic trace as a sequence of short slots, each with a count.
//
// The log of the rate is a daily curve plus noise, a sum of four AR(1) processes with time constants of 1, 8,
// 64 and 512 seconds: over that range its spectrum falls like 1/f, the long-range dependence of real links
// (Leland et al. 1994), and unlike an exact self-similar generator it streams with four numbers of state.
// Counts are Poisson draws. With given counts the slots are the file's rows and the counts exact.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ingest/synthetic/synthetic.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge::synthetic {

/// A stretch of constant rate, at most `most_packets_per_slot` packets or so.
struct Slot {
  std::int64_t start_ns = 0, length_ns = 0;
  std::uint64_t packets = 0;
  const PlantedSurge* surge = nullptr;  ///< that it lies in
};

class RateCurve {
 public:
  /// @param surges ordered, disjoint; must outlive the curve.
  RateCurve(const SynthSettings& settings, std::span<const PlantedSurge> surges);
  std::optional<Slot> next();
  std::int64_t start_ns() const { return start_ns_; }
  std::int64_t end_ns() const { return end_ns_; }

 private:
  struct Stretch {
    std::int64_t end_ns;
    double packets_per_ns;
  };
  Stretch base_at(std::int64_t now_ns);
  double daily(std::int64_t now_ns) const;
  void step_noise();
  void open_stretch();
  std::uint64_t draw_count(double expected);

  const SynthSettings& settings_;
  std::span<const PlantedSurge> surges_;
  std::int64_t start_ns_, end_ns_;
  double normaliser_ = 1;          // makes the daily curve's mean over the trace 1
  std::size_t row_ = 0;            // of settings.rates
  std::array<double, 4> noise_{};  // each of unit variance
  double log_noise_ = 0;
  std::int64_t noise_until_ns_;  // log_noise_ holds until here
  RandomStream noise_random_, count_random_;
  double carry_ = 0;  // fractions of given counts not yet written

  std::int64_t now_ns_;          // where the next slot begins
  std::int64_t stretch_end_ns_;  // slots of equal rate up to here
  double packets_per_ns_ = 0;
  const PlantedSurge* surge_ = nullptr;
};

/// The given surges and the random ones, ordered, checked for overlap and place.
Expected<std::vector<PlantedSurge>> place_surges(const SynthSettings& settings, std::int64_t start_ns,
                                          std::int64_t end_ns);

}  // namespace tidegauge::synthetic
