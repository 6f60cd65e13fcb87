// Which packets of a capture are kept, by the rule of PartialSeries (a record more than a day from both neighbours while
// those agree is set aside), for a reader that wants the packets themselves.
// A record that is near the one before is kept, and so was that one: only records after a jump wait, at most two of
// them (copied), for their successor. Cost: two compares a packet. Not thread-safe.
// Tested by tests/ingest/extract_test.cpp against tests/oracle/naive_order.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "ingest/formats/trace_index.hpp"
#include "kernels/core/host_device.hpp"
#include "kernels/data/packet_view.hpp"
#include "kernels/data/partial_series.hpp"

namespace tidegauge {

/// @param Take is called as take(const PacketView&) for each kept packet, in the capture's order.
template <class Take>
class KeptPackets {
 public:
  /// @param before none at the start of a capture
  KeptPackets(const std::optional<RecordsBefore>& before, Take take) : take_(std::move(take)) {
    if (!before) return;
    seen_ = 2;
    latest_ = {before->last_ns, before->before_last_ns, 0};
  }

  void packet(const PacketView& packet) {
    if (!waiting_.empty()) settle(packet.ts_ns);
    if (seen_ > 0 && !far_apart(latest_[0], packet.ts_ns)) take_(packet);
    else waiting_.emplace_back(packet);
    latest_ = {packet.ts_ns, latest_[0], latest_[1]};
    ++seen_;
  }

  /// The capture ends here: its last record has the two before it as neighbours.
  void end() {
    if (seen_ >= 3 && !waiting_.empty() && far_apart(latest_[0], latest_[2]) && !far_apart(latest_[1], latest_[2]))
      waiting_.pop_back();
    release();
  }

 private:
  struct Copy {
    explicit Copy(const PacketView& packet) : view(packet), bytes(packet.bytes, packet.bytes + packet.captured_bytes) {}
    PacketView view;
    std::vector<std::uint8_t> bytes;
  };

  /// Those that wait are the last records seen, each far from the one before it; `next_ns` follows them.
  void settle(std::int64_t next_ns) {
    const bool near = !far_apart(latest_[0], next_ns);
    if (seen_ == 1 && !near) return;  // the first record of a capture needs the next two
    if (seen_ == 2 && waiting_.size() == 2 && near && far_apart(latest_[1], next_ns)) waiting_.erase(waiting_.begin());
    if (seen_ >= 2 && !near && !far_apart(latest_[1], next_ns)) waiting_.pop_back();
    release();
  }

  void release() {
    for (Copy& copy : waiting_) {
      copy.view.bytes = copy.bytes.data();
      take_(copy.view);
    }
    waiting_.clear();
  }

  Take take_;
  std::uint64_t seen_ = 0;
  std::array<std::int64_t, 3> latest_{};  ///< times of the last records, last one first
  std::vector<Copy> waiting_;
};

}  // namespace tidegauge
