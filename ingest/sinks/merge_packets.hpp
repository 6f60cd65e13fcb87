// The packets of several captures in one order: each capture's own, merged by time. Captures are opened when the merge
// gets to them, so that thousands of minute files need as much memory as those that overlap.
// Tested by tests/ingest/extract_test.cpp.
#pragma once

#include <functional>
#include <vector>

#include "ingest/sinks/stretch_reader.hpp"

namespace tidegauge {

/// `take` returns false to end the merge. Of packets with one time the earlier capture's come first.
Status merge_packets(std::vector<StretchReader>& captures, const std::function<Expected<bool>(const PacketView&)>& take);

}  // namespace tidegauge
