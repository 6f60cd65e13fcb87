#include "ingest/sinks/sample_rules.hpp"

#include "ingest/sinks/key_plan.hpp"
#include "kernels/decode/decode.hpp"
#include "kernels/sketch/hll_rule.hpp"

namespace tidegauge::sampling {
namespace {

std::uint64_t endpoint_hash(std::uint64_t key, bool v6, uint128 address, std::uint64_t port) {
  const std::uint64_t of_address =
      v6 ? sketch::hash_ipv6(static_cast<std::uint64_t>(address >> 64), static_cast<std::uint64_t>(address))
         : sketch::hash_ipv4(static_cast<std::uint32_t>(address));
  return mix64(key ^ mix64(of_address ^ port << 48));
}

}  // namespace

std::uint64_t FlowRule::hash(PacketView packet, std::uint64_t index) const {
  const LocatedFacts located = decode_located(packet);
  const AddressPair addresses = addresses_of(packet, located);
  if (!addresses.known) return mix64(other_key_ ^ index);
  std::uint64_t from = 0, to = 0;
  if (located.places.transport != HeaderPlaces::none && !located.facts.fragment) {
    from = decoding::load16(packet.bytes + located.places.transport);
    to = decoding::load16(packet.bytes + located.places.transport + 2);
  }
  // The sum is the same in both directions.
  return mix64(endpoint_hash(key_, addresses.v6, addresses.source, from) +
               endpoint_hash(key_, addresses.v6, addresses.destination, to) + located.places.protocol);
}

}  // namespace tidegauge::sampling
