// Makes a coarser series of a finer one: what `bin` at the longer interval gives of the same captures, without reading
// them again. Each trace goes over in one transaction of its own, so that the same command goes on after a stop.
//   rebin("jan.series", "jan10s.series", {.interval_ns = 10'000'000'000});
// Kept: traces with their identity, account, damage, spans and time index; every additive counter, summed. Forecasts,
// labels and results speak of other intervals and stay behind.
// One column is not additive: `late` counts packets of an earlier interval than the record before, and whether that
// interval is also an earlier one of the longer kind the rows do not say. Where a trace has none, none is right. Where
// it has some, their number is kept as it is, and the trace says at which interval it was counted
// (traces.late_interval_ns, and a line of the canonical export); `bin` at the longer interval finds at most as many.
// Imported values are summed or averaged over those that an interval has.
// Cost: one pass over the rows. Memory: some rows; an imported point's values. Tested by tests/host/rebin_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "host/store.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

enum class ValueRule { sum, mean };

struct RebinOptions {
  std::int64_t interval_ns = 0;            ///< a multiple of the finer series'
  std::optional<ValueRule> values{};       ///< needed where there are imported values
  std::function<bool()> stop{};            ///< asked before each trace
};

struct RebinReport {
  std::int64_t from_interval_ns = 0, interval_ns = 0;
  std::size_t added = 0, already_in = 0;   ///< traces
  std::size_t late_as_counted = 0;         ///< traces added whose `late` stays that of the finer interval
  bool stopped = false;
};

Expected<RebinReport> rebin(const std::string& from, const std::string& to, const RebinOptions& options);

}  // namespace tidegauge
