#include "host/counting_settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace tidegauge {

namespace {

using nlohmann::json;

Expected<std::uint32_t> whole_number(std::string_view text, std::uint32_t least, std::uint32_t most, const std::string& where) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return Error{fmt::format("'{}' is not a whole number from {} to {}", text, least, most), where, "", ErrorKind::usage};
  return value;
}

Expected<PrefixLengths> prefix_lengths(const std::string& text) {
  PrefixLengths lengths;
  if (text.empty()) return lengths;
  const auto comma = text.find(',');
  auto v4 = whole_number(text.substr(0, comma), 0, 32, "--prefix-length " + text);
  if (!v4) return std::move(v4).error();
  lengths.ipv4 = static_cast<int>(*v4);
  if (comma == std::string::npos) return lengths;
  auto v6 = whole_number(text.substr(comma + 1), 0, 128, "--prefix-length " + text);
  if (!v6) return std::move(v6).error();
  lengths.ipv6 = static_cast<int>(*v6);
  return lengths;
}

Expected<KeyChoice> key_choice(const CountingSettings& settings, const PrefixLengths& lengths) {
  KeyChoice choice{.lengths = lengths};
  if (settings.keys.size() > 4) {
    auto most = whole_number(std::string_view(settings.keys).substr(5), 1, 1'000'000, "--keys " + settings.keys);
    if (!most) return std::move(most).error();
    choice.most = *most;
  }
  return choice;
}

bool is_auto(const std::string& keys) { return keys == "auto" || keys.starts_with("auto:"); }

Status set_keys(KeyedOptions& options, const CountingSettings& settings) {
  for (const std::string& name : settings.by) {
    auto kind = key_kind_by_name(name);
    if (!kind) return std::move(kind).error();
    options.by.push_back({*kind, {}});
  }
  const bool listed = std::any_of(options.by.begin(), options.by.end(), [](const auto& d) { return needs_list(d.kind); });
  if (!settings.keys.empty() && !listed)
    return Error{"a list of keys is given, but nothing that is counted by one", "--keys " + settings.keys,
                 "--by prefix, dst-prefix, mac or dst-mac", ErrorKind::usage};
  const bool file = !settings.keys.empty() && !is_auto(settings.keys);
  if (!settings.prefix_length.empty() && (file || !listed))
    return Error{"only prefixes that no list gives need a length", "--prefix-length", "leave it out", ErrorKind::usage};
  if (settings.key_capacity != 0 && (!settings.keys.empty() || !listed))
    return Error{"only prefixes or MACs without a list are held in a table", "--key-capacity", "leave it out", ErrorKind::usage};
  auto lengths = prefix_lengths(settings.prefix_length);
  if (!lengths) return std::move(lengths).error();
  if (settings.keys.empty()) {
    if (listed) options.held = HeldKeys{.lengths = *lengths};
    if (settings.key_capacity != 0) options.held->capacity = settings.key_capacity;
    return {};
  }
  if (is_auto(settings.keys)) {
    auto choice = key_choice(settings, *lengths);
    if (!choice) return std::move(choice).error();
    options.choose = *choice;
    return {};
  }
  auto list = read_key_list(settings.keys);
  if (!list) return std::move(list).error();
  for (KeyDimension& dimension : options.by) {
    if (!needs_list(dimension.kind)) continue;
    if (is_prefix(dimension.kind)) dimension.keys.prefixes = list->prefixes;
    else dimension.keys.macs = list->macs;
  }
  return {};
}

