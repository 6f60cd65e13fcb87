#include "host/synth_files.hpp"

#include "tests/support.hpp"

namespace tidegauge {
namespace {

using test::ScratchFolder;

constexpr std::int64_t second = 1'000'000'000;

TEST(SynthFiles, ReadsBothKinds) {
  ScratchFolder scratch;
  const std::string path = (scratch / "rates.csv").string();
  test::write_text(path, "time,packets\n2024-01-15T14:00:00Z,10\r\n1705327260,20\n");
  auto rows = read_rate_file(path);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].length_ns, 60 * second);
  EXPECT_EQ((*rows)[1].length_ns, 60 * second);
  EXPECT_EQ((*rows)[1].packets, 20);

  test::write_text(path, "time,packets_per_second\n0,10\n2.5,20\n");
  rows = read_rate_file(path);
  ASSERT_TRUE(rows);
  EXPECT_EQ((*rows)[0].packets, 25);
}

TEST(SynthFiles, BadFilesAreRefusedWithTheLine) {
  ScratchFolder scratch;
  const std::string path = (scratch / "rates.csv").string();
  const std::pair<const char*, const char*> table[] = {
      {"", ":1"},
      {"time,packets\n", ":1"},
      {"a,b\n0,1\n", ":1"},
      {"time,packets\n0\n", ":2"},
      {"time,packets\nnever,1\n", ":2"},
      {"time,packets\n0,-1\n", ":2"},
      {"time,packets\n-1,1\n", ":2"},
      {"time,packets\n9000000000,1\n", ":2"},
      {"time,packets\n0,nan\n", ":2"},
      {"time,packets\n0,1\n0,1\n", ":3"},
  };
  for (const auto& [text, line] : table) {
    test::write_text(path, text);
    const auto rows = read_rate_file(path);
    ASSERT_FALSE(rows) << text;
    EXPECT_TRUE(rows.error().where.ends_with(line)) << rows.error().message();
  }
  EXPECT_FALSE(read_rate_file((scratch / "none.csv").string()));
}

TEST(SynthFiles, TruthIsSecondsWithDecimalsFirst) {
  const std::int64_t start = 1'705'327'200 * second;
  const PlantedSurge surges[] = {{start + 2 * second, second / 2, 0.25, SurgeKind::dip},
                                 {start + 90 * second, 10 * second, 3.5, SurgeKind::syn_flood}};
  EXPECT_EQ(
      truth_csv(surges),
      "start,end,factor,kind,start_time,end_time\n"
      "1705327202.000000000,1705327202.500000000,0.25,dip,2024-01-15T14:00:02.000Z,2024-01-15T14:00:02.500Z\n"
      "1705327290.000000000,1705327300.000000000,3.5,syn-flood,2024-01-15T14:01:30.000Z,2024-01-15T14:01:40."
      "000Z\n");
}

}  // namespace
}  // namespace tidegauge
