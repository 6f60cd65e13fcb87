// The figures that the original tool reported: labels of a series built to have its slopes are its ranges, and its pair count
// of its detections gives precision 0.818, recall 1.0, F1 0.9.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

using namespace test;
using nlohmann::json;

/// One value an interval; it rises by half at each of `at` and is 100 elsewhere.
std::string series_with_slopes_at(const std::vector<int>& at) {
  std::string text = "value\n";
  double value = 100;
  for (int k = 0; k < 100; ++k) {
    value = std::find(at.begin(), at.end(), k) != at.end() ? 1.5 * value : 100;
    text += std::to_string(value) + "\n";
  }
  return text;
}

json label_as_the_seed(const ScratchFolder& scratch, const std::vector<int>& slopes) {
  write_text(scratch / "values.csv", series_with_slopes_at(slopes));
  const std::string series = (scratch / "s.series").string();
  const CommandResult binned = run_command("bin --csv --time-column none --value-column value --interval 5s -o " + series + " " +
                                           (scratch / "values.csv").string());
  EXPECT_EQ(binned.status, 0) << binned.err;
  const CommandResult labelled = run_command("label " + series + " --seed-compatible --error 5 --json");
  EXPECT_EQ(labelled.status, 0) << labelled.err;
  return json::parse(labelled.out);
}

TEST(SeedNumbers, LabelsAreItsRanges) {
  const ScratchFolder scratch;
  const json labels = label_as_the_seed(scratch, {17, 48, 59, 77, 83});
  std::vector<std::pair<int, int>> ranges;
  for (const json& range : labels["ranges"]) ranges.emplace_back(range["first_k"], range["last_k"]);
  const std::vector<std::pair<int, int>> reported{{12, 22}, {43, 53}, {54, 64}, {72, 82}, {78, 88}};
  EXPECT_EQ(ranges, reported) << labels.dump(1);
}

TEST(SeedNumbers, ThePairCountGivesWhatItReported) {
  const ScratchFolder scratch;
  label_as_the_seed(scratch, {17, 22, 29, 44, 51, 62, 63, 78, 84, 85, 86});
  write_text(scratch / "truth.csv", "start_k,end_k\n12,22\n43,53\n54,64\n72,82\n78,88\n");
  const CommandResult scored = run_command("score " + (scratch / "s.series").string() + " --seed-compatible --json --truth " +
                                           (scratch / "truth.csv").string());
  ASSERT_EQ(scored.status, 0) << scored.err;
  const json pairs = json::parse(scored.out)["scores"][0]["pairs"];
  EXPECT_NEAR(pairs["precision"], 0.818, 0.0005);
  EXPECT_EQ(pairs["recall"], 1.0);
  EXPECT_NEAR(pairs["f1"], 0.9, 1e-12);
}

}  // namespace
}  // namespace tidegauge
