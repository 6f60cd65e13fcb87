// What one packet adds to an interval: the arithmetic that the CPU, the device and the packed batches share.
//
// A packet's increments depend on three small classes and three sums, so nobody has to touch 32 columns a packet:
//   kind   transport x family x fragment x cut      64 values: packets and bytes of each fold into 14 columns
//   flags  the TCP flag byte                        256 values: SYN, SYN-ACK, FIN, RST
//   size   position of the highest bit of wire_bytes 32 values: the size histogram
//   sums   ip_bytes, late, backward
// add_kind, add_flags, add_size and add_order say once what each class means; add_packet is their sum for a single packet.
// Bits of PackedPacket and of a batch: 0-1 transport, 2-3 family, 4 fragment, 5 cut, 6 late, 7 backward, 8-15 TCP flags, others 0.
// Host and device, no state. Tested by tests/kernels/binning_test.cpp against tests/oracle/naive_counts.hpp.
#pragma once

#include <cstdint>

#include "kernels/binning/binning.hpp"
#include "kernels/core/host_device.hpp"
#include "kernels/data/header_facts.hpp"
#include "kernels/data/interval_columns.hpp"

namespace tidegauge::binning {

inline constexpr std::uint32_t kind_mask = 0x3f, kinds = 64;
inline constexpr std::uint32_t fragment_bit = 1u << 4, cut_bit = 1u << 5;
inline constexpr std::uint32_t late_bit = 1u << 6, backward_bit = 1u << 7;
inline constexpr std::uint32_t flags_shift = 8, flag_values = 256;
inline constexpr std::uint32_t size_classes = 32;

/// The kind of a packet, which is also the low six bits of PackedPacket::bits.
TG_HD TG_INLINE std::uint32_t kind_of(const HeaderFacts& facts) { return pack_facts(facts).kind; }

/// Position of the highest bit: n for 2^n .. 2^(n+1) - 1 bytes, 0 for none too.
TG_HD TG_INLINE std::uint32_t size_class_of(std::uint32_t wire_bytes) {
#ifdef __CUDA_ARCH__
  return 31u - static_cast<std::uint32_t>(__clz(static_cast<int>(wire_bytes | 1)));
#else
  return 31u ^ static_cast<std::uint32_t>(__builtin_clz(wire_bytes | 1));  // one bsr
#endif
}

/// @param order late_bit and backward_bit, or 0
TG_HD TG_INLINE PackedPacket pack(std::uint32_t wire_bytes, const HeaderFacts& facts, std::uint32_t order) {
  const PackedFacts packed = pack_facts(facts);
  return {wire_bytes - facts.fcs_bytes, packed.ip_bytes, packed.bits() | order};
}

/// `packets` packets of one kind with `bytes` wire bytes in all. `add(Column, amount)` takes each increment.
template <class Add>
TG_HD TG_INLINE void add_kind(std::uint32_t kind, std::uint64_t packets, std::uint64_t bytes, Add&& add) {
  add(Column::packets, packets);
  add(Column::bytes, bytes);
  switch (static_cast<Transport>(kind & 3)) {
    case Transport::tcp: add(Column::tcp_packets, packets), add(Column::tcp_bytes, bytes); break;
    case Transport::udp: add(Column::udp_packets, packets), add(Column::udp_bytes, bytes); break;
    case Transport::icmp: add(Column::icmp_packets, packets), add(Column::icmp_bytes, bytes); break;
    case Transport::other: add(Column::other_packets, packets), add(Column::other_bytes, bytes); break;
  }
  switch (static_cast<IpFamily>(kind >> 2 & 3)) {
    case IpFamily::v4: add(Column::ipv4_packets, packets); break;
    case IpFamily::v6: add(Column::ipv6_packets, packets); break;
    case IpFamily::none: break;
  }
  if (kind & fragment_bit) add(Column::fragments, packets);
  if (kind & cut_bit) add(Column::cut, packets);
}

/// `packets` packets whose TCP flag byte is `flags`; 0 for what is not TCP.
template <class Add>
TG_HD TG_INLINE void add_flags(std::uint32_t flags, std::uint64_t packets, Add&& add) {
  if (flags & tcp_flag::syn) add(flags & tcp_flag::ack ? Column::syn_ack : Column::syn, packets);
  if (flags & tcp_flag::fin) add(Column::fin, packets);
  if (flags & tcp_flag::rst) add(Column::rst, packets);
}

/// The histogram's column of a size class: below 64 (2^6), then one a doubling, 2048 (2^11) and more together.
TG_HD TG_INLINE Column size_column(std::uint32_t size_class) {
  const std::uint32_t step = size_class < 6 ? 0 : size_class >= 11 ? 6 : size_class - 5;
  return static_cast<Column>(static_cast<std::uint32_t>(Column::size_lt_64) + step);
}

template <class Add>
TG_HD TG_INLINE void add_size(std::uint32_t size_class, std::uint64_t packets, Add&& add) {
  add(size_column(size_class), packets);
}

/// `packets` packets with these of late_bit and backward_bit.
template <class Add>
TG_HD TG_INLINE void add_order(std::uint32_t bits, std::uint64_t packets, Add&& add) {
  if (bits & late_bit) add(Column::late, packets);
  if (bits & backward_bit) add(Column::backward, packets);
}

/// Everything that one packet adds.
template <class Add>
TG_HD TG_INLINE void add_packet(const PackedPacket& packet, Add&& add) {
  add_kind(packet.bits & kind_mask, 1, packet.wire_bytes, add);
  add_flags(packet.bits >> flags_shift & 0xff, 1, add);
  add_size(size_class_of(packet.wire_bytes), 1, add);
  add(Column::ip_bytes, packet.ip_bytes);
  add_order(packet.bits, 1, add);
}

}  // namespace tidegauge::binning
