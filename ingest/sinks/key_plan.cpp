#include "ingest/sinks/key_plan.hpp"

#include <algorithm>
#include <filesystem>

namespace tidegauge {

namespace {

enum Direction : std::uint32_t { in, out, internal, other };
constexpr std::array<const char*, 4> direction_names{"in", "out", "internal", "other"};

constexpr std::uint32_t no_protocol = 256, no_port = 65'536, no_vlan = 4'096;

std::uint32_t load16(const std::uint8_t* p) { return static_cast<std::uint32_t>(p[0]) << 8 | p[1]; }
uint128 load(const std::uint8_t* p, int bytes) {
  uint128 value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | p[i];
  return value;
}

std::uint32_t direction(bool from_inside, bool to_inside) {
  return from_inside ? to_inside ? internal : out : to_inside ? in : other;
}

std::uint32_t position(const std::vector<Mac>& list, Mac mac) {
  const auto at = std::lower_bound(list.begin(), list.end(), mac);
  return at != list.end() && *at == mac ? static_cast<std::uint32_t>(at - list.begin()) : PrefixTable::none;
}
bool holds(const std::vector<Mac>& list, Mac mac) { return position(list, mac) != PrefixTable::none; }

std::uint32_t direction_of_file(const DirectionRule& rule, const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  const auto says = [&](const std::string& part) { return !part.empty() && name.find(part) != std::string::npos; };
  if (says(rule.in_name) == says(rule.out_name)) return other;
  return says(rule.in_name) ? in : out;
}

std::string held_name(KeyKind kind, std::uint32_t space, std::uint64_t code, const PrefixLengths& lengths) {
  if (space == 0) return code == KeyPlan::held_other ? "other" : code == KeyPlan::held_none ? "none" : "any";
  if (!is_prefix(kind)) return mac_text(code);
  if (space == KeyPlan::ipv6_space) return prefix_of(true, uint128{code} << 64, lengths.ipv6).text();
  return prefix_of(false, code, lengths.ipv4).text();
}

/// Code of a listed key: its position, then `other`, then `none`.
std::uint32_t listed(std::uint32_t found, std::size_t listed_keys) {
  return found == PrefixTable::none ? static_cast<std::uint32_t>(listed_keys) : found;
}

}  // namespace

AddressPair addresses_of(const PacketView& packet, const LocatedFacts& located) {
  if (located.places.ip == HeaderPlaces::none) return {};
  const std::uint8_t* ip = packet.bytes + located.places.ip;
  if (located.facts.family == IpFamily::v6) return {true, true, load(ip + 8, 16), load(ip + 24, 16)};
  return {true, false, load(ip + 12, 4), load(ip + 16, 4)};
}

KeyPlan::KeyPlan(const KeyedOptions& options, const std::string& path)
    : direction_(options.direction),
      inside_(options.direction.prefixes),
      file_direction_(direction_of_file(options.direction, path)) {
  for (const KeyDimension& by : options.by)
    dimensions_.push_back({by.kind, by.keys, PrefixTable(by.keys.prefixes), needs_list(by.kind) && options.held});
  if (options.held) lengths_ = options.held->lengths;
}

void KeyPlan::codes(Codes& out, const PacketView& packet, const LocatedFacts& located,
                    const AddressPair& addresses) const {
  for (std::uint32_t i = 0; i < dimensions_.size(); ++i)
    out[i] = dimensions_[i].held ? held_key(i, packet, located, addresses)
                                 : CountedKey{i, code_of(dimensions_[i], packet, located, addresses)};
}

CountedKey KeyPlan::held_key(std::uint32_t index, const PacketView& packet, const LocatedFacts& located,
                             const AddressPair& addresses) const {
  const KeyKind kind = dimensions_[index].kind;
  const CountedKey none{index, held_none};
  if (is_prefix(kind)) {
    if (!addresses.known) return none;
    const uint128 address = kind == KeyKind::prefix ? addresses.source : addresses.destination;
    const uint128 prefix = prefix_of(addresses.v6, address, addresses.v6 ? lengths_.ipv6 : lengths_.ipv4).address;
    if (addresses.v6) return {index | ipv6_space << space_shift, static_cast<std::uint64_t>(prefix >> 64)};
    return {index | number_space << space_shift, static_cast<std::uint64_t>(prefix)};
  }
  if (located.places.ethernet == HeaderPlaces::none) return none;
  const std::uint8_t* ethernet = packet.bytes + located.places.ethernet;
  return {index | number_space << space_shift, load_mac(kind == KeyKind::mac ? ethernet + 6 : ethernet)};
}

std::uint32_t KeyPlan::code_of(const Dimension& dimension, const PacketView& packet, const LocatedFacts& located,
                               const AddressPair& addresses) const {
  const HeaderPlaces& places = located.places;
  const auto port = [&](std::uint32_t offset) {
    return places.transport == HeaderPlaces::none ? no_port : load16(packet.bytes + places.transport + offset);
  };
  const auto prefix = [&](uint128 address) {
    const auto keys = dimension.keys.prefixes.size();
    return addresses.known ? listed(dimension.prefixes.find(addresses.v6, address), keys)
                           : static_cast<std::uint32_t>(keys + 1);
  };
  const auto mac = [&](std::uint32_t offset) {
    const auto keys = dimension.keys.macs.size();
    return places.ethernet == HeaderPlaces::none
               ? static_cast<std::uint32_t>(keys + 1)
               : listed(position(dimension.keys.macs, load_mac(packet.bytes + places.ethernet + offset)), keys);
  };
  switch (dimension.kind) {
    case KeyKind::protocol: return places.ip == HeaderPlaces::none ? no_protocol : places.protocol;
    case KeyKind::sport: return port(0);
    case KeyKind::dport: return port(2);
    case KeyKind::vlan: return places.vlan == 0xffff ? no_vlan : places.vlan & 0xfffu;
    case KeyKind::interface: return packet.interface;
    case KeyKind::direction: return direction_of(packet, located, addresses);
    case KeyKind::prefix: return prefix(addresses.source);
    case KeyKind::dst_prefix: return prefix(addresses.destination);
    case KeyKind::mac: return mac(6);
    case KeyKind::dst_mac: return mac(0);
  }
  return 0;
}

std::uint32_t KeyPlan::direction_of(const PacketView& packet, const LocatedFacts& located,
                                    const AddressPair& addresses) const {
  if (!direction_.prefixes.empty()) {
    if (!addresses.known) return other;
    return direction(inside_.find(addresses.v6, addresses.source) != PrefixTable::none,
                     inside_.find(addresses.v6, addresses.destination) != PrefixTable::none);
  }
  if (!direction_.macs.empty()) {
    if (located.places.ethernet == HeaderPlaces::none) return other;
    const std::uint8_t* ethernet = packet.bytes + located.places.ethernet;
    return direction(holds(direction_.macs, load_mac(ethernet + 6)), holds(direction_.macs, load_mac(ethernet)));
  }
  if (!direction_.interfaces.empty()) {
    const auto& inside = direction_.interfaces;
    return std::find(inside.begin(), inside.end(), packet.interface) != inside.end() ? out : in;
  }
  return file_direction_;
}

std::string KeyPlan::kind(const CountedKey& key) const {
  const Dimension& d = dimensions_[index_of(key.dimension)];
  const bool missed = d.held && space_of(key.dimension) == 0 && key.code == held_missed;
  return std::string(name_of(d.kind)) + (missed ? "-missed" : "");
}

std::string KeyPlan::name(const CountedKey& key) const {
  const Dimension& d = dimensions_[index_of(key.dimension)];
  if (d.held) return held_name(d.kind, space_of(key.dimension), key.code, lengths_);
  const std::uint64_t code = key.code;
  const auto number = [code](std::uint64_t none) { return code == none ? "none" : std::to_string(code); };
  const std::size_t keys = is_prefix(d.kind) ? d.keys.prefixes.size() : d.keys.macs.size();
  switch (d.kind) {
    case KeyKind::protocol: return number(no_protocol);
    case KeyKind::sport:
    case KeyKind::dport: return number(no_port);
    case KeyKind::vlan: return number(no_vlan);
    case KeyKind::interface: return std::to_string(code);
    case KeyKind::direction: return direction_names[code];
    default: break;
  }
  if (code >= keys) return code == keys ? "other" : "none";
  return is_prefix(d.kind) ? d.keys.prefixes[code].text() : mac_text(d.keys.macs[code]);
}

}  // namespace tidegauge
