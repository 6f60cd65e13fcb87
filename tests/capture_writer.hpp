// Writes small pcap files for tests: little-endian, microseconds, Ethernet, IPv4, TCP or UDP. Plain on purpose: no part
// of it is shared with the readers it feeds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace tidegauge::test {

class CaptureWriter {
 public:
  explicit CaptureWriter(std::uint32_t snaplen = 96) : snaplen_(snaplen) {
    u32(0xa1b2c3d4), u16(2), u16(4), u32(0), u32(0), u32(snaplen), u32(1);
  }

  /// One packet of `wire_bytes` (at least 54) at a time in microseconds; captured up to the snaplen.
  void packet(std::int64_t ts_us, std::uint32_t wire_bytes, bool tcp = true) {
    u32(static_cast<std::uint32_t>(ts_us / 1'000'000)), u32(static_cast<std::uint32_t>(ts_us % 1'000'000));
    const std::uint32_t captured = wire_bytes < snaplen_ ? wire_bytes : snaplen_;
    u32(captured), u32(wire_bytes);
    const std::size_t start = bytes_.size();
    bytes_.append(12, '\x02'), bytes_ += "\x08", bytes_.push_back('\0');       // Ethernet, type 0x0800
    const auto ip_bytes = static_cast<std::uint16_t>(wire_bytes - 14);
    bytes_.push_back('\x45'), bytes_.push_back('\0');
    be16(ip_bytes), be16(1), be16(0);
    bytes_.push_back('\x40'), bytes_.push_back(tcp ? '\x06' : '\x11'), be16(0);
    bytes_ += "\x0a\x01\x01\x01\x0a\x01\x01\x02";
    be16(1234), be16(80);
    if (tcp) bytes_.append(8, '\x01'), bytes_ += "\x50\x10";  // ACK
    bytes_.resize(start + captured, '\x01');
  }

  const std::string& bytes() const { return bytes_; }
  void save(const std::filesystem::path& path) const {
    std::ofstream(path, std::ios::binary).write(bytes_.data(), static_cast<std::streamsize>(bytes_.size()));
  }

 private:
  void u16(std::uint32_t v) { for (int i = 0; i < 2; ++i) bytes_.push_back(static_cast<char>(v >> (8 * i))); }
  void u32(std::uint32_t v) { for (int i = 0; i < 4; ++i) bytes_.push_back(static_cast<char>(v >> (8 * i))); }
  void be16(std::uint32_t v) { bytes_.push_back(static_cast<char>(v >> 8)), bytes_.push_back(static_cast<char>(v)); }
  std::uint32_t snaplen_;
  std::string bytes_;
};

}  // namespace tidegauge::test
