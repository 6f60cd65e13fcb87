#include "host/train_settings.hpp"

#include <algorithm>

#include "host/setting_fields.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

/// Every field differs from its default.
TrainSettings unusual() {
  TrainSettings s;
  s.column = "tcp_bytes";
  s.extra_columns = {"packets", "syn"};
  s.time_of_day = s.time_of_week = s.log1p = true;
  s.skip = s.shuffle = false;
  s.look_back = 7, s.horizon = 3, s.hidden = 9, s.layers = 2;
  s.scaler = ScalerKind::standard;
  s.training_part = PartSize::of_rows(125);
  s.validation = PartSize::of_fraction(0.1);
  s.season = 24;
  s.loss = {Loss::huber, 0.3, 0.1, 0};
  s.optimizer = optimizer_defaults(OptimizerKind::rmsprop);
  s.optimizer.learning_rate = 0.1 + 0.2;  // no short decimal
  s.optimizer.clip_norm = 2;
  s.batch = 16, s.epochs = 5, s.patience = 2;
  s.seed = ~0ull;
  s.cudnn = LstmAlgorithm::small_h;
  s.tf32 = true;
  return s;
}

TEST(TrainSettings, JsonReturnsEveryField) {
  const std::string json = settings_to_json(unusual());
  const auto back = settings_from_json(json);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(settings_to_json(*back), json);
  EXPECT_EQ(back->optimizer.learning_rate, 0.1 + 0.2);
  EXPECT_EQ(back->seed, ~0ull);
  EXPECT_EQ(back->shape(), unusual().shape());
  EXPECT_EQ(back->feature_count(), 7u);
  EXPECT_NE(json, settings_to_json(TrainSettings{}));
}

TEST(TrainSettings, FourMistakesGiveFourLines) {
  TrainSettings s;
  s.column = "value";
  s.look_back = 0;
  s.hidden = 1 << 20;
  s.optimizer.learning_rate = -1;
  s.loss.dropout = 0.5;  // with one layer
  const auto status = check_settings(s);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::usage);
  for (const char* word : {"--look-back", "--hidden", "--learning-rate", "--dropout"})
    EXPECT_NE(status.error().what.find(word), std::string::npos) << status.error().what;
  EXPECT_EQ(std::count(status.error().what.begin(), status.error().what.end(), '\n'), 3);
  s = TrainSettings{};
  s.column = "a";
  s.extra_columns = {"b", "a"};
  EXPECT_FALSE(check_settings(s));
  s.extra_columns = {"b", "b"};
  EXPECT_FALSE(check_settings(s));
  s.extra_columns = {"b"};
  EXPECT_TRUE(check_settings(s));
}

// One table serves the command line and the settings file: every field of the JSON can be reached through it.
TEST(SettingFields, ReachEveryTrainingSetting) {
  TrainSettings s;
  SettingTable table;
  add_train_fields(table, s);
  test::ScratchFolder scratch;
  test::write_text(scratch / "s.toml", R"([train]
column = "tcp_bytes"
extra_columns = ["packets", "syn"]
time_of_day = true
time_of_week = true
log = true
skip = false
shuffle = false
look_back = 7
horizon = 3
hidden = 9
layers = 2
scaler = "standard"
train = "125"
validation = 0.1
season = 24
loss = "huber"
huber_delta = 0.3
dropout = 0.1
learning_rate = 0.30000000000000004
optimizer = "rmsprop"
clip = 2
batch = 16
epochs = 5
patience = 2
cudnn = "small-h"
tf32 = true
)");
  for (const Error& e : table.load_file(scratch / "s.toml")) ADD_FAILURE() << e.message();
  s.seed = ~0ull;  // TOML integers end at 2^63
  EXPECT_EQ(settings_to_json(s), settings_to_json(unusual()));
  EXPECT_EQ(table.fields().size(), 27u);
}

TEST(SettingFields, ReachEveryLabelSetting) {
  LabelSettings l;
  SettingTable table;
  add_label_fields(table, l);
  test::ScratchFolder scratch;
  test::write_text(scratch / "s.toml", "[label]\nslope = \"robust\"\ndirection = \"both\"\nthreshold = -2.5\nquantile = 0.9\n"
                                       "budget = \"2/week\"\nerror = 3\nseed_compatible = true\n");
  for (const Error& e : table.load_file(scratch / "s.toml")) ADD_FAILURE() << e.message();
  EXPECT_EQ(l.kind, SlopeKind::robust);
  EXPECT_TRUE(l.rising && l.falling && l.seed_compatible);
  EXPECT_EQ(l.threshold, -2.5);
  EXPECT_EQ(l.quantile, 0.9);
  EXPECT_EQ(l.budget->alerts, 2);
  EXPECT_EQ(l.error, 3u);
  test::write_text(scratch / "bad.toml", "[label]\nslope = \"steep\"\ndirection = \"up\"\nbudget = \"2\"\nerror = -1\n");
  EXPECT_EQ(table.load_file(scratch / "bad.toml").size(), 4u);
}

}  // namespace
}  // namespace tidegauge
