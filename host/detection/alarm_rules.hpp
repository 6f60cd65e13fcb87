// What turns scores into alarms worth looking at. The rules act on scores and not on detections, so that one set of stored
// scores serves every threshold. Signed scores: positive rising, negative falling; size is what a threshold is held against.
// Every function is causal. NaN is no score. Thread safety: pure functions. Tested by tests/host/detection_rules_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tidegauge {

/// Keeps a score only where none of the `quiet` rows before it was as large; 0 elsewhere. At any threshold the first point
/// above it speaks at once, and within the quiet time only a worse one. No delay. Cost: constant per point.
std::vector<double> refractory(std::span<const double> scores, std::size_t quiet);

/// The smallest of the `length` newest scores if all have one sign, otherwise 0: at any threshold, what lasted so long.
/// Delay: length - 1. Cost: `length` per point.
std::vector<double> lasting(std::span<const double> scores, std::size_t length);

/// The larger of two scores in size, point by point; a missing one is outranked by any.
std::vector<double> stronger(std::span<const double> a, std::span<const double> b);

}  // namespace tidegauge
