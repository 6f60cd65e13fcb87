#include "host/counting_settings.hpp"

#include "tests/support.hpp"

namespace tidegauge {
namespace {

std::string json_of(const CountingSettings& settings) {
  const auto options = resolve_counting(settings);
  return options ? counting_json(*options) : "error: " + options.error().message();
}

TEST(CountingSettings, JsonSaysWhatChangesTheNumbers) {
  const std::vector<std::pair<CountingSettings, std::string>> table{
      {{}, "{}"},
      {{.outer = true}, R"({"outer":true})"},
      {{.filter = "tcp port 80"}, R"({"filter":"tcp port 80"})"},
      {{.only = {"ipv6", "tcp"}}, R"({"only":["tcp","ipv6"]})"},
      {{.by = {"vlan", "dport"}}, R"({"by":["dport","vlan"]})"},
      {{.distinct = true, .dedup = 5}, R"({"dedup":5,"distinct":true})"},
      {{.by = {"mac", "prefix"}},
       R"({"approximate":{"mac":"4096 held","prefix":"4096 held, /16 and /32"},"by":["mac","prefix"]})"},
      {{.by = {"dst-prefix"}, .prefix_length = "24", .key_capacity = 9},
       R"({"approximate":{"dst-prefix":"9 held, /24 and /32"},"by":["dst-prefix"]})"},
      {{.by = {"direction"}, .inside_prefix = "10.2.0.0/16,10.1.0.0/16"},
       R"({"by":["direction"],"direction":{"inside_prefix":"10.1.0.0/16,10.2.0.0/16"}})"},
      {{.by = {"direction"}, .inside_interface = {"3", "1"}}, R"({"by":["direction"],"direction":{"inside_interface":[1,3]}})"},
      {{.by = {"direction"}, .in_name = "dirA", .out_name = "dirB"},
       R"({"by":["direction"],"direction":{"in_name":"dirA","out_name":"dirB"}})"},
  };
  for (const auto& [settings, json] : table) EXPECT_EQ(json_of(settings), json);
}

TEST(CountingSettings, WhatChoosesPacketsIsReadBack) {
  const std::vector<CountingSettings> table{
      {}, {.outer = true}, {.filter = "tcp port 80 and not vlan"}, {.only = {"tcp", "ipv6"}}, {.dedup = 1'024},
      {.outer = true, .distinct = true, .filter = "ip", .only = {"udp"}, .by = {"dport", "direction"}, .dedup = 3, .in_name = "A"}};
  for (const CountingSettings& settings : table) {
    const auto counted = resolve_counting(settings);
    ASSERT_TRUE(counted) << counted.error().message();
    const auto chosen = chosen_packets(counting_json(*counted));
    ASSERT_TRUE(chosen) << chosen.error().message();
    EXPECT_EQ(chosen->outer, counted->outer);
    EXPECT_EQ(chosen->filter, counted->filter);
    EXPECT_EQ(chosen->only.names(), counted->only.names());
    EXPECT_EQ(chosen->dedup, counted->dedup);
    EXPECT_FALSE(chosen->distinct || !chosen->by.empty());
  }
  for (const char* const text : {"", "[]", "no json", R"({"dedup":-1})", R"({"dedup":"4"})", R"({"dedup":1025})", R"({"only":"tcp"})",
                                 R"({"only":["sctp"]})", R"({"filter":3})", R"({"filter":"tcp prot"})", R"({"outer":1})",
                                 R"({"sampled":true})"})
    EXPECT_FALSE(chosen_packets(text)) << text;
}

TEST(CountingSettings, KeyListsAreNamedByWhatIsInThem) {
  const test::ScratchFolder scratch;
  test::write_text(scratch / "a", "10.0.0.0/8\n11.0.0.0/8 # two\n02:00:00:00:00:01\n");
  test::write_text(scratch / "b", "02:00:00:00:00:01\n11.0.0.0/8\n10.0.0.0/8\n");
  const auto with = [&](const char* list) { return json_of({.by = {"prefix", "mac"}, .keys = scratch / list}); };
  EXPECT_EQ(with("a"), R"({"by":["mac","prefix"],"keys":{"mac":"02:00:00:00:00:01","prefix":"10.0.0.0/8,11.0.0.0/8"}})");
  EXPECT_EQ(with("b"), with("a"));
  std::string many;
  for (int i = 0; i < 20; ++i) many += "10." + std::to_string(i) + ".0.0/16\n";
  test::write_text(scratch / "long", many);
  const auto of_long = [&] { return json_of({.by = {"dst-prefix"}, .keys = scratch / "long"}); };
  const std::string before = of_long();
  EXPECT_NE(before.find("20 keys, hash "), std::string::npos) << before;
  test::write_text(scratch / "long", "10.99.0.0/16\n" + many.substr(many.find('\n') + 1));
  EXPECT_NE(of_long(), before);
}

TEST(CountingSettings, MistakesSayWhatToTry) {
  const std::vector<std::pair<CountingSettings, std::string>> table{
      {{.filter = "tcp prot"}, "syntax error"},
      {{.only = {"tcp6"}}, "ipv6"},
      {{.by = {"port"}}, "sport, dport"},
      {{.by = {"prefix"}, .prefix_length = "24,65"}, "at most 64"},
      {{.by = {"prefix"}, .keys = "auto", .key_capacity = 5}, "--key-capacity"},
      {{.by = {"dport"}, .key_capacity = 5}, "--key-capacity"},
      {{.by = {"dport"}, .keys = "auto"}, "--by prefix"},
      {{.by = {"prefix"}, .keys = "auto:0"}, "whole number"},
      {{.by = {"prefix"}, .keys = "auto:"}, "whole number"},
      {{.by = {"prefix"}, .keys = "/no/such/list"}, "cannot read"},
      {{.by = {"prefix"}, .keys = "auto", .prefix_length = "33"}, "from 0 to 32"},
      {{.by = {"dport"}, .prefix_length = "16"}, "no list"},
      {{.by = {"direction"}, .inside_mac = "10.0.0.0/8"}, "MAC"},
      {{.by = {"direction"}, .inside_interface = {"x"}}, "whole number"},
      {{.in_name = "dirA"}, "--by direction"},
  };
  for (const auto& [settings, words] : table) {
    const auto options = resolve_counting(settings);
    ASSERT_FALSE(options) << words;
    EXPECT_NE(options.error().message().find(words), std::string::npos) << options.error().message();
    EXPECT_EQ(options.error().kind, ErrorKind::usage) << options.error().message();
  }
}

TEST(CountingSettings, KeysWithoutAListDoNotChangeWhichPacketsWereChosen) {
  const auto chosen = chosen_packets(json_of({.filter = "tcp", .by = {"prefix", "mac"}}));
  ASSERT_TRUE(chosen) << chosen.error().message();
  EXPECT_EQ(chosen->filter, "tcp");
}

TEST(CountingSettings, AutomaticListsAreKept) {
  auto options = resolve_counting({.by = {"prefix", "dport", "dst-mac"}, .keys = "auto:7", .prefix_length = "24,48"});
  ASSERT_TRUE(options);
  ASSERT_TRUE(options->choose);
  EXPECT_EQ(options->choose->most, 7u);
  EXPECT_EQ(options->choose->lengths.ipv4, 24);
  EXPECT_EQ(options->choose->lengths.ipv6, 48);
  KeyedOptions chosen = *options;
  chosen.choose.reset();
  chosen.by[0].keys.prefixes = {*parse_prefix("10.0.0.0/24"), *parse_prefix("2001:db8::/48")};
  chosen.by[2].keys.macs = {7};
  const auto again = with_key_lists(*options, key_lists_json(chosen));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->choose);
  EXPECT_EQ(again->by[0].keys, chosen.by[0].keys);
  EXPECT_EQ(again->by[2].keys, chosen.by[2].keys);
  EXPECT_FALSE(with_key_lists(*options, R"({"prefix":[]})")) << "no list for dst-mac";
  EXPECT_FALSE(with_key_lists(*options, "no json"));
}

}  // namespace
}  // namespace tidegauge
