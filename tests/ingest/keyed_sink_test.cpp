// The sink for filters, duplicates, keys and distinct addresses, against oracles that know what they put into a packet.
#include "ingest/sinks/keyed_sink.hpp"

#include <set>
#include <string>
#include <vector>

#include "ingest/sinks/count_capture.hpp"
#include "kernels/core/random.hpp"
#include "kernels/decode/decode.hpp"
#include "tests/ingest/csv.hpp"
#include "tests/oracle/naive_counts.hpp"
#include "tests/oracle/naive_decoder.hpp"
#include "tests/oracle/naive_order.hpp"
#include "tests/packets.hpp"
#include "tests/random_clocks.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using oracle::Event;
using namespace test;
constexpr std::int64_t second = 1'000'000'000;

/// A packet and what was put into it.
struct MadePacket {
  Bytes bytes;
  std::uint32_t interface = 0;
  bool v4 = false, v6 = false, tcp = false, udp = false;
  std::uint32_t vlan = 4096, source_port = 65536, destination_port = 65536, protocol = 256;
  std::uint32_t source = 0, destination = 0;  ///< IPv4; last 32 bits of IPv6, the others zero
  std::uint64_t source_mac = 0, destination_mac = 0;
};

MadePacket make_packet(RandomStream& random) {
  MadePacket made;
  const auto few = [&] { return static_cast<std::uint32_t>(random.below(4)); };
  made.interface = few();
  made.source_mac = 0x020000000000 + few();
  made.destination_mac = 0x020000000000 + few();
  made.source = 0x0a000000 | few() << 16 | few();
  made.destination = 0x0a000000 | few() << 16 | few();
  Bytes transport = zeros(8 + random.below(3));
  const std::uint64_t kind = random.below(4);
  made.tcp = kind == 0, made.udp = kind == 1;
  made.protocol = made.tcp ? 6 : made.udp ? 17 : kind == 2 ? 1 : 200;
  if (made.tcp || made.udp) {
    made.source_port = 1000 + few(), made.destination_port = 65532 + few();
    const Bytes ports = be16(made.source_port) + be16(made.destination_port);
    transport = made.tcp ? ports + be32(1) + be32(2) + Bytes{0x50, 0x10} + be16(9) + be32(0) : ports + be16(8) + be16(0);
  }
  const std::uint64_t network = random.below(5);
  Bytes ip;
  if (network < 3) {
    made.v4 = true;
    ip = Bytes{0x45, 0} + be16(20 + transport.size()) + be32(0x00010000) + Bytes{64, static_cast<std::uint8_t>(made.protocol)} +
         be16(0) + be32(made.source) + be32(made.destination) + transport;
  } else if (network == 3) {
    made.v6 = true;
    ip = Bytes{0x60, 0, 0, 0} + be16(transport.size()) + Bytes{static_cast<std::uint8_t>(made.protocol), 64} + zeros(12) +
         be32(made.source) + zeros(12) + be32(made.destination) + transport;
  } else {
    ip = zeros(46);  // ARP
    made.protocol = 256, made.source_port = made.destination_port = 65536;
    made.tcp = made.udp = false;
  }
  const std::size_t type = made.v4 ? 0x0800 : made.v6 ? 0x86dd : 0x0806;
  const auto mac = [](std::uint64_t m) { return be16(m >> 32) + be32(m & 0xffffffff); };
  made.bytes = mac(made.destination_mac) + mac(made.source_mac);
  if (random.below(4) == 0) {
    made.vlan = 5 + few();
    made.bytes = made.bytes + be16(0x8100) + be16(0x2000 | made.vlan);
  }
  made.bytes = made.bytes + be16(type) + ip;
  return made;
}

KeyedOptions every_key() {
  KeyedOptions options;
  for (std::size_t i = 0; i < key_kind_names.size(); ++i) options.by.push_back({static_cast<KeyKind>(i), {}});
  for (KeyDimension& d : options.by) {
    if (!needs_list(d.kind)) continue;
    d.keys = is_prefix(d.kind) ? parse_key_list("10.0.0.0/8\n10.1.0.0/16\n10.1.0.2\n::a02:0/112", "").value()
                               : parse_key_list("02:00:00:00:00:01\n02:00:00:00:00:03", "").value();
  }
  options.direction.prefixes = parse_key_list("10.1.0.0/16", "").value().prefixes;
  options.distinct = true;
  return options;
}

