#include "ingest/sinks/choose_keys.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "ingest/formats/capture.hpp"
#include "ingest/sinks/duplicate_window.hpp"
#include "ingest/sinks/key_plan.hpp"
#include "ingest/sinks/packet_filter.hpp"
#include "kernels/decode/decode.hpp"

namespace tidegauge {

namespace {

struct PrefixHash {
  std::size_t operator()(const Prefix& p) const {
    return mix64(mix64(static_cast<std::uint64_t>(p.address >> 64)) ^ static_cast<std::uint64_t>(p.address)) + p.v6;
  }
};

/// Bytes per candidate key, a dimension.
struct Candidates {
  std::unordered_map<Prefix, std::uint64_t, PrefixHash> prefixes;
  std::unordered_map<Mac, std::uint64_t> macs;
};

/// The keys with the most bytes, ties by key, in the order of keys.
template <class Map>
auto heaviest(const Map& candidates, std::size_t most) {
  std::vector<std::pair<typename Map::key_type, std::uint64_t>> all(candidates.begin(), candidates.end());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  all.resize(std::min(all.size(), most));
  std::vector<typename Map::key_type> keys;
  for (const auto& [key, bytes] : all) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  return keys;
}

/// Adds up bytes of the packets that will be counted. Times do not matter here.
class ChoosingSink {
 public:
  ChoosingSink(const KeyedOptions& options, std::vector<Candidates>& candidates)
      : options_(options), candidates_(candidates), window_(options.dedup) {
    if (!options.filter.empty()) filter_.emplace(options.filter);
  }
  TG_INLINE void packet(const PacketView& packet) { take(packet); }
  void refuse(Refusal, std::uint64_t, std::uint64_t) {}
  void lost(std::uint64_t) {}
  bool full() const { return full_; }

 private:
  TG_COLD void take(const PacketView& packet) {
    if (full_ || window_.repeats(packet)) return;
    const LocatedFacts located = decode_located(packet, {.outer = options_.outer});
    if (options_.only.any() && !options_.only.matches(located.facts)) return;
    if (filter_ && !filter_->matches(packet)) return;
    const AddressPair addresses = addresses_of(packet, located);
    for (std::size_t i = 0; i < candidates_.size(); ++i) add(candidates_[i], options_.by[i].kind, packet, located, addresses);
  }

  void add(Candidates& to, KeyKind kind, const PacketView& packet, const LocatedFacts& located,
           const AddressPair& addresses) {
    if (is_prefix(kind) && addresses.known) {
      const int length = addresses.v6 ? options_.choose->lengths.ipv6 : options_.choose->lengths.ipv4;
      const uint128 address = kind == KeyKind::prefix ? addresses.source : addresses.destination;
      to.prefixes[prefix_of(addresses.v6, address, length)] += packet.wire_bytes;
    } else if (needs_list(kind) && !is_prefix(kind) && located.places.ethernet != HeaderPlaces::none) {
      const std::uint8_t* ethernet = packet.bytes + located.places.ethernet;
      to.macs[load_mac(kind == KeyKind::mac ? ethernet + 6 : ethernet)] += packet.wire_bytes;
    }
    full_ |= to.prefixes.size() > most_distinct || to.macs.size() > most_distinct;
  }

  const KeyedOptions& options_;
  std::vector<Candidates>& candidates_;
  DuplicateWindow window_;
  std::optional<PacketFilter> filter_;
  bool full_ = false;
};

}  // namespace

Expected<KeyedOptions> choose_keys(const std::vector<std::string>& paths, KeyedOptions options,
                                   const ChoosingHooks& hooks) {
  if (!options.choose) return options;
  std::vector<Candidates> candidates(options.by.size());
  for (const std::string& path : paths) {
    ChoosingSink sink(options, candidates);
    WalkOptions walk;
    walk.progress = [&](std::uint64_t, std::uint64_t) {
      if (hooks.progress) hooks.progress(path);
    };
    (void)walk_capture(path, sink, walk).has_value();
    if (sink.full())
      return Error{"more than " + std::to_string(most_distinct) + " distinct keys", path,
                   "shorter prefixes (--prefix-length), or a list with --keys FILE", ErrorKind::usage};
  }
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (!needs_list(options.by[i].kind)) continue;
    options.by[i].keys = {heaviest(candidates[i].prefixes, options.choose->most),
                          heaviest(candidates[i].macs, options.choose->most)};
  }
  options.choose.reset();
  return options;
}

}  // namespace tidegauge
