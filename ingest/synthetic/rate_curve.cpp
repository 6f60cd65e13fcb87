#include "ingest/synthetic/rate_curve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tidegauge::synthetic {

namespace {

constexpr double second_ns = 1e9;
constexpr std::int64_t noise_step_ns = 1'000'000'000;
constexpr double most_packets_per_slot = 16'384;  // their times are sorted in the second-level cache
constexpr double busiest_hour = 15.0 / 24, evening_hour = 21.0 / 24;

double seconds(std::int64_t ns) { return static_cast<double>(ns) / second_ns; }

/// Standard normal by Box and Muller (1958), one of the pair.
double normal(RandomStream& random) {
  const double u = 1 - random.unit();  // in (0, 1]
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * random.unit());
}

/// Poisson: by multiplication of uniforms where the mean is small (Knuth), else the rounded normal, which at
/// 30 is off by less than the sampling error of a million draws.
std::uint64_t poisson(RandomStream& random, double mean) {
  if (mean <= 0) return 0;
  if (mean > 30)
    return static_cast<std::uint64_t>(std::max(0.0, std::round(mean + std::sqrt(mean) * normal(random))));
  const double limit = std::exp(-mean);
  std::uint64_t count = 0;
  for (double product = random.unit(); product > limit; product *= random.unit()) ++count;
  return count;
}

/// One day as x in [0, 1): a broad working-day hump and a smaller evening one.
double day_shape(double x) {
  const double tau = 2 * std::numbers::pi;
  return 0.8 * std::cos(tau * (x - busiest_hour)) + 0.2 * std::cos(2 * tau * (x - evening_hour));
}

}  // namespace

RateCurve::RateCurve(const SynthSettings& settings, std::span<const PlantedSurge> surges)
    : settings_(settings),
      surges_(surges),
      start_ns_(settings.rates.empty() ? settings.start_ns : settings.rates.front().start_ns),
      end_ns_(settings.rates.empty() ? settings.start_ns + settings.duration_ns
                                     : settings.rates.back().start_ns + settings.rates.back().length_ns),
      noise_until_ns_(start_ns_),
      noise_random_(settings.seed, 1),
      count_random_(settings.seed, 2),
      now_ns_(start_ns_),
      stretch_end_ns_(start_ns_) {
  if (!settings.rates.empty()) return;
  for (double& component : noise_) component = normal(noise_random_);
  constexpr int samples = 4096;
  double mean = 0;
  for (int i = 0; i < samples; ++i)
    mean += daily(start_ns_ +
                  static_cast<std::int64_t>((i + 0.5) / samples * static_cast<double>(end_ns_ - start_ns_)));
  normaliser_ = samples / mean;
}

double RateCurve::daily(std::int64_t now_ns) const {
  const double x = static_cast<double>(now_ns % settings_.day_ns) / static_cast<double>(settings_.day_ns);
  return normaliser_ * (1 + settings_.diurnal * day_shape(x));
}

void RateCurve::step_noise() {
  constexpr std::array<double, 4> time_constant_s{1, 8, 64, 512};
  double sum = 0;
  for (std::size_t i = 0; i < noise_.size(); ++i) {
    const double memory = std::exp(-1 / time_constant_s[i]);
    noise_[i] = memory * noise_[i] + std::sqrt(1 - memory * memory) * normal(noise_random_);
    sum += noise_[i];
  }
  const double sigma = settings_.burstiness;
  log_noise_ =
      sigma * sum / 2 - sigma * sigma / 2;  // four of unit variance: sum/2 has one; the mean of exp is 1
}

RateCurve::Stretch RateCurve::base_at(std::int64_t now_ns) {
  if (!settings_.rates.empty()) {
    while (settings_.rates[row_].start_ns + settings_.rates[row_].length_ns <= now_ns) ++row_;
    const RateRow& row = settings_.rates[row_];
    return {row.start_ns + row.length_ns, row.packets / static_cast<double>(row.length_ns)};
  }
  while (noise_until_ns_ <= now_ns) {
    step_noise();
    noise_until_ns_ += noise_step_ns;
  }
  return {std::min(noise_until_ns_, end_ns_),
          settings_.rate / second_ns * daily(now_ns) * std::exp(log_noise_)};
}

