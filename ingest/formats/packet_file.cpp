#include "ingest/formats/packet_file.hpp"

#include <algorithm>
#include <limits>

#include "ingest/formats/link_names.hpp"
#include "ingest/formats/pcapng_block.hpp"

namespace tidegauge {
namespace {

constexpr std::size_t kHoldBytes = std::size_t{256} << 10;
constexpr std::uint32_t kNanosecondMagic = 0xa1b23c4d;
constexpr std::uint32_t kLargestSnaplen = 262'144;  // libpcap's MAXIMUM_SNAPLEN
constexpr std::int64_t kSecond = 1'000'000'000;
// if_tsoffset of interfaces for times before the epoch: all that 64 bits of nanoseconds reach back to.
constexpr std::int64_t kEarliestSecond = std::numeric_limits<std::int64_t>::min() / kSecond - 1;

/// LINKTYPE_RAW for the numbers that some systems write instead; the bytes are the same.
std::uint32_t written_link(LinkType link) {
  if (link == LinkType::raw_ip_12 || link == LinkType::raw_ip_14) link = LinkType::raw_ip;
  return static_cast<std::uint32_t>(link);
}

Error needs_pcapng(std::string what) { return {std::move(what), "", "pcapng, which can (a name that ends in .pcapng, or --pcapng)"}; }

}  // namespace

void PacketFileWriter::u16(std::uint16_t value) {
  held_ += static_cast<char>(value);
  held_ += static_cast<char>(value >> 8);
}
void PacketFileWriter::u32(std::uint32_t value) {
  u16(static_cast<std::uint16_t>(value));
  u16(static_cast<std::uint16_t>(value >> 16));
}
void PacketFileWriter::bytes(const PacketView& packet) {
  held_.append(reinterpret_cast<const char*>(packet.bytes), packet.captured_bytes);
}

Status PacketFileWriter::flush() {
  const Status written = write_(held_);
  held_.clear();
  return written;
}

Status PacketFileWriter::finish() {
  if (!begun_ && format_ == Format::pcap) begin_pcap(static_cast<std::uint32_t>(LinkType::ethernet));
  if (!begun_ && format_ == Format::pcapng) begin_pcapng();
  return flush();
}

Status PacketFileWriter::packet(const PacketView& packet) {
  const std::uint32_t link = written_link(packet.link);
  if (format_ == Format::pcap) {
    TG_TRY(check_pcap(packet, link));
    if (!begun_) begin_pcap(link);
    put_pcap(packet);
  } else {
    if (!begun_) begin_pcapng();
    put_pcapng(packet, link);
  }
  return held_.size() < kHoldBytes ? Status() : flush();
}

Status PacketFileWriter::check_pcap(const PacketView& packet, std::uint32_t link) const {
  if (begun_ && interfaces_.front().link != link)
    return needs_pcapng("one pcap file cannot hold packets of " + link_name(interfaces_.front().link) + " and " +
                        link_name(link));
  if (packet.ts_ns < 0 || packet.ts_ns / kSecond > std::numeric_limits<std::uint32_t>::max())
    return needs_pcapng("a pcap file cannot hold a time before 1970 or after 2106");
  if (packet.captured_bytes > kLargestSnaplen)
    return needs_pcapng("a packet of " + std::to_string(packet.captured_bytes) + " captured bytes is longer than pcap readers take");
  return {};
}

void PacketFileWriter::begin_pcap(std::uint32_t link) {
  begun_ = true;
  interfaces_.assign(1, {link, false});
  u32(kNanosecondMagic);
  u16(2), u16(4);
  u32(0), u32(0);
  u32(kLargestSnaplen);
  u32(link);
}

void PacketFileWriter::put_pcap(const PacketView& packet) {
  u32(static_cast<std::uint32_t>(packet.ts_ns / kSecond));
  u32(static_cast<std::uint32_t>(packet.ts_ns % kSecond));
  u32(packet.captured_bytes);
  u32(packet.wire_bytes);
  bytes(packet);
}

void PacketFileWriter::begin_pcapng() {
  begun_ = true;
  u32(pcapng::kSectionHeader), u32(28);
  u32(pcapng::kByteOrderMagic);
  u16(1), u16(0);
  u32(~0u), u32(~0u);
  u32(28);
}

/// A new interface's block: nanoseconds (if_tsresol 9), and where it needs one an offset (if_tsoffset).
std::uint32_t PacketFileWriter::interface_of(const Interface& wanted) {
  const auto known = std::ranges::find(interfaces_, wanted);
  if (known != interfaces_.end()) return static_cast<std::uint32_t>(known - interfaces_.begin());
  const std::uint32_t size = wanted.before_epoch ? 44 : 32;
  u32(pcapng::kInterface), u32(size);
  u16(static_cast<std::uint16_t>(wanted.link)), u16(0);
  u32(0);
  u16(9), u16(1), u32(9);
  if (wanted.before_epoch) {
    const auto offset = static_cast<std::uint64_t>(kEarliestSecond);
    u16(14), u16(8), u32(static_cast<std::uint32_t>(offset)), u32(static_cast<std::uint32_t>(offset >> 32));
  }
  u16(0), u16(0);
  u32(size);
  interfaces_.push_back(wanted);
  return static_cast<std::uint32_t>(interfaces_.size() - 1);
}

void PacketFileWriter::put_pcapng(const PacketView& packet, std::uint32_t link) {
  const bool before_epoch = packet.ts_ns < 0;
  const std::uint32_t index = interface_of({link, before_epoch});
  auto ticks = static_cast<std::uint64_t>(packet.ts_ns);
  if (before_epoch) ticks -= static_cast<std::uint64_t>(kEarliestSecond) * static_cast<std::uint64_t>(kSecond);
  const std::uint32_t padding = (4 - packet.captured_bytes % 4) % 4;
  const std::uint32_t size = pcapng::kPacketFrameBytes + packet.captured_bytes + padding;
  u32(pcapng::kEnhancedPacket), u32(size);
  u32(index);
  u32(static_cast<std::uint32_t>(ticks >> 32)), u32(static_cast<std::uint32_t>(ticks));
  u32(packet.captured_bytes), u32(packet.wire_bytes);
  bytes(packet);
  held_.append(padding, '\0');
  u32(size);
}

}  // namespace tidegauge
