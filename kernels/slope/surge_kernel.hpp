// The bodies of the surge kernels and what is asked of each row between them, one text for the GPU and for the host's
// emulation of it (kernels/device/kernel_context.hpp). surge_cuda.cu says in which order they run.
// A thread takes a row, a series or a range, striding over the grid; nothing is shared.
// Tested by tests/kernels/surge_kernel_test.cpp (on the host) and surge_cuda_test.cpp (on a card).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/device/kernel_context.hpp"
#include "kernels/slope/surge.hpp"
#include "kernels/slope/surge_rule.hpp"

namespace tidegauge::surging {

inline constexpr unsigned block_threads = 256;

/// Calls take(i) for each i below `count` that is this thread's.
template <class Context, class Take>
TG_DEVICE inline void for_each_of_thread(Context& context, std::uint64_t count, Take&& take) {
  const std::uint64_t stride = std::uint64_t{context.block_threads()} * context.blocks();
  for (std::uint64_t i = std::uint64_t{context.block()} * context.block_threads() + context.thread(); i < count; i += stride)
    take(i);
}

/// Rows of all series.
struct Rows {
  SlopePoints points;
  const std::uint64_t* begin;  ///< [series_count + 1]
  std::uint64_t count;
  std::uint32_t series_count;
};

/// The series that holds a row: the last that begins at or before it.
TG_DEVICE inline std::uint32_t series_of(const Rows& rows, std::uint64_t row) {
  std::uint32_t low = 0, high = rows.series_count;
  while (high - low > 1) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (rows.begin[middle] <= row) low = middle;
    else high = middle;
  }
  return low;
}

/// Slopes, series and where a segment begins: row number there, 0 elsewhere, so that a running maximum is the first row of
/// each row's segment; and where one ends likewise, for a running minimum from behind.
template <class Context>
TG_DEVICE inline void slope_rows(Context& context, const Rows& rows, double* slopes, std::uint32_t* series,
                                 std::uint64_t* first, std::uint64_t* last) {
  for_each_of_thread(context, rows.count, [&](std::uint64_t i) {
    const std::uint32_t own = series_of(rows, i);
    const bool starts = i == rows.begin[own], ends = i + 1 == rows.begin[own + 1];
    slopes[i] = starts ? no_slope() : slope_at(rows.points, i);
    series[i] = own;
    first[i] = starts || !continues_segment(rows.points.k, rows.points.complete, i) ? i : 0;
    last[i] = ends || !continues_segment(rows.points.k, rows.points.complete, i + 1) ? i : rows.count;
  });
}

/// What the median or the quantile of a series is taken of, in an order of integers.
enum class Quantity { slope, deviation, strongest };
struct Ordering {
  Quantity quantity;
  bool ratio, rising, falling;   ///< of `strongest`
  const double* slopes;
  const std::uint32_t* series;   ///< of each row
  const double* center;          ///< of each series, of `deviation`
};
TG_DEVICE inline std::uint64_t order_of(const Ordering& order, std::uint64_t i) {
  const double s = order.slopes[i];
  if (order.quantity == Quantity::strongest)
    return s != s ? no_order : ordered_bits(strongest_of(order.ratio, s, order.rising, order.falling));
  if (!(s - s == 0)) return no_order;  // not finite
  return ordered_bits(order.quantity == Quantity::slope ? s : std::fabs(s + 0.0 - order.center[order.series[i]]));
}
template <class Context>
TG_DEVICE inline void order_rows(Context& context, std::uint64_t count, const Ordering& order, std::uint64_t* ordered) {
  for_each_of_thread(context, count, [&](std::uint64_t i) { ordered[i] = order_of(order, i); });
}

/// How many of a series' ordered rows have a place in the order.
TG_DEVICE inline std::uint64_t placed(const std::uint64_t* ordered, std::uint64_t count) {
  std::uint64_t low = 0, high = count;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (ordered[middle] != no_order) low = middle + 1;
    else high = middle;
  }
  return low;
}

