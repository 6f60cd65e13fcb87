// train, predict, label and score as a user runs them, on real traffic.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support.hpp"

namespace tidegauge {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::run_command;

class Learn : public testing::Test {
 protected:
  void SetUp() override {
    TG_NEEDS_SHARED_DATA();
    const auto made = run_command("bin " + (test::shared_data() / "series/mawi_5s/clean_dataset_20160109.csv").string() +
                                  " --csv -o " + series + " --interval 5s --origin 2016-01-09T05:00:00");
    ASSERT_EQ(made.status, 0) << made.err;
  }
  json must_json(const std::string& arguments) {
    const auto result = run_command(arguments + " --json");
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }
  std::string file(const char* name) const { return (scratch / name).string(); }

  test::ScratchFolder scratch;
  const std::string series = file("x.series");
  const std::string seed_settings =
      " --column value --train 125 --no-skip --hidden 10 --look-back 2 --optimizer rmsprop --epochs 20 --batch 32"
      " --validation 0 --scaler minmax";
};

TEST_F(Learn, TheWholeJobByHand) {
  const auto trained = run_command("train " + series + " --train 125 --look-back 2 --epochs 20");
  ASSERT_EQ(trained.status, 0) << trained.err;
  for (const char* word : {"linear start", "LSTM(32) + linear", "AR(2)", "persistence", "seasonal: n/a", "the LSTM ", "x.model"})
    EXPECT_NE(trained.out.find(word), std::string::npos) << word << "\n" << trained.out;
  EXPECT_NE(trained.err.find("device: cpu"), std::string::npos) << trained.err;

  const json predicted = must_json("predict " + series + " -m " + file("x.model") + " --csv " + file("f.csv"));
  EXPECT_EQ(predicted["evaluation"]["rows"][0]["points"], 55);
  EXPECT_EQ(predicted["upcoming"].size(), 1u);
  const std::string csv = test::read_text(file("f.csv"));
  EXPECT_EQ(csv.substr(0, csv.find('\n')), "time,k,step,actual,lstm,ar,persistence");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 57);

  const json truth = must_json("label " + series + " --threshold 1.3 --error 5");
  EXPECT_GT(truth["ranges"].size(), 3u);
  const json found = must_json("label " + series + " --on lstm --threshold 1.2 --error 2");
  EXPECT_GT(found["detections"].size(), 0u);
  const json scores = must_json("score " + series + " --truth-labels series --detected lstm --seed-compatible");
  ASSERT_EQ(scores["scores"].size(), 1u);
  EXPECT_GT(scores["scores"][0]["truth_outside"], 0);
  EXPECT_TRUE(scores["scores"][0].contains("pairs"));
  test::write_text(file("t.csv"), "start,end\n2016-01-09T05:14:00,2016-01-09T05:14:30\n");
  EXPECT_EQ(run_command("score " + series + " --truth " + file("t.csv")).status, 0);
}

TEST_F(Learn, StoppedAndGoneOnGivesTheSameFile) {
  ASSERT_EQ(run_command("train " + series + seed_settings + " -m " + file("whole.model")).status, 0);
  const std::string command = "train " + series + seed_settings + " --threads 2 -m " + file("pieces.model");
  const auto stopped = run_command(command + " --max-steps 33");
  ASSERT_EQ(stopped.status, 0) << stopped.err;
  EXPECT_NE(stopped.err.find("the same command goes on"), std::string::npos) << stopped.err;
  EXPECT_FALSE(fs::exists(file("pieces.model")));
  const auto gone_on = run_command(command);
  ASSERT_EQ(gone_on.status, 0) << gone_on.err;
  EXPECT_NE(gone_on.err.find("going on from"), std::string::npos) << gone_on.err;
  EXPECT_EQ(test::read_text(file("pieces.model")), test::read_text(file("whole.model")));
  EXPECT_FALSE(fs::exists(file("pieces.model.checkpoint")));
}

TEST_F(Learn, CtrlCStopsCleanlyAndNothingIsLost) {
  const std::string command = std::string(TIDEGAUGE_COMMAND) + " train " + series +
                              " --train 125 --validation 0 --epochs 1000000 -m " + file("m.model") + " >" + file("out") + " 2>" + file("err");
  // --foreground: otherwise timeout signals the group too, and a second Ctrl-C ends the process at once.
  const int rc = std::system(("timeout --foreground --preserve-status -s INT 1 " + command).c_str());
  ASSERT_TRUE(WIFEXITED(rc));
  EXPECT_EQ(WEXITSTATUS(rc), 1) << test::read_text(file("err"));
  EXPECT_NE(test::read_text(file("err")).find("the same command goes on"), std::string::npos);
  EXPECT_TRUE(fs::exists(file("m.model.checkpoint")));
}

