// `--keys auto`: a first pass over the captures that fixes which prefixes or MACs are counted by name.
// The K with the most bytes over all captures, ties by key; of equal captures always the same ones, whatever their order.
// Cost: one pass more, and 16 to 48 bytes a distinct prefix or MAC, at most most_distinct of them.
// Tested by tests/ingest/choose_keys_test.cpp.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ingest/sinks/keyed_options.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct ChoosingHooks {
  std::function<void(const std::string& path)> progress{};  ///< called about every 16 MiB; may throw to stop
};

/// The options with the lists filled in and `choose` taken out. Captures that cannot be read are passed over: counting
/// them will say why.
Expected<KeyedOptions> choose_keys(const std::vector<std::string>& paths, KeyedOptions options, const ChoosingHooks& hooks = {});

inline constexpr std::size_t most_distinct = 1 << 22;

}  // namespace tidegauge