/// Median of each series from its ordered rows; NaN of none. `scaled`: times what makes a MAD a deviation.
template <class Context>
TG_DEVICE inline void take_medians(Context& context, const Rows& rows, const std::uint64_t* ordered, bool scaled, double* out) {
  for_each_of_thread(context, rows.series_count, [&](std::uint64_t series) {
    const std::uint64_t* const own = ordered + rows.begin[series];
    const std::uint64_t n = placed(own, rows.begin[series + 1] - rows.begin[series]);
    double median = no_slope();
    if (n % 2 == 1) median = of_ordered_bits(own[n / 2]);
    else if (n != 0) median = middle_of(of_ordered_bits(own[n / 2 - 1]), of_ordered_bits(own[n / 2]));
    out[series] = scaled ? mad_scale(median) : median;
  });
}

/// Robust scores in the place of slopes. A series without a finite slope stays as it is.
template <class Context>
TG_DEVICE inline void score_rows(Context& context, std::uint64_t count, double* slopes, const std::uint32_t* series,
                                 const double* center, const double* scale) {
  for_each_of_thread(context, count, [&](std::uint64_t i) {
    const double middle = center[series[i]];
    if (middle == middle) slopes[i] = robust_score(slopes[i], middle, scale[series[i]]);
  });
}

template <class Context>
TG_DEVICE inline void take_quantiles(Context& context, const Rows& rows, const std::uint64_t* ordered, double quantile,
                                     double* thresholds) {
  for_each_of_thread(context, rows.series_count, [&](std::uint64_t series) {
    const std::uint64_t* const own = ordered + rows.begin[series];
    const std::uint64_t n = placed(own, rows.begin[series + 1] - rows.begin[series]);
    thresholds[series] = n == 0 ? __builtin_inf() : of_ordered_bits(own[quantile_place(quantile, n)]);
  });
}

/// What a direction's detections and ranges are made of.
struct Strengths {
  const double* slopes;
  const std::uint32_t* series;
  const double* thresholds;                  ///< of each series
  const std::int64_t* k;
  const std::uint64_t *first, *last;         ///< rows at the ends of each row's segment
  bool ratio, rising;
  std::int64_t error;
};

/// Whether a row is detected.
struct Detected {
  Strengths of;
  TG_HD bool operator()(std::uint64_t row) const {
    return strength_of(of.ratio, of.slopes[row], of.rising) > of.thresholds[of.series[row]];
  }
};

/// Whether a range begins with detection i.
struct BeginsRange {
  Strengths of;
  const std::uint64_t* detections;  ///< rows, ascending
  TG_HD bool operator()(std::uint64_t i) const {
    if (i == 0) return true;
    const std::uint64_t before = detections[i - 1], row = detections[i];
    return of.first[before] != of.first[row] || !ranges_meet(of.k[before], of.k[row], of.error);
  }
};

/// @param begins which detections begin a range, ascending
template <class Context>
TG_DEVICE inline void make_ranges(Context& context, const Strengths& of, const std::uint64_t* detections,
                                  std::uint64_t detection_count, const std::uint64_t* begins, std::uint64_t range_count,
                                  Surge* ranges) {
  for_each_of_thread(context, range_count, [&](std::uint64_t r) {
    const std::uint64_t end = r + 1 < range_count ? begins[r + 1] : detection_count;
    const std::uint64_t from = detections[begins[r]], to = detections[end - 1];
    std::uint64_t peak = from;
    for (std::uint64_t i = begins[r] + 1; i < end; ++i)
      if (strength_of(of.ratio, of.slopes[detections[i]], of.rising) > strength_of(of.ratio, of.slopes[peak], of.rising))
        peak = detections[i];
    Surge& range = ranges[r];
    range.series = of.series[from];
    range.rising = of.rising;
    range.first_k = range_first(of.k[from], of.k[of.first[from]], of.error);
    range.last_k = range_last(of.k[to], of.k[of.last[to]], of.error);
    range.peak_k = of.k[peak];
    range.slope = of.slopes[peak];
    range.detections = end - begins[r];
  });
}

}  // namespace tidegauge::surging