Status set_direction(DirectionRule& rule, const CountingSettings& settings) {
  if (!settings.inside_prefix.empty()) {
    auto list = key_list_from(settings.inside_prefix, "--inside-prefix");
    if (!list) return std::move(list).error();
    if (!list->macs.empty() || list->prefixes.empty())
      return Error{"this is not a list of prefixes", "--inside-prefix " + settings.inside_prefix, "", ErrorKind::usage};
    rule.prefixes = std::move(list->prefixes);
  }
  if (!settings.inside_mac.empty()) {
    auto list = key_list_from(settings.inside_mac, "--inside-mac");
    if (!list) return std::move(list).error();
    if (!list->prefixes.empty() || list->macs.empty())
      return Error{"this is not a list of MAC addresses", "--inside-mac " + settings.inside_mac, "", ErrorKind::usage};
    rule.macs = std::move(list->macs);
  }
  for (const std::string& text : settings.inside_interface) {
    auto number = whole_number(text, 0, 0xffff'ffff, "--inside-interface " + text);
    if (!number) return std::move(number).error();
    rule.interfaces.push_back(*number);
  }
  rule.in_name = settings.in_name;
  rule.out_name = settings.out_name;
  return {};
}

/// How keys without a list were counted.
std::string words_of(const HeldKeys& held, KeyKind kind) {
  std::string words = fmt::format("{} held", held.capacity);
  if (is_prefix(kind)) words += fmt::format(", /{} and /{}", held.lengths.ipv4, held.lengths.ipv6);
  return words;
}

/// A list in words: itself while it is short, otherwise its length and hash.
template <class List, class Text>
std::string words_of(const List& list, const Text& text) {
  std::string all;
  for (const auto& item : list) all += (all.empty() ? "" : ",") + text(item);
  constexpr std::size_t short_list = 8;
  if (list.size() <= short_list) return all;
  return fmt::format("{} keys, hash {:016x}", list.size(), XXH3_64bits(all.data(), all.size()));
}
std::string words_of(const std::vector<Prefix>& list) { return words_of(list, [](const Prefix& p) { return p.text(); }); }
std::string words_of_macs(const std::vector<Mac>& list) { return words_of(list, mac_text); }

json direction_json(const DirectionRule& rule) {
  if (!rule.prefixes.empty()) return {{"inside_prefix", words_of(rule.prefixes)}};
  if (!rule.macs.empty()) return {{"inside_mac", words_of_macs(rule.macs)}};
  if (!rule.interfaces.empty()) {
    auto interfaces = rule.interfaces;
    std::sort(interfaces.begin(), interfaces.end());
    return {{"inside_interface", interfaces}};
  }
  return {{"in_name", rule.in_name}, {"out_name", rule.out_name}};
}

}  // namespace

void add_counting_fields(SettingTable& table, CountingSettings& t) {
  const auto add = [&](const char* key, const char* help, SettingParser parse) {
    table.add({"count", key, help, std::move(parse)});
  };
  const auto add_list = [&](const char* key, const char* help, std::vector<std::string>& target) {
    table.add(list_field("count", key, help, target));
  };
  const auto add_switch = [&](const char* key, const char* help, bool& target) {
    table.add({"count", key, help, parse_switch(target), false, true});
  };
  add("filter", "Count only what matches, in libpcap's language, such as 'tcp port 80' (tunnels not entered)",
      parse_text(t.filter));
  add_list("only", "Count only these, in our meaning (tunnels entered): tcp, udp, icmp, other, ipv4, ipv6", t.only);
  add_switch("outer", "Do not enter tunnels: the transport is that of the outermost IP packet", t.outer);
  add("dedup", "Refuse a record equal to one of the N before it, up to 1024; 0 for none (4: as editcap -d)",
      parse_count(t.dedup, 0, KeyedOptions::longest_dedup));
  add_list("by", "Count packets and bytes per key as well: protocol, sport, dport, vlan, interface, direction, prefix, "
                 "dst-prefix, mac, dst-mac", t.by);
  add("keys", "Prefixes or MACs to count by: a file with one a line, or auto[:K] for the K (100) with the most bytes",
      parse_text(t.keys));
  add("key_capacity", "Without --keys the counts of prefixes and MACs are approximate: a table holds so many of each interval "
                      "(4096), a key lacks at most missed_bytes, at most 1/4096 of the interval's bytes",
      parse_count(t.key_capacity, 1, HeldKeys::largest_capacity));
  add("prefix_length", "Length of prefixes that no list gives, IPv4 or IPv4,IPv6 (default 16,32)", parse_text(t.prefix_length));
  add("inside_prefix", "Direction: our prefixes, a list or a file", parse_text(t.inside_prefix));
  add("inside_mac", "Direction: MAC addresses on our side of the link, a list or a file", parse_text(t.inside_mac));
  add_list("inside_interface", "Direction: numbers of capture interfaces that see what leaves us", t.inside_interface);
  add("in_name", "Direction: captures with this in their file name are in, such as dirA", parse_text(t.in_name));
  add("out_name", "Direction: captures with this in their file name are out, such as dirB", parse_text(t.out_name));
  add_switch("distinct", "Distinct source and destination addresses per interval (estimates within 1.6 %)", t.distinct);
}

