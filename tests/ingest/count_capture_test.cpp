// Whole files counted: real captures against tshark's independent counts.
#include "ingest/sinks/count_capture.hpp"

#include <string>

#include "tests/ingest/csv.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace test;

struct Counted {
  std::string error;
  CountedCapture capture;
  IntervalRows rows;
  std::size_t portions = 0;
  IntervalRow total;
};

Counted count(const fs::path& path, const CountOptions& options = {}) {
  Counted counted;
  auto result = count_capture(path.string(), options, [&](const RowPortion& portion) -> Status {
    add_rows(counted.rows, IntervalRows(portion));
    counted.portions += 1;
    return {};
  });
  if (result)
    counted.capture = *result;
  else
    counted.error = result.error().message();
  for (const auto& [k, row] : counted.rows) counted.total += row;
  return counted;
}

std::string text(std::uint64_t value) { return std::to_string(value); }

std::string derived_name(const std::string& capture) {
  return capture.substr(0, capture.find(".pcap")) + ".epoch_1s.csv";
}

void expect_derived_rows(const Counted& counted, const std::string& file) {
  const auto expected = read_csv(shared_data() / "series" / "derived" / derived_name(file));
  ASSERT_FALSE(expected.empty()) << file;
  ASSERT_EQ(counted.rows.size(), expected.size()) << file;
  auto row = counted.rows.begin();
  for (const auto& want : expected) {
    ASSERT_EQ(std::to_string(row->first), want.at("epoch_s")) << file;
    for (const Column column : {Column::packets, Column::bytes, Column::tcp_packets, Column::tcp_bytes}) {
      const std::string name(column_names[static_cast<std::size_t>(column)]);
      ASSERT_EQ(text(row->second[column]), want.at(name)) << file << ", " << name << " of " << row->first;
    }
    ++row;
  }
}

TEST(CountCapture, RealCapturesCountAsTsharkDoes) {
  TG_NEEDS_SHARED_DATA();
  int files = 0;
  for (auto want : read_csv(shared_data() / "pcaps" / "manifest.csv")) {
    const std::string file = want["file"];
    const Counted counted = count(shared_data() / "pcaps" / file);
    ASSERT_EQ(counted.error, "") << file;
    EXPECT_TRUE(counted.capture.account.adds_up()) << file;
    EXPECT_EQ(text(counted.capture.account.counted), want["tshark_packets"]) << file;
    EXPECT_EQ(text(counted.total[Column::packets]), want["tshark_packets"]) << file;
    EXPECT_EQ(text(counted.total[Column::tcp_packets]), want["tshark_tcp_packets"]) << file;
    EXPECT_EQ(text(counted.total[Column::tcp_bytes]), want["tshark_tcp_bytes"]) << file;
    EXPECT_EQ(text(counted.total[Column::backward]), want["backward_steps"]) << file;
    EXPECT_EQ(text(counted.capture.account.captured_bytes), want["captured_bytes"]) << file;
    expect_derived_rows(counted, file);
    if (HasFatalFailure()) return;
    ++files;
  }
  EXPECT_GE(files, 20);
}

TEST(CountCapture, TheScadaTraceOfThePaper) {
  TG_NEEDS_SHARED_DATA();
  const Counted counted = count(shared_data() / "pcaps" / "channel_5d_3s.pcap");
  EXPECT_EQ(counted.total[Column::tcp_packets], 143'809u);
  EXPECT_EQ(counted.total[Column::tcp_bytes], 8'559'985u);
  EXPECT_EQ(counted.rows.size(), 1'477u);
  EXPECT_EQ(counted.rows.rbegin()->first - counted.rows.begin()->first + 1, 1'522);
  EXPECT_EQ(interval_of(*counted.capture.first_ns, 1'000'000'000), counted.rows.begin()->first);
  EXPECT_EQ(interval_of(*counted.capture.last_ns, 1'000'000'000), counted.rows.rbegin()->first);
}

TEST(CountCapture, PortionsAndIntervalsAddUp) {
  TG_NEEDS_SHARED_DATA();
  const fs::path path = shared_data() / "pcaps" / "cwd-navigation.pcap";
  const Counted whole = count(path);
  const Counted portions = count(path, {.flush_rows = 10});
  EXPECT_EQ(portions.rows, whole.rows);
  EXPECT_GT(portions.portions, 50u);
  for (const std::int64_t interval_ns :
       {std::int64_t{1'000'000}, std::int64_t{60'000'000'000}, std::int64_t{86'400'000'000'000}}) {
    const Counted other = count(path, {.interval_ns = interval_ns});
    for (const Column column :
         {Column::packets, Column::bytes, Column::tcp_packets, Column::ip_bytes, Column::syn})
      EXPECT_EQ(other.total[column], whole.total[column]) << interval_ns;
  }
}

TEST(CountCapture, ATruncatedFileKeepsWhatCameBefore) {
  TG_NEEDS_SHARED_DATA();
  const std::string bytes = read_text(shared_data() / "pcaps" / "vlan.pcap");
  const ScratchFolder scratch;
  write_text(scratch / "cut.pcap", bytes.substr(0, bytes.size() - 20));
  const Counted counted = count(scratch / "cut.pcap");
  EXPECT_EQ(counted.capture.account.counted, 394u);
  EXPECT_EQ(counted.capture.account[Refusal::truncated], 1u);
  EXPECT_EQ(counted.total[Column::damaged], 1u);
  EXPECT_NE(counted.capture.damage, "");
  EXPECT_NE(count(scratch / "cut.pcap", {.strict = true}).error, "");
}

TEST(CountCapture, ErrorsAreValues) {
  const ScratchFolder scratch;
  EXPECT_NE(count(scratch / "none.pcap").error.find("none.pcap"), std::string::npos);
  for (const std::int64_t interval_ns :
       {std::int64_t{0}, std::int64_t{-5}, std::int64_t{999'999}, std::int64_t{86'400'000'000'001}})
    EXPECT_NE(count(scratch / "none.pcap", {.interval_ns = interval_ns}).error.find("out of range"),
              std::string::npos);
  // A capture of one packet whose row nobody takes.
  std::string one("\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0", 24);
  one += std::string("\1\0\0\0\0\0\0\0\16\0\0\0\16\0\0\0", 16) + std::string(14, '\0');
  write_text(scratch / "one.pcap", one);
  EXPECT_EQ(count(scratch / "one.pcap").total[Column::other_packets], 1u);
  const auto full = count_capture((scratch / "one.pcap").string(), {}, [](const RowPortion&) -> Status {
    return Error{"the disk is full", "there", ""};
  });
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().what, "the disk is full");
}

}  // namespace
}  // namespace tidegauge
