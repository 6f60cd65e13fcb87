// Packets by hand: each function puts one header before a payload. Lengths are filled in, checksums are zero.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <vector>

namespace tidegauge::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline Bytes be16(std::size_t v) { return {static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)}; }
inline Bytes be32(std::size_t v) { return be16(v >> 16) + be16(v); }
inline Bytes zeros(std::size_t n) { return Bytes(n, 0); }

inline Bytes eth(std::size_t type, const Bytes& payload) {
  return Bytes(6, 0x02) + Bytes(6, 0x04) + be16(type) + payload;
}
inline Bytes vlan(std::size_t type, const Bytes& payload) { return be16(0x2064) + be16(type) + payload; }
inline Bytes mpls(bool bottom, const Bytes& payload) {
  return Bytes{0x00, 0x01, bottom ? std::uint8_t{1} : std::uint8_t{0}, 64} + payload;
}
inline Bytes pppoe(const Bytes& ppp) { return Bytes{0x11, 0, 0, 1} + be16(ppp.size()) + ppp; }
inline Bytes snap(std::size_t type, const Bytes& payload) {
  return Bytes{0xaa, 0xaa, 3, 0, 0, 0} + be16(type) + payload;
}
inline Bytes sll(std::size_t hardware, std::size_t type, const Bytes& payload) {
  return be16(0) + be16(hardware) + be16(6) + zeros(8) + be16(type) + payload;
}
inline Bytes sll2(std::size_t hardware, std::size_t type, const Bytes& payload) {
  return be16(type) + be16(0) + be32(2) + be16(hardware) + zeros(10) + payload;
}

/// @param fragment flags and offset, the 16-bit word
inline Bytes ipv4(int protocol, const Bytes& payload, std::size_t fragment = 0x4000,
                  const Bytes& options = {}) {
  const std::size_t header = 20 + options.size();
  return Bytes{static_cast<std::uint8_t>(0x40 | header / 4), 0} + be16(header + payload.size()) + be16(7) +
         be16(fragment) + Bytes{64, static_cast<std::uint8_t>(protocol)} + be16(0) + be32(0x0a000001) +
         be32(0x0a000002) + options + payload;
}
inline Bytes ipv6(int next, const Bytes& payload) {
  return Bytes{0x60, 0, 0, 0} + be16(payload.size()) + Bytes{static_cast<std::uint8_t>(next), 64} +
         Bytes(16, 0x20) + Bytes(16, 0x21) + payload;
}
/// An IPv6 extension header of `words` times 8 bytes.
inline Bytes extension(int next, const Bytes& payload, std::size_t words = 1) {
  return Bytes{static_cast<std::uint8_t>(next), static_cast<std::uint8_t>(words - 1)} + zeros(words * 8 - 2) +
         payload;
}
inline Bytes fragment6(int next, std::size_t offset, bool more, const Bytes& payload) {
  return Bytes{static_cast<std::uint8_t>(next), 0} + be16(offset << 3 | (more ? 1 : 0)) + be32(9) + payload;
}
inline Bytes ah(int next, const Bytes& payload) {
  return Bytes{static_cast<std::uint8_t>(next), 4} + zeros(22) + payload;
}

inline Bytes tcp(int flags, const Bytes& payload = {}) {
  return be16(443) + be16(50000) + be32(1) + be32(2) + Bytes{0x50, static_cast<std::uint8_t>(flags)} +
         be16(512) + be32(0) + payload;
}
inline Bytes udp(std::size_t from, std::size_t to, const Bytes& payload = {}) {
  return be16(from) + be16(to) + be16(8 + payload.size()) + be16(0) + payload;
}
inline Bytes icmp(int type, const Bytes& payload = {}) {
  return Bytes{static_cast<std::uint8_t>(type), 0} + be16(0) + be32(0) + payload;
}
inline Bytes gre(std::size_t flags, std::size_t type, std::size_t optional_bytes, const Bytes& payload) {
  return be16(flags) + be16(type) + zeros(optional_bytes) + payload;
}

/// Bytes that end where the readable memory ends: reading one beyond is a fault, with or without a sanitizer.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::size_t capacity = 1 << 16)
      : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    size_ = (capacity + page_ - 1) / page_ * page_;
    void* at = mmap(nullptr, size_ + page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) std::abort();
    base_ = static_cast<std::uint8_t*>(at);
    if (mprotect(base_ + size_, page_, PROT_NONE) != 0) std::abort();
  }
  ~GuardedBytes() { munmap(base_, size_ + page_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  const std::uint8_t* hold(const std::uint8_t* bytes, std::size_t n) {
    if (n > size_) std::abort();
    if (n != 0) std::memcpy(base_ + size_ - n, bytes, n);
    return base_ + size_ - n;
  }

 private:
  std::size_t page_, size_ = 0;
  std::uint8_t* base_ = nullptr;
};

}  // namespace tidegauge::test
