// Writes packets as a capture that every reader opens: nanosecond pcap of one link type, or pcapng with an interface per
// link type. Bytes, captured and wire lengths and times are the packet's own; raw IP has one number (LINKTYPE_RAW).
// Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. Cost: one copy of the bytes. Tested by
// tests/ingest/extract_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/core/status.hpp"
#include "kernels/data/packet_view.hpp"

namespace tidegauge {

class PacketFileWriter {
 public:
  enum class Format { pcap, pcapng };
  using Write = std::function<Status(std::string_view)>;
  PacketFileWriter(Format format, Write write) : format_(format), write_(std::move(write)) {}

  /// An error where pcap cannot hold the packet: a second link type, a time outside 1970 to 2106, more captured bytes
  /// than libpcap reads.
  Status packet(const PacketView& packet);
  /// Hands over what is held back; without packets an empty capture of Ethernet.
  Status finish();

 private:
  struct Interface {
    std::uint32_t link;
    bool before_epoch;
    friend bool operator==(const Interface&, const Interface&) = default;
  };

  Status check_pcap(const PacketView& packet, std::uint32_t link) const;
  void put_pcap(const PacketView& packet);
  void put_pcapng(const PacketView& packet, std::uint32_t link);
  std::uint32_t interface_of(const Interface& wanted);
  void begin_pcap(std::uint32_t link);
  void begin_pcapng();
  void u16(std::uint16_t value);
  void u32(std::uint32_t value);
  void bytes(const PacketView& packet);
  Status flush();

  Format format_;
  Write write_;
  bool begun_ = false;
  std::vector<Interface> interfaces_;  ///< pcap: the one link type
  std::string held_;
};

}  // namespace tidegauge
