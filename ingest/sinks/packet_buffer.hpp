// Packets copied out of a capture's blocks, in the order in which they came. Views are valid until the buffer changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/data/packet_view.hpp"

namespace tidegauge {

class PacketBuffer {
 public:
  void add(const PacketView& packet) {
    packets_.push_back({packet, bytes_.size()});
    bytes_.insert(bytes_.end(), packet.bytes, packet.bytes + packet.captured_bytes);
  }
  std::size_t size() const { return packets_.size(); }
  std::int64_t ts_ns(std::size_t i) const { return packets_[i].view.ts_ns; }
  PacketView operator[](std::size_t i) const {
    PacketView view = packets_[i].view;
    view.bytes = bytes_.data() + packets_[i].at;
    return view;
  }

 private:
  struct Entry {
    PacketView view;
    std::size_t at;
  };
  std::vector<Entry> packets_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace tidegauge
