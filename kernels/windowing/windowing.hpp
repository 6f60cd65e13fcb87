// Which windows a model sees: the chronological split of a series' rows, the starts of the windows inside it, and the
// seeded order of an epoch. Windows are indices; nothing is copied (window_batch.hpp).
// A window with its targets never crosses a segment, so a gap or a partly covered interval is never learned from.
// Cost: linear in rows. Thread safety: pure functions. Tested by tests/kernels/windowing_test.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/core/status.hpp"
#include "kernels/data/interval_series.hpp"

namespace tidegauge {

/// A share of rows: a whole number of rows, or a fraction in [0, 1).
struct PartSize {
  std::size_t rows = 0;
  double fraction = 0;      ///< used if is_fraction
  bool is_fraction = false;

  static PartSize of_rows(std::size_t n) { return {n, 0, false}; }
  static PartSize of_fraction(double f) { return {0, f, true}; }
  /// Rows out of `total`, rounded to the nearest, at most `total`.
  std::size_t of(std::size_t total) const;
  friend bool operator==(const PartSize&, const PartSize&) = default;
};

/// "125" is rows, "0.7" (anything with a point) a fraction; `option` names it in the error.
Expected<PartSize> parse_part_size(std::string_view text, std::string_view option);
std::string part_size_text(const PartSize& size);

/// Consecutive row ranges. Training and validation together are the training part: the validation tail is cut off its
/// end, so that early stopping looks at the future of what was learned and the test part stays unseen.
struct ChronologicalSplit {
  Segment training, validation, test;
};
Expected<ChronologicalSplit> split_rows(std::size_t rows, const PartSize& training_part, const PartSize& validation);

/// Starts of all windows of look_back + horizon rows inside one segment, whose targets all lie in `targets_in`. The
/// look-back may reach back before `targets_in`: the first test window reads the end of the training part.
std::vector<std::uint32_t> window_starts(std::span<const Segment> segments, std::size_t look_back, std::size_t horizon,
                                         Segment targets_in);

/// Puts the starts in the order of `epoch` (Fisher-Yates). The order depends on seed, epoch and the starts only, so a
/// resumed run finds the batches of any epoch again without replaying those before.
void shuffle_starts(std::span<std::uint32_t> starts, std::uint64_t seed, std::uint64_t epoch);

}  // namespace tidegauge