/// From now_ns_ to the next change of the rate: a new noise value or row, an edge of a surge or of a gap.
void RateCurve::open_stretch() {
  const auto [base_end, base_rate] = base_at(now_ns_);
  stretch_end_ns_ = base_end;
  packets_per_ns_ = base_rate;
  surge_ = nullptr;
  const auto edge = [&](std::int64_t at) {
    if (at > now_ns_) stretch_end_ns_ = std::min(stretch_end_ns_, at);
  };
  for (const PlantedSurge& surge : surges_) {
    edge(surge.start_ns);
    edge(surge.end_ns());
    if (surge.start_ns > now_ns_ || now_ns_ >= surge.end_ns()) continue;
    surge_ = &surge;
    packets_per_ns_ *= surge.factor;
  }
  for (const SilentStretch& gap : settings_.gaps) {
    edge(gap.start_ns);
    edge(gap.start_ns + gap.length_ns);
    if (gap.start_ns <= now_ns_ && now_ns_ < gap.start_ns + gap.length_ns) packets_per_ns_ = 0;
  }
}

std::uint64_t RateCurve::draw_count(double expected) {
  if (settings_.rates.empty()) return poisson(count_random_, expected);
  carry_ += expected;
  const double whole = std::floor(carry_ + 1e-6);  // rows cut into slots add up to their count again
  carry_ -= whole;
  return static_cast<std::uint64_t>(whole);
}

std::optional<Slot> RateCurve::next() {
  if (now_ns_ >= end_ns_) return std::nullopt;
  if (now_ns_ >= stretch_end_ns_) open_stretch();
  const std::int64_t left_ns = stretch_end_ns_ - now_ns_;
  const double expected = packets_per_ns_ * static_cast<double>(left_ns);
  const auto slots = static_cast<std::int64_t>(std::ceil(expected / most_packets_per_slot));
  const std::int64_t length_ns = slots <= 1 ? left_ns : std::max<std::int64_t>(1, left_ns / slots);
  Slot slot{now_ns_, length_ns, draw_count(packets_per_ns_ * static_cast<double>(length_ns)), surge_};
  now_ns_ += length_ns;
  return slot;
}

Expected<std::vector<PlantedSurge>> place_surges(const SynthSettings& settings, std::int64_t start_ns,
                                          std::int64_t end_ns) {
  constexpr std::int64_t ms = 1'000'000;
  std::vector<PlantedSurge> surges = settings.surges;
  RandomStream random(settings.seed, 6);
  const std::size_t n = settings.random_surges;
  if (n > 0) {
    // One in each n-th of the trace, between a tenth and a quarter of it long, so that the calm prevails.
    const std::int64_t part_ns = (end_ns - start_ns) / static_cast<std::int64_t>(n) / ms * ms;
    if (part_ns < 20 * ms)
      return Error{fmt::format("{} surges do not fit into {} s", n, seconds(end_ns - start_ns)), "--surges",
                   "fewer surges or a longer duration", ErrorKind::usage};
    for (std::size_t i = 0; i < n; ++i) {
      PlantedSurge surge;
      surge.length_ns =
          std::min<std::int64_t>(part_ns / 10 + static_cast<std::int64_t>(random.below(part_ns * 15 / 100)),
                                 1'800'000 * ms) /
          ms * ms;
      const std::int64_t room_ns = part_ns * 8 / 10 - surge.length_ns;
      surge.start_ns = start_ns + static_cast<std::int64_t>(i) * part_ns + part_ns / 10 +
                       static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(room_ns))) / ms * ms;
      surge.factor = std::round((1.8 + 2.2 * random.unit()) * 100) / 100;
      surges.push_back(surge);
    }
  }
  std::sort(surges.begin(), surges.end(),
            [](const PlantedSurge& a, const PlantedSurge& b) { return a.start_ns < b.start_ns; });
  for (std::size_t i = 0; i < surges.size(); ++i) {
    if (surges[i].start_ns < start_ns || surges[i].end_ns() > end_ns)
      return Error{fmt::format("the surge that starts {} s after the trace does not lie within it",
                               seconds(surges[i].start_ns - start_ns)),
                   "--surge", fmt::format("a place within its {} s", seconds(end_ns - start_ns)),
                   ErrorKind::usage};
    if (i > 0 && surges[i].start_ns < surges[i - 1].end_ns())
      return Error{fmt::format("two surges overlap {} s after the trace's start",
                               seconds(surges[i].start_ns - start_ns)),
                   "--surge", "another place, or fewer random surges", ErrorKind::usage};
  }
  return surges;
}

}  // namespace tidegauge::synthetic
