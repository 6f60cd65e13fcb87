#include "ingest/sinks/choose_keys.hpp"

#include <algorithm>
#include <map>

#include "kernels/core/random.hpp"
#include "tests/ingest/capture_builder.hpp"
#include "tests/packets.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace test;

Bytes packet(std::uint32_t source, std::uint32_t destination, std::uint64_t source_mac, std::size_t payload) {
  const Bytes udp_bytes = udp(5, 6, zeros(payload));
  return Bytes(6, 0x02) + be16(source_mac >> 32) + be32(source_mac & 0xffffffff) + be16(0x0800) + Bytes{0x45, 0} +
         be16(20 + udp_bytes.size()) + be32(7 << 16) + Bytes{64, 17} + be16(0) + be32(source) + be32(destination) + udp_bytes;
}

void save(const fs::path& path, const Bytes& bytes) { write_text(path, std::string(bytes.begin(), bytes.end())); }

// The heaviest by bytes, ties by key, of captures in any order, against maps over what was put in.
TEST(ChooseKeys, TheHeaviestInAnyOrderOfCaptures) {
  const ScratchFolder scratch;
  RandomStream random(9, 0);
  std::map<std::string, std::uint64_t> sources, destinations, macs;
  std::vector<std::string> paths;
  for (int file = 0; file < 3; ++file) {
    PcapBuilder pcap;
    for (int i = 0; i < 300; ++i) {
      const auto source = static_cast<std::uint32_t>(0x0a000000 | random.below(12) << 16 | random.below(4));
      const auto destination = static_cast<std::uint32_t>(random.below(6) << 24 | 7);
      const std::uint64_t mac = 0x020000000000 + random.below(5);
      const Bytes bytes = packet(source, destination, mac, random.below(3) * 10);
      pcap.record(1'600'000'000u + static_cast<std::uint32_t>(i), 0, bytes, static_cast<std::uint32_t>(bytes.size()));
      sources[prefix_of(false, source, 16).text()] += bytes.size();
      destinations[prefix_of(false, destination, 16).text()] += bytes.size();
      macs[mac_text(mac)] += bytes.size();
    }
    paths.push_back((scratch / ("c" + std::to_string(file) + ".pcap")).string());
    save(paths.back(), pcap.bytes);
  }
  const auto heaviest = [](const std::map<std::string, std::uint64_t>& sums, std::size_t n) {
    std::vector<std::pair<std::string, std::uint64_t>> all(sums.begin(), sums.end());
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    all.resize(std::min(n, all.size()));
    std::vector<std::string> names;
    for (const auto& [name, bytes] : all) names.push_back(name);
    std::sort(names.begin(), names.end());
    return names;
  };
  const auto texts = [](const std::vector<Prefix>& prefixes) {
    std::vector<std::string> names;
    for (const Prefix& p : prefixes) names.push_back(p.text());
    std::sort(names.begin(), names.end());
    return names;
  };
  paths.push_back((scratch / "none.pcap").string());  // passed over: counting it will say why
  for (const std::size_t most : {1u, 3u, 5u, 100u}) {
    KeyedOptions options;
    options.by = {{KeyKind::prefix, {}}, {KeyKind::dport, {}}, {KeyKind::dst_prefix, {}}, {KeyKind::mac, {}}};
    options.choose = KeyChoice{.most = most, .lengths = {16, 32}};
    const auto chosen = choose_keys(paths, options);
    ASSERT_TRUE(chosen);
    EXPECT_FALSE(chosen->choose);
    EXPECT_EQ(texts(chosen->by[0].keys.prefixes), heaviest(sources, most));
    EXPECT_EQ(texts(chosen->by[2].keys.prefixes), heaviest(destinations, most));
    std::vector<std::string> names;
    for (const Mac mac : chosen->by[3].keys.macs) names.push_back(mac_text(mac));
    EXPECT_EQ(names, heaviest(macs, most));
    std::reverse(paths.begin(), paths.end());
    const auto again = choose_keys(paths, options);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(again->by[i].keys, chosen->by[i].keys);
  }
}

TEST(ChooseKeys, OnlyWhatWillBeCountedWeighs) {
  const ScratchFolder scratch;
  PcapBuilder pcap;
  const Bytes heavy = packet(0x0b000001, 1, 1, 900), light = packet(0x0a000001, 1, 1, 10);
  for (std::uint32_t i = 0; i < 5; ++i) pcap.record(1'600'000'000, i, heavy, static_cast<std::uint32_t>(heavy.size()));
  pcap.record(1'600'000'001, 0, light, static_cast<std::uint32_t>(light.size()));
  save(scratch / "a.pcap", pcap.bytes);
  KeyedOptions options;
  options.by = {{KeyKind::prefix, {}}};
  options.choose = KeyChoice{.most = 1, .lengths = {8, 32}};
  const std::vector<std::string> paths{(scratch / "a.pcap").string()};
  EXPECT_EQ(choose_keys(paths, options)->by[0].keys.prefixes.at(0).text(), "11.0.0.0/8");
  options.filter = "less 500";
  EXPECT_EQ(choose_keys(paths, options)->by[0].keys.prefixes.at(0).text(), "10.0.0.0/8");
}

TEST(ChooseKeys, OfEqualWeightTheSmallerKey) {
  const ScratchFolder scratch;
  PcapBuilder pcap;
  for (const std::uint32_t net : {12u, 10u, 11u, 13u}) {
    const Bytes bytes = packet(net << 24, 1, 1, 10);
    pcap.record(1'600'000'000, 0, bytes, static_cast<std::uint32_t>(bytes.size()));
  }
  save(scratch / "a.pcap", pcap.bytes);
  KeyedOptions options;
  options.by = {{KeyKind::prefix, {}}};
  options.choose = KeyChoice{.most = 2, .lengths = {8, 32}};
  const auto chosen = choose_keys({(scratch / "a.pcap").string()}, options);
  ASSERT_EQ(chosen->by[0].keys.prefixes.size(), 2u);
  EXPECT_EQ(chosen->by[0].keys.prefixes[0].text(), "10.0.0.0/8");
  EXPECT_EQ(chosen->by[0].keys.prefixes[1].text(), "11.0.0.0/8");
}

}  // namespace
}  // namespace tidegauge
