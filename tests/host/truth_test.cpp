#include "host/truth.hpp"

#include "host/label_score.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t second = 1'000'000'000;

Expected<std::vector<IntervalRange>> read(const std::string& text, std::int64_t interval_ns = 10 * second) {
  test::ScratchFolder scratch;
  test::write_text(scratch / "t.csv", text);
  return read_truth(scratch / "t.csv", interval_ns);
}

TEST(Truth, ReadsIntervalsAndTimes) {
  using Ranges = std::vector<IntervalRange>;
  struct Row { const char* text; Ranges ranges; };
  const Row rows[] = {
      {"start,end\n3,5\n7,7\n", {{3, 5}, {7, 7}}},
      {"# note\r\nstart_k,end_k,why\r\n-3,5,x\r\n\r\n", {{-3, 5}}},
      {"start,end\n1970-01-01T00:00:10,1970-01-01T00:00:30\n", {{1, 2}}},        // the end is not included
      {"start,end\n1970-01-01T00:00:10,1970-01-01T00:00:30.001\n", {{1, 3}}},
      {"start,end\n10.5,30.000000000\n", {{1, 2}}},
      {"start,end\n25.0,25.0\n", {{2, 2}}},                                       // a moment
      {"start,end\n@10,@30\n", {{1, 2}}},
      {"start,end,factor,start_time,end_time\n1,2,3,1970-01-01T00:01:00Z,1970-01-01T00:02:00Z\n", {{6, 11}}},
      {"why,end_time,start_time\nx,30,10\n", {{1, 2}}},                           // here whole numbers are seconds
      {"start,end\n", {}},
  };
  for (const Row& row : rows) {
    const auto ranges = read(row.text);
    ASSERT_TRUE(ranges) << row.text << ranges.error().message();
    EXPECT_EQ(*ranges, row.ranges) << row.text;
  }
}

TEST(Truth, NamesTheLineOfAMistake) {
  struct Row { const char *text, *line; };
  for (const Row& row : {Row{"from,to\n1,2\n", ":1"}, Row{"start,end\n1,2\n5,x\n", ":3"}, Row{"start,end\n5,2\n", ":2"},
                         Row{"start,end\n5\n", ":2"}, Row{"start,end\n30.5,10.5\n", ":2"}, Row{"start_k,end_k\n1.5,2\n", ":2"},
                         Row{"start,end\n\"1,2\n", ":2"}, Row{"start,end\n1,2\n1,9000000000000000000\n", ":3"},
                         Row{"start,end\n-9000000000000000000,2\n", ":2"}, Row{"", "t.csv"}}) {
    const auto ranges = read(row.text);
    ASSERT_FALSE(ranges) << row.text;
    EXPECT_TRUE(ranges.error().where.ends_with(row.line)) << row.text << ranges.error().message();
  }
  EXPECT_FALSE(read_truth("/no/such/file", second));
}

TEST(Truth, ReadsTheWindowsOfABenchmark) {
  const std::string two = R"({"a.csv": [["1970-01-01 00:00:10.000000", "1970-01-01 00:00:30.000000"]], "b.csv": []})";
  test::ScratchFolder scratch;
  test::write_text(scratch / "w.json", two);
  const auto read_of = [&](const std::string& name) { return read_truth(scratch / "w.json", 10 * second, name); };
  EXPECT_EQ(*read_of("a.csv"), (std::vector<IntervalRange>{{1, 3}}));  // the row at the end belongs to it
  EXPECT_TRUE(read_of("b.csv")->empty());
  EXPECT_NE(read_of("").error().remedy.find("a.csv, b.csv"), std::string::npos);
  EXPECT_EQ(read_of("c.csv").error().kind, ErrorKind::usage);
  for (const char* text : {"{", "{}", R"({"a": 1})", R"({"a": [1]})", R"({"a": [["x", "y"]]})", R"({"a": [["1970-01-02", "1970-01-01"]]})"}) {
    test::write_text(scratch / "w.json", text);
    EXPECT_FALSE(read_of("")) << text;
  }
  test::write_text(scratch / "t.csv", "start,end\n1,2\n");
  EXPECT_EQ(read_truth(scratch / "t.csv", second, "a.csv").error().kind, ErrorKind::usage);
}

TEST(LabelScore, CountsOnlyTheStretchThatTheLabelsCouldSpeakOf) {
  Labels labels;
  labels.source = "lstm";
  labels.ranges = {{10, 12, 11, Direction::rising, 2, 1}, {30, 34, 31, Direction::rising, 2, 2}, {90, 91, 90, Direction::rising, 2, 1}};
  labels.detections = {11, 31, 32, 90};
  const std::vector<IntervalRange> truth = {{0, 3}, {9, 11}, {30, 40}};
  const LabelScore all = score_labels(truth, labels, {});
  EXPECT_EQ(all.one_to_one.true_positives, 2u);
  EXPECT_EQ(all.one_to_one.false_positives, 1u);
  EXPECT_EQ(all.one_to_one.false_negatives, 1u);
  EXPECT_FALSE(all.pairs);
  const LabelScore part = score_labels(truth, labels, {IntervalRange{5, 50}, true});
  EXPECT_EQ(part.one_to_one.false_positives, 0u);
  EXPECT_EQ(part.one_to_one.f1, 1);
  EXPECT_EQ(part.truth_outside, 1u);
  EXPECT_EQ(part.detected_outside, 1u);
  EXPECT_EQ(part.pairs->true_positives, 2u);  // 11 lies on the end of its range, and strictly inside is asked for
  EXPECT_EQ(part.pairs->false_negatives, 1u);
  EXPECT_NE(score_table({part}).find("1 true ranges, 1 detections"), std::string::npos) << score_table({part});
}

TEST(LabelScore, SaysHowLateHowOftenAndNabsScore) {
  Labels labels;
  labels.interval_ns = 10 * second;
  labels.ranges = {{48, 58, 53, Direction::rising, 2, 1}, {75, 85, 80, Direction::rising, 2, 1}};
  labels.detections = {53, 80};
  std::vector<std::int64_t> rows;
  for (std::int64_t k = 0; k < 100; ++k) rows.push_back(k);
  const LabelScore score = score_labels({{50, 59}}, labels, {.covered_ns = 43200 * second, .nab_rows = rows});
  EXPECT_EQ(score.median_delay_ns, 30 * second);
  EXPECT_DOUBLE_EQ(*score.alarms_per_day, 4);
  EXPECT_DOUBLE_EQ(score.overlap.recall, 0.9);
  ASSERT_EQ(score.nab.size(), 3u);
  EXPECT_EQ(score.nab[0].found, 1u);
  EXPECT_EQ(score.nab[0].false_positives, 1u);
  EXPECT_LT(score.nab[1].normalised, score.nab[0].normalised);
  const std::string json = score_json({score});
  for (const char* word : {"median_delay_s", "alarms_per_day", "reward_low_FN_rate", "overlap"})
    EXPECT_NE(json.find(word), std::string::npos) << word;
  EXPECT_NE(score_table({score}).find("NAB, standard"), std::string::npos);
}

}  // namespace
}  // namespace tidegauge
