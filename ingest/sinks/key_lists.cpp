#include "ingest/sinks/key_lists.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace tidegauge {

namespace {

uint128 mask_of(int bits, int length) {
  const uint128 all = bits == 128 ? ~uint128{0} : (uint128{1} << bits) - 1;
  return length == 0 ? 0 : all & ~(length == bits ? 0 : (uint128{1} << (bits - length)) - 1);
}

std::optional<int> whole_number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  text = text.substr(0, text.find('#'));
  const auto first = text.find_first_not_of(" \t\r");
  return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

bool looks_like_mac(const std::string& text) {
  return text.find('/') == std::string::npos && text.find('.') == std::string::npos &&
         (std::count(text.begin(), text.end(), ':') == 5 || std::count(text.begin(), text.end(), '-') == 5) &&
         text.find("::") == std::string::npos;
}

Status add_line(KeyList& list, const std::string& line) {
  if (looks_like_mac(line)) {
    auto mac = parse_mac(line);
    if (!mac) return std::move(mac).error();
    list.macs.push_back(*mac);
    return {};
  }
  auto prefix = parse_prefix(line);
  if (!prefix) return std::move(prefix).error();
  list.prefixes.push_back(*prefix);
  return {};
}

template <class T>
void order(std::vector<T>& list) {
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

std::string Prefix::text() const {
  std::array<std::uint8_t, 16> bytes{};
  for (int i = 0; i < bits() / 8; ++i)
    bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(address >> (bits() - 8 - 8 * i));
  std::array<char, INET6_ADDRSTRLEN> name{};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), name.data(), name.size());
  return std::string(name.data()) + "/" + std::to_string(length);
}

Prefix prefix_of(bool v6, uint128 address, int length) {
  return {v6, address & mask_of(v6 ? 128 : 32, length), length};
}

Expected<Prefix> parse_prefix(const std::string& text) {
  const std::string address = text.substr(0, text.find('/'));
  Prefix prefix;
  prefix.v6 = address.find(':') != std::string::npos;
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(prefix.v6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data()) != 1)
    return Error{"'" + text + "' is no IP prefix", "", "10.0.0.0/8, 2001:db8::/32 or an address", ErrorKind::usage};
  for (int i = 0; i < prefix.bits() / 8; ++i) prefix.address = prefix.address << 8 | bytes[static_cast<std::size_t>(i)];
  prefix.length = prefix.bits();
  if (text.size() > address.size()) {
    const auto length = whole_number(std::string_view(text).substr(address.size() + 1), prefix.bits());
    if (!length)
      return Error{"'" + text + "' has no prefix length from 0 to " + std::to_string(prefix.bits()), "", "", ErrorKind::usage};
    prefix.length = *length;
  }
  const Prefix masked = prefix_of(prefix.v6, prefix.address, prefix.length);
  if (masked != prefix) return Error{"'" + text + "' has bits beyond its length", "", masked.text(), ErrorKind::usage};
  return prefix;
}

Expected<Mac> parse_mac(const std::string& text) {
  unsigned byte[6] = {};
  char colon = 0, end = 0;
  const int read = std::sscanf(text.c_str(), "%2x%c%2x%*c%2x%*c%2x%*c%2x%*c%2x%c", &byte[0], &colon, &byte[1], &byte[2],
                               &byte[3], &byte[4], &byte[5], &end);
  if (read != 7 || (colon != ':' && colon != '-') || std::count(text.begin(), text.end(), colon) != 5)
    return Error{"'" + text + "' is no MAC address", "", "00:11:22:33:44:55", ErrorKind::usage};
  Mac mac = 0;
  for (const unsigned b : byte) mac = mac << 8 | b;
  return mac;
}

std::string mac_text(Mac mac) {
  std::array<char, 18> text{};
  const auto byte = [mac](int i) { return static_cast<unsigned>(mac >> (40 - 8 * i) & 0xff); };
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", byte(0), byte(1), byte(2), byte(3), byte(4), byte(5));
  return text.data();
}

Expected<KeyList> parse_key_list(std::string_view text, const std::string& where) {
  KeyList list;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    const std::string_view entry = trimmed(whole);
    if (entry.empty()) continue;
    if (Status added = add_line(list, std::string(entry)); !added) {
      Error error = std::move(added).error();
      error.where = where + ":" + std::to_string(line);
      return error;
    }
  }
  order(list.prefixes);
  order(list.macs);
  if (list.prefixes.empty() && list.macs.empty())
    return Error{"there is no key in it", where, "a prefix or a MAC address a line", ErrorKind::usage};
  return list;
}

Expected<KeyList> read_key_list(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open()) return Error{"cannot read the key list", path, "check the path", ErrorKind::usage};
  return parse_key_list(text, path);
}

Expected<KeyList> key_list_from(const std::string& file_or_list, const std::string& option) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(file_or_list, ignored)) return read_key_list(file_or_list);
  std::string lines = file_or_list;
  std::replace(lines.begin(), lines.end(), ',', '\n');
  auto list = parse_key_list(lines, option);
  if (list) return list;
  Error error = std::move(list).error();
  error.where = option + " " + file_or_list;  // its line numbers mean nothing here
  return error;
}

PrefixTable::PrefixTable(const std::vector<Prefix>& prefixes) {
  std::vector<std::uint32_t> by_start(prefixes.size());
  for (std::uint32_t i = 0; i < by_start.size(); ++i) by_start[i] = i;
  const auto last_of = [&](std::uint32_t i) {
    const Prefix& p = prefixes[i];
    return p.address | (mask_of(p.bits(), p.bits()) & ~mask_of(p.bits(), p.length));
  };
  // Outer prefixes before inner ones: prefixes nest or are disjoint, so a stack knows what encloses what.
  std::sort(by_start.begin(), by_start.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(prefixes[a].address, prefixes[a].length) < std::pair(prefixes[b].address, prefixes[b].length);
  });
  for (const bool v6 : {false, true}) {
    auto& stretches = stretches_[v6];
    std::vector<std::uint32_t> open;
    const auto begin = [&](uint128 first, std::uint32_t prefix) {
      if (!stretches.empty() && stretches.back().first == first) stretches.back().prefix = prefix;
      else stretches.push_back({first, prefix});
    };
    const auto close = [&] {
      const uint128 last = last_of(open.back());
      open.pop_back();
      if (last != mask_of(v6 ? 128 : 32, v6 ? 128 : 32)) begin(last + 1, open.empty() ? none : open.back());
    };
    for (const std::uint32_t i : by_start) {
      if (prefixes[i].v6 != v6) continue;
      while (!open.empty() && last_of(open.back()) < prefixes[i].address) close();
      open.push_back(i);
      begin(prefixes[i].address, i);
    }
    while (!open.empty()) close();
  }
}

std::uint32_t PrefixTable::find(bool v6, uint128 address) const {
  const auto& stretches = stretches_[v6];
  const auto after = std::upper_bound(stretches.begin(), stretches.end(), address,
                                      [](uint128 wanted, const Stretch& s) { return wanted < s.first; });
  return after == stretches.begin() ? none : std::prev(after)->prefix;
}

}  // namespace tidegauge