/// Positions in every_key()'s list of prefixes (in order: 10/8, 10.1/16, 10.1.0.2/32, ::a02:0/112), by hand.
std::uint32_t prefix_code(const MadePacket& p, std::uint32_t address) {
  if (!p.v4 && !p.v6) return 5;
  if (p.v6) return address >> 16 == 0x0a02 ? 3 : 4;
  return address == 0x0a010002 ? 2 : address >> 16 == 0x0a01 ? 1 : 0;
}
std::uint32_t mac_code(std::uint64_t mac) { return mac == 0x020000000001 ? 0 : mac == 0x020000000003 ? 1 : 2; }

std::vector<KeyCount> keys_of(const MadePacket& p) {
  const bool from = p.v4 && p.source >> 16 == 0x0a01, to = p.v4 && p.destination >> 16 == 0x0a01;
  const std::vector<std::uint32_t> codes{p.protocol, p.source_port, p.destination_port, p.vlan, p.interface,
                                         from && to ? 2u : from ? 1u : to ? 0u : 3u,
                                         prefix_code(p, p.source), prefix_code(p, p.destination),
                                         mac_code(p.source_mac), mac_code(p.destination_mac)};
  std::vector<KeyCount> keys;
  for (std::uint32_t i = 0; i < codes.size(); ++i) keys.push_back({i, codes[i], 1, p.bytes.size()});
  return keys;
}

struct Trace {
  std::vector<Event> events;
  std::vector<MadePacket> packets;  // one a record, duplicates among them
};

/// Random clocks with packets behind the records. Whether a packet matches `tcp` in libpcap's words is known here.
Trace random_trace(RandomStream& random, std::size_t n, bool filter, bool only_v4, std::size_t dedup) {
  Trace trace{random_events(random, random.below(clock_models), n), {}};
  std::vector<const MadePacket*> read;
  std::vector<MadePacket> made;
  made.reserve(trace.events.size());
  for (Event& event : trace.events) {
    if (event.kind != Event::Kind::record) continue;
    made.push_back(!made.empty() && random.below(3) == 0 ? made[made.size() - 1 - random.below(std::min<std::size_t>(made.size(), 4))]
                                                         : make_packet(random));
    const MadePacket& p = made.back();
    bool repeated = false;
    for (std::size_t i = 0; i < std::min(dedup, read.size()); ++i) repeated |= read[read.size() - 1 - i]->bytes == p.bytes;
    read.push_back(&p);
    const auto wire = static_cast<std::uint32_t>(p.bytes.size());
    const auto facts = oracle::NaiveDecoder::decode({0, wire, wire, p.bytes.data(), LinkType::ethernet});
    event.counts = oracle::row_of_packet(facts, wire);
    event.keys = keys_of(p);
    event.filtered = (filter && !(p.tcp && p.vlan == 4096)) || (only_v4 && !p.v4 && !p.udp);
    event.source_hashes.clear(), event.destination_hashes.clear();
    if (p.v4) event.source_hashes = {sketch::hash_ipv4(p.source)}, event.destination_hashes = {sketch::hash_ipv4(p.destination)};
    if (p.v6) event.source_hashes = {sketch::hash_ipv6(0, p.source)}, event.destination_hashes = {sketch::hash_ipv6(0, p.destination)};
    if (!repeated) continue;
    event.kind = Event::Kind::refusal;
    event.why = Refusal::duplicate;
    event.number = 1;
    event.bytes = ~0ull;  // marks that a packet is to be fed
  }
  trace.packets = std::move(made);
  return trace;
}

