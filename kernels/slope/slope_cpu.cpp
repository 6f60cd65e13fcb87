#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/core/contract.hpp"
#include "kernels/slope/slope_rule.hpp"
#include "kernels/slope/surge_rule.hpp"

namespace tidegauge {

namespace {

/// Reorders `values`, which must not be empty.
double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return middle_of(*std::max_element(values.begin(), middle), *middle);
}

}  // namespace

Expected<SlopeKind> slope_kind_by_name(std::string_view name) {
  if (name == "ratio") return SlopeKind::ratio;
  if (name == "absolute") return SlopeKind::absolute;
  if (name == "robust") return SlopeKind::robust;
  return Error{"no slope kind is called '" + std::string(name) + "'", "--slope", "ratio, absolute or robust",
               ErrorKind::usage};
}

void require_slope_input(std::span<const double> out, const SlopeInput& input) {
  TG_REQUIRE(out.size() == input.values.size(), "one slope per value");
  TG_REQUIRE(input.k.size() == input.values.size(), "one interval number per value");
  TG_REQUIRE(input.complete.empty() || input.complete.size() == input.values.size(),
             "one mark per value, or none");
  TG_REQUIRE(input.interval_ns > 0, "an interval has a length");
}

void slopes_cpu(std::span<double> out, const SlopeInput& input, const SlopeRule& rule) {
  require_slope_input(out, input);
  const SlopePoints points{input.values.data(), input.k.data(),
                           input.complete.empty() ? nullptr : input.complete.data(),
                           slope_seconds(input.interval_ns), rule.kind == SlopeKind::ratio};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = slope_at(points, i);
  if (rule.kind == SlopeKind::robust) robust_scores(out);
}

void robust_scores(std::span<double> slopes) {
  std::vector<double> finite;
  finite.reserve(slopes.size());
  for (const double s : slopes)
    if (std::isfinite(s)) finite.push_back(s + 0.0);  // one zero: which of two equal ones is selected must not matter
  if (finite.empty()) return;
  const double center = median(finite);
  for (double& value : finite) value = std::abs(value - center);
  const double scale = mad_scale(median(finite));
  for (double& slope : slopes) slope = robust_score(slope, center, scale);
}

}  // namespace tidegauge
