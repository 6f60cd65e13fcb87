#include "ingest/sinks/keyed_options.hpp"

#include <algorithm>

#include "ingest/sinks/packet_filter.hpp"

namespace tidegauge {

namespace {

constexpr std::array<std::string_view, 4> transport_names{"other", "tcp", "udp", "icmp"};  // order of Transport
constexpr std::array<std::string_view, 3> family_names{"", "ipv4", "ipv6"};                // order of IpFamily

Error usage(std::string what, std::string where, std::string remedy) {
  return {std::move(what), std::move(where), std::move(remedy), ErrorKind::usage};
}

Status check_dimension(const KeyDimension& dimension, const KeyedOptions& options) {
  const std::string option = "--by " + std::string(name_of(dimension.kind));
  if (std::count_if(options.by.begin(), options.by.end(), [&](const auto& d) { return d.kind == dimension.kind; }) > 1)
    return usage("this key is asked for twice", option, "name it once");
  if (!needs_list(dimension.kind) || options.choose || options.held) return {};
  if (is_prefix(dimension.kind) ? dimension.keys.prefixes.empty() : dimension.keys.macs.empty())
    return usage("the list holds no " + std::string(is_prefix(dimension.kind) ? "prefix" : "MAC address"), option,
                 "--keys FILE with one a line, --keys auto for those with the most bytes, or no list (approximate)");
  return {};
}

Status check_direction(const KeyedOptions& options) {
  const bool asked = std::any_of(options.by.begin(), options.by.end(),
                                 [](const auto& d) { return d.kind == KeyKind::direction; });
  const std::size_t ways = options.direction.ways();
  const char* const choices = "one of --inside-prefix, --inside-mac, --inside-interface, or --in-name and --out-name";
  if (asked && ways == 0) return usage("nothing says which direction is in", "--by direction", choices);
  if (ways > 1) return usage("there are several ways to tell the direction", "--by direction", choices);
  if (!asked && ways == 1) return usage("a rule for directions is given, but no keys by direction", choices, "--by direction");
  return {};
}

}  // namespace

Expected<KeyKind> key_kind_by_name(const std::string& name) {
  const auto at = std::find(key_kind_names.begin(), key_kind_names.end(), name);
  if (at != key_kind_names.end()) return static_cast<KeyKind>(at - key_kind_names.begin());
  std::string known;
  for (const auto kind : key_kind_names) known += (known.empty() ? "" : ", ") + std::string(kind);
  return usage("there is no key '" + name + "'", "--by", "one of: " + known);
}

Status OnlyFilter::add(const std::string& name) {
  for (unsigned i = 0; i < transport_names.size(); ++i)
    if (transport_names[i] == name) return transports_ |= 1u << i, Status{};
  for (unsigned i = 1; i < family_names.size(); ++i)
    if (family_names[i] == name) return families_ |= 1u << i, Status{};
  return usage("'" + name + "' is neither a transport nor a family", "--only", "tcp, udp, icmp, other, ipv4 or ipv6");
}

std::vector<std::string> OnlyFilter::names() const {
  std::vector<std::string> list;
  for (unsigned i = 0; i < transport_names.size(); ++i)
    if (transports_ >> i & 1) list.emplace_back(transport_names[i]);
  for (unsigned i = 1; i < family_names.size(); ++i)
    if (families_ >> i & 1) list.emplace_back(family_names[i]);
  return list;
}

Status check_keyed_options(const KeyedOptions& options) {
  if (options.dedup > KeyedOptions::longest_dedup)
    return usage("a window of " + std::to_string(options.dedup) + " records is too long", "--dedup",
                 "at most " + std::to_string(KeyedOptions::longest_dedup));
  for (const KeyDimension& dimension : options.by) TG_TRY(check_dimension(dimension, options));
  if (options.held && options.held->lengths.ipv6 > HeldKeys::longest_ipv6)
    return usage("without a list IPv6 prefixes are at most " + std::to_string(HeldKeys::longest_ipv6) + " long",
                 "--prefix-length", "a shorter one, or a list: --keys FILE or --keys auto");
  TG_TRY(check_direction(options));
  return options.filter.empty() ? Status() : PacketFilter::check(options.filter);
}

}  // namespace tidegauge