template <class Sink>
void feed(Sink& sink, const Trace& trace, std::size_t first, std::size_t last) {
  std::size_t packet = 0;
  for (std::size_t i = 0; i < last; ++i) {
    const Event& event = trace.events[i];
    if (event.kind == Event::Kind::record || event.bytes == ~0ull) {
      const MadePacket& p = trace.packets[packet++];
      const auto n = static_cast<std::uint32_t>(p.bytes.size());
      if (i < first) continue;
      sink.packet({event.ts_ns, n, n, p.bytes.data(), LinkType::ethernet, p.interface});
      sink.captured(n);  // as a walker does
    } else if (i < first) {
      continue;
    } else if (event.kind == Event::Kind::refusal) {
      sink.refuse(event.why, event.number, event.bytes);
    } else {
      sink.lost(event.number);
    }
  }
}

struct Collected {
  IntervalRows rows;
  KeyedRows keyed;
  RowPortions portions;
  std::size_t keyed_portions = 0;
  Collected(std::size_t limit, std::size_t keyed_bytes)
      : portions(
            limit, [this](const IntervalRows& p) { return tidegauge::add_rows(rows, IntervalRows(p)), Status{}; },
            [this](const KeyedRows& p) { return ++keyed_portions, tidegauge::add_rows(keyed, KeyedRows(p)), Status{}; },
            keyed_bytes) {}
};

struct Met {
  std::size_t portions = 0, filtered = 0, duplicates = 0;
};

