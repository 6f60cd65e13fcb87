// libFuzzer entry point for the headers of one packet of any link type. The first bytes choose the link type,
// how much of the packet was captured and how long it claims to be.
#include <cstring>

#include "kernels/decode/decode.hpp"
#include "tests/fuzz/fuzz_walk.hpp"
#include "tests/oracle/naive_decoder.hpp"
#include "tests/packets.hpp"

namespace {

using namespace tidegauge;

bool equal(const HeaderFacts& a, const HeaderFacts& b) {
  return a.transport == b.transport && a.family == b.family && a.tcp_flags == b.tcp_flags &&
         a.fragment == b.fragment && a.cut == b.cut && a.ip_bytes == b.ip_bytes && a.fcs_bytes == b.fcs_bytes;
}
bool equal(const LocatedFacts& a, const LocatedFacts& b) {
  const HeaderPlaces &p = a.places, &q = b.places;
  return equal(a.facts, b.facts) && p.ethernet == q.ethernet && p.ip == q.ip && p.transport == q.transport &&
         p.vlan == q.vlan && p.protocol == q.protocol;
}

void check(const PacketView& packet) {
  using fuzz::require;
  const HeaderFacts facts = decode(packet);
  require(equal(facts, decode_any(packet.bytes, packet.captured_bytes, packet.wire_bytes, packet.link)),
          "decode and decode_any differ");
  require(equal(facts, decode_located(packet).facts), "decode and decode_located differ");
  require(facts.fcs_bytes <= packet.wire_bytes, "a frame check sequence longer than the packet");
  for (const bool outer : {false, true}) {
    const LocatedFacts located = decode_located(packet, {outer});
    require(equal(located, decode_located_any(packet.bytes, packet.captured_bytes, packet.wire_bytes,
                                              packet.link, {outer})),
            "decode_located and decode_located_any differ");
    require(equal(located, oracle::NaiveDecoder::locate(packet, {outer})),
            "decode_located and the oracle differ");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const LinkType link = all_link_types[data[0] % all_link_types.size()];
  const std::uint32_t beyond = data[1] + data[2] * 256u;  // how much longer than captured, or shorter
  data += 4, size -= 4;
  if (size > 1 << 16) return 0;
  static test::GuardedBytes guarded;
  const auto captured = static_cast<std::uint32_t>(size);
  check({0, captured, captured, guarded.hold(data, size), link});
  check({0, captured + beyond, captured, guarded.hold(data, size), link});
  check({0, captured - (beyond < captured ? beyond : captured), captured, guarded.hold(data, size), link});
  return 0;
}
