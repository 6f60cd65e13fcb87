// Labelled ranges of intervals: detections widened by ± error, clipped at gaps, merged per direction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidegauge {

enum class Direction : std::uint8_t { rising, falling };

struct LabelledRange {
  std::int64_t first_k = 0, last_k = 0;  ///< inclusive
  std::int64_t peak_k = 0;               ///< the detection with the largest |slope| inside
  Direction direction = Direction::rising;
  double slope = 0;                      ///< at peak_k, in the unit of the slope kind; may be infinite
  std::size_t detections = 1;            ///< how many were merged
  friend bool operator==(const LabelledRange&, const LabelledRange&) = default;
};

struct Labels {
  std::string source;                    ///< "series" or the forecast's model
  std::string column;
  std::int64_t interval_ns = 0;
  std::vector<LabelledRange> ranges;     ///< ordered by first_k
  std::vector<std::int64_t> detections;  ///< single detections before widening, ascending
};

}  // namespace tidegauge