TEST_F(Learn, FineTunesAndResumes) {
  ASSERT_EQ(run_command("train " + series + seed_settings + " -m " + file("a.model")).status, 0);
  const json tuned = must_json("train " + series + " --from " + file("a.model") + " --epochs 2 -m " + file("b.model"));
  EXPECT_EQ(tuned["settings"]["hidden"], 10);
  EXPECT_DOUBLE_EQ(tuned["settings"]["learning_rate"].get<double>(), 1e-4);
  EXPECT_NE(run_command("train " + series + " --from " + file("a.model") + " --hidden 11 -m " + file("c.model")).status, 0);
  const json resumed = must_json("train " + series + " --resume --epochs 25 -m " + file("a.model"));
  EXPECT_EQ(resumed["history"].size(), 26u);
  const auto other = run_command("train " + series + " --resume --seed 7 -m " + file("a.model"));
  EXPECT_EQ(other.status, 2);
  EXPECT_NE(other.err.find("a.model"), std::string::npos) << other.err;
  EXPECT_EQ(other.err.find("a.model.checkpoint"), std::string::npos) << other.err;
  // Stopped again and again it still comes to the end: 3 more epochs of 4 steps.
  const std::string piece = "train " + series + " --resume --epochs 28 --max-steps 7 -m " + file("a.model");
  ASSERT_EQ(run_command(piece).status, 0);
  EXPECT_TRUE(fs::exists(file("a.model.checkpoint")));
  ASSERT_EQ(run_command(piece).status, 0);
  EXPECT_FALSE(fs::exists(file("a.model.checkpoint")));
}

TEST_F(Learn, AllMistakesAreSaidAtOnce) {
  struct Row { std::string arguments; std::vector<const char*> words; };
  const Row rows[] = {
      {"train " + file("absent.series") + " --loss l3 --dropout 0.5 --since never --until ever",
       {"absent.series", "l3", "--dropout", "--since", "--until"}},
      {"label " + file("absent.series") + " --method foo --look-back 0 --budget 2 --error x --learn-until never --since never",
       {"absent.series", "foo", "--look-back", "--budget", "--error", "--learn-until", "--since"}},
  };
  for (const Row& row : rows) {
    const auto result = run_command(row.arguments);
    EXPECT_EQ(result.status, 2) << result.err;
    for (const char* word : row.words) EXPECT_NE(result.err.find(word), std::string::npos) << word << " in\n" << result.err;
  }
}

TEST_F(Learn, MistakesSayWhatToTry) {
  struct Row { std::string arguments; int status; const char* word; };
  const Row rows[] = {
      {"train " + series + " --hidden 0 --loss l3 --epochs x --horizon 0", 2, "--loss"},
      {"train " + series + " --column no_such", 2, "no_such"},
      {"train " + series + " --look-back 500", 1, "shorter --look-back"},
      {"train " + file("absent.series"), 1, "absent.series"},
      {"train " + series + " --device cuda:99", 1, "cuda"},
      {"train " + series + " --device quantum", 2, "quantum"},
      {"predict " + series + " -m " + series, 1, "safetensors"},
      {"predict " + series, 2, "--model"},
      {"predict " + series + " -m " + series + " --csv - --json", 2, "--csv"},
      {"label " + series + " --threshold 2 --method foo", 2, "--method"},
      {"label " + series + " --threshold 2 --error 1000001", 2, "--error"},
      {"train " + series + " --since 2030-01-01", 2, "--since"},
      {"train " + series + " --since 2016-01-10 --until 2016-01-09", 2, "--until"},
      {"train " + series + " --train 5 --look-back 4", 2, "two windows of 4 + 1"},
      {"train " + series + " -m " + series, 2, "is not overwritten"},
      {"label " + series + " --look-back 0", 2, "--look-back"},
      {"label " + series + " --on lstm --method slope --seed-compatible --look-back 9999999999999", 2, "--look-back"},
      {"label " + series + " --slope absolute", 2, "--threshold"},
      {"label " + series + " --threshold 1 --quantile 0.5", 2, "one of"},
      {"label " + series + " --on lstm", 2, "tidegauge predict first"},
      {"score " + series, 2, "--truth"},
      {"score " + series + " --truth-labels series", 2, "tidegauge label"},
  };
  for (const Row& row : rows) {
    const auto result = run_command(row.arguments);
    EXPECT_EQ(result.status, row.status) << row.arguments << "\n" << result.err;
    EXPECT_NE(result.err.find(row.word), std::string::npos) << row.arguments << "\n" << result.err;
    EXPECT_EQ(result.out, "") << row.arguments;
  }
}

}  // namespace
}  // namespace tidegauge
