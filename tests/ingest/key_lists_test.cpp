#include "ingest/sinks/key_lists.hpp"

#include "tests/support.hpp"

namespace tidegauge {
namespace {

TEST(KeyLists, PrefixesReadBack) {
  for (const std::string text : {"0.0.0.0/0", "10.0.0.0/8", "192.168.1.1/32", "128.0.0.0/1", "2001:db8::/32", "::/0",
                                 "2001:db8::1/128", "8000::/1", "ffff:ffff:ffff:ffff::/64"}) {
    const auto prefix = parse_prefix(text);
    ASSERT_TRUE(prefix) << text;
    EXPECT_EQ(prefix->text(), text);
  }
  EXPECT_EQ(parse_prefix("10.1.2.3")->text(), "10.1.2.3/32");
  EXPECT_EQ(parse_prefix("::1")->text(), "::1/128");
  for (const std::string text : {"", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "::/129", "x",
                                 "10.0.0.1/8", "2001:db8::1/64", "1.2.3.4.5/8", "00:11:22:33:44"})
    EXPECT_FALSE(parse_prefix(text)) << text;
  EXPECT_EQ(parse_prefix("10.0.0.1/8").error().remedy, "10.0.0.0/8");
}

TEST(KeyLists, MacsReadBack) {
  EXPECT_EQ(parse_mac("00:11:22:aa:BB:ff").value(), 0x001122aabbffu);
  EXPECT_EQ(parse_mac("00-11-22-aa-bb-ff").value(), 0x001122aabbffu);
  EXPECT_EQ(mac_text(0x001122aabbff), "00:11:22:aa:bb:ff");
  for (const std::string text : {"", "00:11:22:33:44", "00:11:22:33:44:gg", "00:11:22:33:44:55:66", "001122334455",
                                 "00:11-22:33:44:55", "00:11:22:33:44:555"})
    EXPECT_FALSE(parse_mac(text)) << text;
}

TEST(KeyLists, AListIsOrderedAndSaysWhereItIsWrong) {
  const auto list = parse_key_list("# ours\n 10.2.0.0/16 # campus\r\n\n10.1.0.0/16\n2001:db8::/32\n10.1.0.0/16\n"
                                   "02:00:00:00:00:01\n01:00:00:00:00:02", "list");
  ASSERT_TRUE(list) << list.error().message();
  ASSERT_EQ(list->prefixes.size(), 3u);
  EXPECT_EQ(list->prefixes[0].text(), "10.1.0.0/16");
  EXPECT_EQ(list->prefixes[2].text(), "2001:db8::/32");
  EXPECT_EQ(list->macs, (std::vector<Mac>{0x010000000002, 0x020000000001}));
  const auto wrong = parse_key_list("10.0.0.0/8\nten\n", "list");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().where, "list:2");
  EXPECT_FALSE(parse_key_list("# nothing\n", "list"));
  EXPECT_FALSE(read_key_list("/there/is/no/list"));
  EXPECT_EQ(key_list_from("10.0.0.0/8,11.0.0.0/8", "--x")->prefixes.size(), 2u);
}

/// The longest of all prefixes that hold the address, by looking at every one.
std::uint32_t naive_find(const std::vector<Prefix>& prefixes, bool v6, uint128 address) {
  std::uint32_t best = PrefixTable::none;
  for (std::uint32_t i = 0; i < prefixes.size(); ++i) {
    if (prefixes[i].v6 != v6 || prefix_of(v6, address, prefixes[i].length) != prefixes[i]) continue;
    if (best == PrefixTable::none || prefixes[best].length < prefixes[i].length) best = i;
  }
  return best;
}

TEST(KeyLists, LongestMatchEqualsLookingAtEveryPrefix) {
  RandomStream random(5, 0);
  for (int round = 0; round < 400; ++round) {
    // Few distinct leading bits, so that prefixes nest; the ends of the address space are among them.
    const auto address = [&](bool v6) {
      uint128 value = 0;
      for (int i = 0; i < (v6 ? 16 : 4); ++i) value = value << 8 | (random.below(2) ? 0xff : random.below(2) * 0x80);
      return value;
    };
    std::vector<Prefix> prefixes;
    for (std::uint64_t n = random.below(30); n > 0; --n) {
      const bool v6 = random.below(3) == 0;
      prefixes.push_back(prefix_of(v6, address(v6), static_cast<int>(random.below(v6 ? 129 : 33))));
    }
    std::sort(prefixes.begin(), prefixes.end());
    prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
    const PrefixTable table(prefixes);
    for (int i = 0; i < 100; ++i) {
      const bool v6 = random.below(2);
      const uint128 wanted = address(v6) ^ random.below(3);
      ASSERT_EQ(table.find(v6, wanted), naive_find(prefixes, v6, wanted)) << "round " << round;
    }
    for (const Prefix& p : prefixes) {  // the edges of each
      const uint128 last = p.address + (p.length == 0 && p.v6 ? ~uint128{0} : (uint128{1} << (p.bits() - p.length)) - 1);
      for (const uint128 edge : {p.address, last, p.address - 1, last + 1}) {
        const uint128 inside = p.v6 ? edge : edge & 0xffffffff;
        ASSERT_EQ(table.find(p.v6, inside), naive_find(prefixes, p.v6, inside)) << p.text();
      }
    }
  }
}

}  // namespace
}  // namespace tidegauge
