// The surge kernels' bodies under the host's emulation of a GPU, in the order of surge_cuda.cu; what is CUB's there (scans,
// sorting, selecting) is the standard library's here.
#include "kernels/slope/surge_kernel.hpp"

#include <functional>
#include <numeric>

#include "tests/kernel_on_host/fiber_block.hpp"
#include "tests/kernel_on_host/thread_block.hpp"
#include "tests/kernels/surge_cases.hpp"

namespace tidegauge {
namespace {

using namespace surging;

constexpr std::uint32_t threads = 64;

/// @tparam Run `run(body)` runs a grid
template <class Run>
class SurgesOnHost {
 public:
  SurgesOnHost(const SurgeInput& input, const SurgeRule& rule, Run run)
      : rule_(rule),
        run_(std::move(run)),
        count_(input.points.values.size()),
        rows_{{input.points.values.data(), input.points.k.data(),
               input.points.complete.empty() ? nullptr : input.points.complete.data(), slope_seconds(input.points.interval_ns),
               rule.kind == SlopeKind::ratio},
              input.begin.data(), count_, static_cast<std::uint32_t>(input.begin.size() - 1)},
        series_(count_),
        first_(count_),
        last_(count_),
        ordered_(count_) {}

  Surges surges() {
    Surges out;
    out.slopes.resize(count_);
    run_([&](auto& context) { slope_rows(context, rows_, out.slopes.data(), series_.data(), first_.data(), last_.data()); });
    std::partial_sum(first_.begin(), first_.end(), first_.begin(), [](auto a, auto b) { return std::max(a, b); });
    std::partial_sum(last_.rbegin(), last_.rend(), last_.rbegin(), [](auto a, auto b) { return std::min(a, b); });
    std::vector<double> center(rows_.series_count), scale(rows_.series_count);
    if (rule_.kind == SlopeKind::robust) {
      sort(Quantity::slope, out.slopes, center);
      run_([&](auto& context) { take_medians(context, rows_, ordered_.data(), false, center.data()); });
      sort(Quantity::deviation, out.slopes, center);
      run_([&](auto& context) { take_medians(context, rows_, ordered_.data(), true, scale.data()); });
      run_([&](auto& context) { score_rows(context, count_, out.slopes.data(), series_.data(), center.data(), scale.data()); });
    }
    out.thresholds.assign(rows_.series_count, rule_.threshold.value_or(0));
    if (!rule_.threshold) {
      sort(Quantity::strongest, out.slopes, center);
      run_([&](auto& context) { take_quantiles(context, rows_, ordered_.data(), rule_.quantile, out.thresholds.data()); });
    }
    for (const bool rising : {true, false})
      if (rising ? rule_.rising : rule_.falling) find_ranges(out, rising);
    return out;
  }

 private:
  void sort(Quantity quantity, const std::vector<double>& slopes, const std::vector<double>& center) {
    const Ordering order{quantity,     rule_.kind == SlopeKind::ratio, rule_.rising, rule_.falling, slopes.data(),
                         series_.data(), center.data()};
    run_([&](auto& context) { order_rows(context, count_, order, ordered_.data()); });
    for (std::uint32_t n = 0; n < rows_.series_count; ++n)
      std::sort(ordered_.begin() + static_cast<std::ptrdiff_t>(rows_.begin[n]),
                ordered_.begin() + static_cast<std::ptrdiff_t>(rows_.begin[n + 1]));
  }

  template <class Asked>
  static std::vector<std::uint64_t> select(std::uint64_t count, const Asked& asked) {
    std::vector<std::uint64_t> chosen;
    for (std::uint64_t i = 0; i < count; ++i)
      if (asked(i)) chosen.push_back(i);
    return chosen;
  }

  void find_ranges(Surges& out, bool rising) {
    const Strengths of{out.slopes.data(), series_.data(), out.thresholds.data(), rows_.points.k, first_.data(), last_.data(),
                       rule_.kind == SlopeKind::ratio, rising, rule_.error};
    const auto detections = select(count_, Detected{of});
    const auto begins = select(detections.size(), BeginsRange{of, detections.data()});
    std::vector<Surge> ranges(begins.size());
    run_([&](auto& context) {
      make_ranges(context, of, detections.data(), detections.size(), begins.data(), begins.size(), ranges.data());
    });
    out.ranges.insert(out.ranges.end(), ranges.begin(), ranges.end());
  }

  const SurgeRule& rule_;
  Run run_;
  std::uint64_t count_;
  Rows rows_;
  std::vector<std::uint32_t> series_;
  std::vector<std::uint64_t> first_, last_, ordered_;
};

TEST(SurgeKernel, EqualsTheOracleOnFibers) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const test::SurgeCase made = test::random_surge_case(seed % 6, seed % 3 == 0 ? 3 : 60, seed);
    for (const SurgeRule& rule : test::every_surge_rule()) {
      SurgesOnHost on_host(made.input(), rule,
                           [](auto&& body) { test::run_on_fibers(2, threads, 0, test::Schedule::greedy, 1, body); });
      test::expect_same_surges(on_host.surges(), oracle::surges(made.input(), rule),
                               "seed " + std::to_string(seed) + ", " + test::words_of(rule));
      if (HasFatalFailure()) return;
    }
  }
}

TEST(ThreadsSurgeKernel, EqualsTheOracle) {
  const test::SurgeCase made = test::random_surge_case(4, 60, 7);
  const SurgeRule rule{SlopeKind::robust, true, true, std::nullopt, 0.9, 2};
  SurgesOnHost on_host(made.input(), rule, [](auto&& body) { test::run_on_threads(2, threads, 0, body); });
  test::expect_same_surges(on_host.surges(), oracle::surges(made.input(), rule), "threads");
}

}  // namespace
}  // namespace tidegauge