/// Every option at random, on every clock, in portions of every size, whole and split between two sinks.
/// @param make_sink `make_sink(interval_ns, options, portions)`
template <class MakeSink>
Met expect_definitions(std::uint64_t seed, const MakeSink& make_sink) {
  Met sums;
  RandomStream random(seed, 0);
  for (int round = 0; round < 1'500; ++round) {
    KeyedOptions options = every_key();
    const bool filter = random.below(3) == 0, only_v4 = random.below(3) == 0;
    if (filter) options.filter = "tcp";
    if (only_v4) {
      EXPECT_TRUE(options.only.add("ipv4") && options.only.add("udp"));
    }
    options.dedup = random.below(3) == 0 ? 1 + random.below(6) : 0;
    Trace trace = random_trace(random, random.below(round % 10 ? 25 : 150), filter, only_v4, options.dedup);
    const std::int64_t interval_ns = random.below(2) ? second : 86'400 * second;
    const auto where = "seed " + std::to_string(seed) + " round " + std::to_string(round);

    Collected collected(random.below(2) ? 3 : 1'000, random.below(2) ? 500 : 1 << 20);
    const std::size_t split = options.serial() ? trace.events.size() : random.below(trace.events.size() + 1);
    auto left = make_sink(interval_ns, options, collected.portions);
    auto right = make_sink(interval_ns, options, collected.portions);
    feed(left, trace, 0, split);
    feed(right, trace, split, trace.events.size());
    PartialSeries capture = left.finish();
    capture.merge(right.finish());
    capture.close();
    collected.portions.hand_over(capture.take_rows());
    collected.portions.hand_over(capture.take_keyed_rows());
    EXPECT_TRUE(collected.portions.status());

    for (Event& event : trace.events)
      if (event.bytes == ~0ull) event.bytes = 0;
    const oracle::WholeCapture whole = oracle::count_whole(trace.events, interval_ns);
    std::erase_if(collected.rows, [](const auto& item) { return item.second == IntervalRow{}; });
    RecordAccount account = whole.account;
    for (const MadePacket& packet : trace.packets) account.captured_bytes += packet.bytes.size();
    EXPECT_EQ(collected.rows, whole.rows) << where;
    EXPECT_TRUE(collected.keyed == oracle::keyed_rows(whole)) << where;
    EXPECT_EQ(capture.account(), account) << where;
    EXPECT_TRUE(capture.account().adds_up()) << where;
    EXPECT_EQ(capture.first_ns(), whole.first_ns) << where;
    EXPECT_EQ(capture.last_kept_ns(), whole.last_ns) << where;
    if (testing::Test::HasFailure()) return sums;
    sums.portions += collected.keyed_portions;
    sums.filtered += account[Refusal::filtered], sums.duplicates += account[Refusal::duplicate];
  }
  return sums;
}

TEST(KeyedSink, EveryClockAndOptionEqualsTheDefinitions) {
  const Met sums = expect_definitions(41, [](std::int64_t interval_ns, const KeyedOptions& options, RowPortions& portions) {
    return KeyedSink(interval_ns, options, "a.pcap", portions);
  });
  EXPECT_GT(sums.portions, 3'000u);
  EXPECT_GT(sums.filtered, 3'000u);
  EXPECT_GT(sums.duplicates, 1'000u);
}

CounterPool cpu_pool(const KeyedOptions& options, BatchShape shape, std::size_t most = 2) {
  shape.dimensions = BatchCounts::shape_of(options).dimensions;
  shape.distinct = options.distinct;
  std::vector<std::shared_ptr<Backend>> devices;
  devices.push_back(make_cpu_backend(1));
  return {std::move(devices), shape, most};
}

TEST(KeyedPackSink, EveryClockAndOptionEqualsTheDefinitions) {
  for (const BatchShape& shape : {BatchShape{.packets = 7}, BatchShape{.packets = 64, .runs = 9, .rows = 3}}) {
    CounterPool pool = cpu_pool(every_key(), shape);
    const Met sums = expect_definitions(42, [&](std::int64_t interval_ns, const KeyedOptions& options, RowPortions& portions) {
      return KeyedPackSink(interval_ns, options, "a.pcap", portions, pool);
    });
    EXPECT_GT(sums.filtered, 3'000u);
    EXPECT_FALSE(pool.failure());
  }
}

/// Prefixes and MACs without a list, what was put into a packet as they are coded.
std::vector<KeyCount> held_keys_of(const MadePacket& p) {
  constexpr std::uint64_t number = KeyPlan::number_space << KeyPlan::space_shift, v6 = KeyPlan::ipv6_space << KeyPlan::space_shift;
  const auto prefix = [&](std::uint64_t index, std::uint32_t address) {
    if (p.v4) return CountedKey{static_cast<std::uint32_t>(index | number), address & 0xfffffffe};
    if (p.v6) return CountedKey{static_cast<std::uint32_t>(index | v6), 0};  // ::/64
    return CountedKey{static_cast<std::uint32_t>(index), KeyPlan::held_none};
  };
  std::vector<KeyCount> keys;
  for (const CountedKey& key : {prefix(0, p.source), prefix(1, p.destination),
                                CountedKey{static_cast<std::uint32_t>(2 | number), p.source_mac},
                                CountedKey{static_cast<std::uint32_t>(3 | number), p.destination_mac}})
    keys.push_back({key.dimension, key.code, 1, p.bytes.size()});
  return keys;
}

KeyedOptions keys_without_lists(std::size_t capacity) {
  KeyedOptions options;
  for (const auto kind : {KeyKind::prefix, KeyKind::dst_prefix, KeyKind::mac, KeyKind::dst_mac}) options.by.push_back({kind, {}});
  options.held = HeldKeys{.capacity = capacity, .lengths = {31, 64}};
  return options;
}

/// Of each interval and kind: nothing is counted twice or lost, and every key has its count within what may be missed.
void check_bounds(const KeyedRow& counted, const oracle::KeyedInterval& truth, std::size_t capacity, const std::string& where) {
  using Sums = std::pair<std::uint64_t, std::uint64_t>;
  std::map<std::pair<std::uint32_t, std::uint64_t>, Sums> held;
  std::array<Sums, 4> missed{}, sum{}, total{};
  for (const KeyCount& c : counted.counts) {
    const std::uint32_t index = KeyPlan::index_of(c.dimension);
    if (c.dimension == index && c.code == KeyPlan::held_missed) {
      missed[index] = {c.packets, c.bytes};
      continue;
    }
    sum[index].first += c.packets, sum[index].second += c.bytes;
    held[{c.dimension, c.code}] = {c.packets, c.bytes};
  }
  std::map<std::uint32_t, std::size_t> keys;
  for (const auto& [key, exact] : truth.counts) {
    const std::uint32_t index = KeyPlan::index_of(key.first);
    keys[index] += key.first != index;
    total[index].first += exact.first, total[index].second += exact.second;
    const auto found = held.find(key);
    const Sums there = found == held.end() ? Sums{} : found->second;
    ASSERT_LE(there.first, exact.first) << where;
    ASSERT_LE(there.second, exact.second) << where;
    ASSERT_GE(there.first + missed[index].first, exact.first) << where;
    ASSERT_GE(there.second + missed[index].second, exact.second) << where;
  }
  ASSERT_EQ(sum, total) << where;
  for (std::uint32_t i = 0; i < missed.size(); ++i) {
    ASSERT_LE(missed[i].second, total[i].second / capacity) << where;
    ASSERT_TRUE(keys[i] > capacity || missed[i] == Sums{}) << where << ": all fit";
    for (const auto& [key, exact] : truth.counts)
      ASSERT_TRUE(KeyPlan::index_of(key.first) != i || exact.second <= total[i].second / capacity || held.contains(key))
          << where << ": a heavy key is there";
  }
}

TEST(KeyedSink, KeysWithoutAListAreWithinTheirBounds) {
  constexpr std::uint64_t seed = 43;
  RandomStream random(seed, 0);
  std::size_t exact = 0, approximate = 0;
  for (int round = 0; round < 1'000; ++round) {
    const auto where = "seed " + std::to_string(seed) + " round " + std::to_string(round);
    const std::size_t capacity = 1 + random.below(12);
    const KeyedOptions options = keys_without_lists(capacity);
    EXPECT_TRUE(options.serial());
    Trace trace = random_trace(random, random.below(round % 10 ? 25 : 150), false, false, 0);
    std::size_t packet = 0;
    for (Event& event : trace.events)
      if (event.kind == Event::Kind::record) event.keys = held_keys_of(trace.packets[packet++]);
    const std::int64_t interval_ns = random.below(2) ? second : 86'400 * second;
    Collected collected(random.below(2) ? 3 : 1'000, random.below(2) ? 500 : 1 << 20);
    KeyedSink sink(interval_ns, options, "a.pcap", collected.portions);
    feed(sink, trace, 0, trace.events.size());
    PartialSeries capture = sink.finish();
    capture.close();
    collected.portions.hand_over(capture.take_keyed_rows());
    const oracle::WholeCapture whole = oracle::count_whole(trace.events, interval_ns);
    for (const auto& [k, interval] : whole.keyed) {
      check_bounds(collected.keyed[k], interval, capacity, where);
      if (HasFatalFailure()) return;
    }
    ++(collected.keyed == oracle::keyed_rows([&] {
      oracle::WholeCapture bare = whole;
      for (auto& [k, interval] : bare.keyed) interval.sources.clear(), interval.destinations.clear();
      return bare;
    }()) ? exact : approximate);
  }
  EXPECT_GT(exact, 100u);
  EXPECT_GT(approximate, 100u);
}

TEST(KeyedSink, KeysWithoutAListHaveNames) {
  const KeyPlan plan(keys_without_lists(1), "a.pcap");
  constexpr std::uint32_t number = KeyPlan::number_space << KeyPlan::space_shift, v6 = KeyPlan::ipv6_space << KeyPlan::space_shift;
  EXPECT_EQ(plan.name({0 | number, 0x0a010002}), "10.1.0.2/31");
  EXPECT_EQ(plan.name({1 | v6, 0x20010db800000001}), "2001:db8:0:1::/64");
  EXPECT_EQ(plan.name({3 | number, 0x020000000001}), "02:00:00:00:00:01");
  EXPECT_EQ(plan.name({2, KeyPlan::held_other}), "other");
  EXPECT_EQ(plan.name({2, KeyPlan::held_none}), "none");
  EXPECT_EQ(plan.kind({2, KeyPlan::held_none}), "mac");
  EXPECT_EQ(plan.kind({3 | number, KeyPlan::held_missed}), "dst-mac");
  EXPECT_EQ(plan.kind({1, KeyPlan::held_missed}), "dst-prefix-missed");
  EXPECT_EQ(plan.name({1, KeyPlan::held_missed}), "any");
}

TEST(KeyedSink, KeysHaveNames) {
  const KeyPlan plan(every_key(), "a.pcap");
  const std::vector<std::tuple<std::uint32_t, std::uint32_t, std::string>> table{
      {0, 6, "6"}, {0, 256, "none"}, {1, 443, "443"}, {2, 65535, "65535"}, {2, 65536, "none"}, {3, 0, "0"}, {3, 4095, "4095"},
      {3, 4096, "none"}, {4, 70000, "70000"}, {5, 0, "in"}, {5, 1, "out"}, {5, 2, "internal"}, {5, 3, "other"},
      {6, 0, "10.0.0.0/8"}, {7, 3, "::10.2.0.0/112"}, {6, 4, "other"}, {6, 5, "none"}, {8, 0, "02:00:00:00:00:01"},
      {9, 2, "other"}, {9, 3, "none"}};
  for (const auto& [dimension, code, name] : table) EXPECT_EQ(plan.name({dimension, code}), name);
  for (std::uint32_t i = 0; i < key_kind_names.size(); ++i) EXPECT_EQ(plan.kind({i, 0}), key_kind_names[i]);
}

TEST(KeyedSink, WaysToTellTheDirection) {
  const Bytes packet = eth(0x0800, ipv4(6, tcp(2)));  // 10.0.0.1 > 10.0.0.2, 04:04... > 02:02...
  const auto n = static_cast<std::uint32_t>(packet.size());
  const auto direction = [&](const DirectionRule& rule, const std::string& path, std::uint32_t interface = 0,
                             LinkType link = LinkType::ethernet) {
    KeyedOptions options;
    options.by = {{KeyKind::direction, {}}};
    options.direction = rule;
    const KeyPlan plan(options, path);
    const std::uint32_t skip = link == LinkType::ethernet ? 0 : 14;
    const PacketView view{0, n - skip, n - skip, packet.data() + skip, link, interface};
    const LocatedFacts located = decode_located(view);
    KeyPlan::Codes codes;
    plan.codes(codes, view, located, addresses_of(view, located));
    return plan.name(codes[0]);
  };
  const auto prefixes = [](const std::string& list) { return DirectionRule{.prefixes = key_list_from(list, "")->prefixes}; };
  const auto macs = [](const std::string& list) { return DirectionRule{.macs = key_list_from(list, "")->macs}; };
  EXPECT_EQ(direction(prefixes("10.0.0.1"), ""), "out");
  EXPECT_EQ(direction(prefixes("10.0.0.2"), ""), "in");
  EXPECT_EQ(direction(prefixes("10.0.0.0/8"), ""), "internal");
  EXPECT_EQ(direction(prefixes("11.0.0.0/8"), ""), "other");
  EXPECT_EQ(direction(macs("04:04:04:04:04:04"), ""), "out");
  EXPECT_EQ(direction(macs("02:02:02:02:02:02"), ""), "in");
  EXPECT_EQ(direction(macs("02:02:02:02:02:02,04:04:04:04:04:04"), ""), "internal");
  EXPECT_EQ(direction(macs("06:04:04:04:04:04"), ""), "other");
  EXPECT_EQ(direction(macs("02:02:02:02:02:02"), "", 0, LinkType::raw_ip), "other");
  EXPECT_EQ(direction({.interfaces = {1, 3}}, "", 3), "out");
  EXPECT_EQ(direction({.interfaces = {1, 3}}, "", 2), "in");
  const DirectionRule names{.in_name = "dirA", .out_name = "dirB"};
  EXPECT_EQ(direction(names, "/x/link.dirA.pcap"), "in");
  EXPECT_EQ(direction(names, "/x/link.dirB.pcap"), "out");
  EXPECT_EQ(direction(names, "/dirA/link.pcap"), "other") << "folders do not count";
  EXPECT_EQ(direction(names, "dirAdirB.pcap"), "other");
}

TEST(KeyedSink, MistakesAreSeenBeforeAnythingIsRead) {
  const auto error_of = [](const KeyedOptions& options) {
    const Status status = check_keyed_options(options);
    return status ? std::string() : status.error().message();
  };
  KeyedOptions options;
  EXPECT_EQ(error_of(options), "");
  options.by = {{KeyKind::prefix, {}}};
  EXPECT_NE(error_of(options).find("--keys FILE"), std::string::npos);
  options.held = HeldKeys{};
  EXPECT_EQ(error_of(options), "");
  options.held->lengths.ipv6 = 65;
  EXPECT_NE(error_of(options).find("at most 64"), std::string::npos);
  options.held.reset();
  options.choose = KeyChoice{};
  EXPECT_EQ(error_of(options), "");
  options.by = {{KeyKind::dport, {}}, {KeyKind::dport, {}}};
  EXPECT_NE(error_of(options).find("twice"), std::string::npos);
  options.by = {{KeyKind::direction, {}}};
  EXPECT_NE(error_of(options).find("nothing says"), std::string::npos);
  options.direction.interfaces = {1};
  EXPECT_EQ(error_of(options), "");
  options.direction.in_name = "dirA";
  EXPECT_NE(error_of(options).find("several ways"), std::string::npos);
  options = {};
  options.direction.in_name = "dirA";
  EXPECT_NE(error_of(options).find("no keys by direction"), std::string::npos);
  options = {};
  options.filter = "tcp prot";
  EXPECT_NE(error_of(options).find("--filter"), std::string::npos);
  options = {};
  options.dedup = 1025;
  EXPECT_NE(error_of(options).find("too long"), std::string::npos);
  EXPECT_FALSE(key_kind_by_name("ports"));
  EXPECT_FALSE(OnlyFilter().add("tcp6"));
  EXPECT_TRUE(KeyedOptions{.dedup = 1}.serial());
  EXPECT_FALSE(every_key().serial());
}

/// Counts a file by every key that needs no list; also by listed ones, where most packets are `other`.
struct Counted {
  IntervalRows rows;
  KeyedRows keyed;
  RecordAccount account;
};
Counted count(const fs::path& path, const KeyedOptions& options, CounterPool* counters = nullptr) {
  Counted counted;
  CountOptions counting;
  counting.keyed = options;
  counting.counters = counters;
  counting.flush_keyed_bytes = 4'000;
  counting.keyed_rows = [&](const KeyedRows& rows, const KeyPlan&) { return add_rows(counted.keyed, KeyedRows(rows)), Status{}; };
  const auto result = count_capture(path.string(), counting, [&](const RowPortion& rows) {
    return add_rows(counted.rows, IntervalRows(rows)), Status{};
  });
  if (result) counted.account = result->account;
  return counted;
}

TEST(KeyedSink, KeysOfRealCapturesAddUpToTheColumns) {
  TG_NEEDS_SHARED_DATA();
  int files = 0, keyed_intervals = 0;
  for (const char* folder : {"pcaps", "edge"}) {
    for (auto want : read_csv(shared_data() / folder / "manifest.csv")) {
      const fs::path path = shared_data() / folder / want["file"];
      const Counted plain = count(path, {}), keyed = count(path, every_key());
      ASSERT_EQ(keyed.rows, plain.rows) << path << ": keys change no counter";
      ASSERT_EQ(keyed.account, plain.account) << path;
      for (const auto& [k, row] : keyed.keyed) {
        std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> sums;
        for (const KeyCount& c : row.counts) sums[c.dimension].first += c.packets, sums[c.dimension].second += c.bytes;
        ASSERT_EQ(sums.size(), key_kind_names.size()) << path;
        for (const auto& [dimension, sum] : sums) {
          ASSERT_EQ(sum.first, keyed.rows.at(k)[Column::packets]) << path << " by " << key_kind_names[dimension];
          ASSERT_EQ(sum.second, keyed.rows.at(k)[Column::bytes]) << path << " by " << key_kind_names[dimension];
        }
        ++keyed_intervals;
      }
      for (const auto& [k, row] : keyed.rows)
        ASSERT_TRUE(row[Column::packets] == 0 || keyed.keyed.contains(k)) << path << " " << k;
      ++files;
    }
  }
  EXPECT_GE(files, 90);
  EXPECT_GE(keyed_intervals, 3'000);
}

TEST(KeyedPackSink, RealCapturesCountTheSameInBatches) {
  TG_NEEDS_SHARED_DATA();
  KeyedOptions filtered = every_key();
  filtered.filter = "udp or icmp";
  for (const KeyedOptions& options : {KeyedOptions{}, every_key(), filtered}) {
    CounterPool pool = cpu_pool(options, {.packets = 1'000, .runs = 60, .rows = 40});
    int files = 0;
    for (const char* folder : {"pcaps", "edge"})
      for (auto want : read_csv(shared_data() / folder / "manifest.csv")) {
        const fs::path path = shared_data() / folder / want["file"];
        Counted on_core = count(path, options), in_batches = count(path, options, &pool);
        for (Counted* counted : {&on_core, &in_batches})  // a row of an interval without a packet is as good as none
          std::erase_if(counted->rows, [](const auto& item) { return item.second == IntervalRow{}; });
        ASSERT_EQ(in_batches.rows, on_core.rows) << path;
        ASSERT_TRUE(in_batches.keyed == on_core.keyed) << path;
        ASSERT_EQ(in_batches.account, on_core.account) << path;
        ++files;
      }
    EXPECT_GE(files, 90);
  }
}

/// Every third a segment of 70,000 bytes that offload left whole.
TEST(KeyedPackSink, PacketsTooLongForABatchCountTheSame) {
  const KeyedOptions options = every_key();
  CounterPool pool = cpu_pool(options, {});
  Collected on_core(1'000, 1 << 20), in_batches(1'000, 1 << 20);
  KeyedSink core(second, options, "a.pcap", on_core.portions);
  KeyedPackSink packed(second, options, "a.pcap", in_batches.portions, pool);
  RandomStream random(43, 0);
  for (std::int64_t i = 0; i < 200; ++i) {
    const MadePacket made = make_packet(random);
    const auto n = static_cast<std::uint32_t>(made.bytes.size());
    const PacketView view{i * second / 20, i % 3 == 0 ? 70'000 : n, n, made.bytes.data(), LinkType::ethernet, made.interface};
    core.packet(view);
    packed.packet(view);
  }
  const auto rows_of = [](auto& sink) {
    PartialSeries capture = sink.finish();
    capture.close();
    return std::pair(capture.take_rows(), capture.take_keyed_rows());
  };
  const auto wanted = rows_of(core), got = rows_of(packed);
  EXPECT_EQ(got.first, wanted.first);
  EXPECT_TRUE(got.second == wanted.second);
  EXPECT_GT(wanted.first.begin()->second[Column::bytes], 70'000u);
}

TEST(KeyedSink, OnlyCountsTheColumnItIsNamedAfter) {
  TG_NEEDS_SHARED_DATA();
  const std::map<std::string, Column> columns{{"tcp", Column::tcp_packets}, {"udp", Column::udp_packets},
                                              {"icmp", Column::icmp_packets}, {"other", Column::other_packets},
                                              {"ipv4", Column::ipv4_packets}, {"ipv6", Column::ipv6_packets}};
  for (auto want : read_csv(shared_data() / "pcaps" / "manifest.csv")) {
    const fs::path path = shared_data() / "pcaps" / want["file"];
    IntervalRow all;
    for (const auto& [k, row] : count(path, {}).rows) all += row;
    for (const auto& [name, column] : columns) {
      KeyedOptions options;
      ASSERT_TRUE(options.only.add(name));
      const Counted only = count(path, options);
      EXPECT_EQ(only.account.counted, all[column]) << path << " " << name;
      EXPECT_EQ(only.account[Refusal::filtered], all[Column::packets] - all[column]) << path << " " << name;
    }
  }
}

}  // namespace
}  // namespace tidegauge