Expected<KeyedOptions> resolve_counting(const CountingSettings& settings) {
  KeyedOptions options;
  options.outer = settings.outer;
  options.distinct = settings.distinct;
  options.filter = settings.filter;
  options.dedup = settings.dedup;
  for (const std::string& name : settings.only) TG_TRY(options.only.add(name));
  TG_TRY(set_keys(options, settings));
  TG_TRY(set_direction(options.direction, settings));
  TG_TRY(check_keyed_options(options));
  return options;
}

std::string counting_json(const KeyedOptions& options) {
  json document = json::object();
  if (options.outer) document["outer"] = true;
  if (!options.filter.empty()) document["filter"] = options.filter;
  if (options.only.any()) document["only"] = options.only.names();
  if (options.dedup != 0) document["dedup"] = options.dedup;
  if (options.distinct) document["distinct"] = true;
  std::vector<std::string> kinds;
  for (const KeyDimension& dimension : options.by) {
    kinds.emplace_back(name_of(dimension.kind));
    if (dimension.kind == KeyKind::direction) document["direction"] = direction_json(options.direction);
    if (needs_list(dimension.kind) && options.held)
      document["approximate"][kinds.back()] = words_of(*options.held, dimension.kind);
    else if (needs_list(dimension.kind))
      document["keys"][kinds.back()] =
          is_prefix(dimension.kind) ? words_of(dimension.keys.prefixes) : words_of_macs(dimension.keys.macs);
  }
  std::sort(kinds.begin(), kinds.end());
  if (!kinds.empty()) document["by"] = kinds;
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

Expected<KeyedOptions> chosen_packets(const std::string& counting_json) {
  const json document = json::parse(counting_json, nullptr, false);
  const Error unknown{"was counted with settings that this program does not know (" + counting_json + ")", "",
                      "the tidegauge that counted it, or bin the captures into a new series file"};
  if (!document.is_object()) return unknown;
  KeyedOptions options;
  for (const auto& [name, value] : document.items()) {
    if (name == "outer" && value.is_boolean()) options.outer = value.get<bool>();
    else if (name == "filter" && value.is_string()) options.filter = value.get<std::string>();
    else if (name == "dedup" && value.is_number_unsigned()) options.dedup = value.get<std::size_t>();
    else if (name == "only" && value.is_array()) {
      for (const json& only : value)
        if (!only.is_string() || !options.only.add(only.get<std::string>())) return unknown;
    } else if (name != "distinct" && name != "by" && name != "keys" && name != "direction" &&
               name != "approximate") {
      return unknown;
    }
  }
  TG_TRY(check_keyed_options(options));
  return options;
}

std::string key_lists_json(const KeyedOptions& options) {
  json document = json::object();
  for (const KeyDimension& dimension : options.by) {
    if (!needs_list(dimension.kind)) continue;
    json list = json::array();
    for (const Prefix& prefix : dimension.keys.prefixes) list.push_back(prefix.text());
    for (const Mac mac : dimension.keys.macs) list.push_back(mac_text(mac));
    document[std::string(name_of(dimension.kind))] = list;
  }
  return document.dump();
}

std::optional<KeyedOptions> with_key_lists(KeyedOptions options, const std::string& text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return std::nullopt;
  for (KeyDimension& dimension : options.by) {
    if (!needs_list(dimension.kind)) continue;
    const auto list = document.find(std::string(name_of(dimension.kind)));
    if (list == document.end() || !list->is_array()) return std::nullopt;
    std::string lines;
    for (const json& key : *list) lines += key.is_string() ? key.get<std::string>() + "\n" : "?\n";
    if (lines.empty()) continue;
    auto keys = parse_key_list(lines, "keys");
    if (!keys) return std::nullopt;
    dimension.keys = *std::move(keys);
  }
  options.choose.reset();
  return options;
}

}  // namespace tidegauge
