// Which of a capture's records are counted, of those that are kept: `--filter` and `--only`, both where both are given. A
// function of the packet alone, so that counting and extracting agree on it.
// Cost: packet_filter.hpp's, and decoding where the caller has not decoded. One thread a selection.
// Tested by tests/ingest/keyed_sink_test.cpp and tests/ingest/extract_test.cpp.
#pragma once

#include <optional>

#include "ingest/sinks/keyed_options.hpp"
#include "ingest/sinks/packet_filter.hpp"
#include "kernels/data/header_facts.hpp"
#include "kernels/data/packet_view.hpp"

namespace tidegauge {

class PacketSelection {
 public:
  /// Takes `filter`, `only` and `outer` of the options.
  explicit PacketSelection(const KeyedOptions& options);

  /// @param facts of the packet, decoded as the options' `outer` says
  bool matches(const PacketView& packet, const HeaderFacts& facts) {
    return (!only_.any() || only_.matches(facts)) && (!filter_ || filter_->matches(packet));
  }
  bool matches(const PacketView& packet);
  /// Why a link type that occurred has no filter.
  Status status() const { return filter_ ? filter_->status() : Status(); }

 private:
  bool outer_;
  OnlyFilter only_;
  std::optional<PacketFilter> filter_;
};

}  // namespace tidegauge
