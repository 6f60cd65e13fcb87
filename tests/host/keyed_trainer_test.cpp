// One model per key: each equals the one that train_model makes of that key's series, alone or among others, in one go
// or stopped and gone on.
#include "host/keyed_trainer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "host/trainer.hpp"
#include "kernels/core/random.hpp"
#include "tests/support.hpp"

namespace tidegauge {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t rows = 160;

/// Ports 10, 20, 30, ...: waves of different lengths; port 20 is silent every third interval.
std::uint64_t packets_of(std::uint32_t port, std::int64_t k) {
  if (port == 20 && k % 3 == 0) return 0;
  const double wave = std::sin(static_cast<double>(k) / (2 + port / 10.0));
  return static_cast<std::uint64_t>(100 + 60 * wave + 9 * random_unit(port, 1, static_cast<std::uint64_t>(k)));
}

class KeyedTrainer : public testing::Test {
 protected:
  void SetUp() override {
    auto made = SeriesFile::open(path, OpenMode::create, second);
    ASSERT_TRUE(made);
    TraceRecord trace;
    trace.path = "a.pcap";
    trace.fingerprint = {1, 1};
    trace.account.read = trace.account.counted = 1;
    trace.settings = R"({"by":["dport"]})";
    trace.span = Span{0, rows * second - 1};
    const auto added = made->add_trace(trace, [&](const SeriesFile::RowSink& sink) -> Expected<TraceRecord> {
      std::map<std::int64_t, IntervalRow> all;
      KeyedRows keyed;
      for (std::int64_t k = 0; k < rows; ++k)
        for (std::uint32_t port : {10u, 20u, 30u, 40u, 50u}) {
          const std::uint64_t packets = packets_of(port, k);
          if (packets == 0) continue;
          all[k][Column::packets] += packets;
          keyed[k].counts.push_back({0, port, packets, packets * (100 + port)});
        }
      TG_TRY(sink(all));
      TG_TRY(sink.keyed(keyed, [](const CountedKey& key) { return std::pair<std::string, std::string>("dport", std::to_string(key.code)); }));
      return trace;
    });
    ASSERT_TRUE(added) << added.error().message();
  }
  KeyedSeries read(const SeriesFile::KeyQuery& wanted) const {
    auto file = SeriesFile::open(path, OpenMode::read);
    EXPECT_TRUE(file);
    auto series = KeyedSeries::read(*file, {}, wanted);
    EXPECT_TRUE(series) << series.error().message();
    return *std::move(series);
  }
  KeyedSeries read_all() const { return read({.kind = "dport", .top = 0, .keys = {}}); }
  std::string refusal(const SeriesFile::KeyQuery& wanted) const {
    auto file = SeriesFile::open(path, OpenMode::read);
    auto series = KeyedSeries::read(*file, {}, wanted);
    return series ? "" : series.error().message();
  }

  test::ScratchFolder scratch;
  const std::string path = (scratch / "x.series").string();
};

TrainSettings small() {
  TrainSettings s;
  s.column = "packets";
  s.extra_columns = {"bytes"};
  s.look_back = 5;
  s.horizon = 2;
  s.hidden = 6;
  s.layers = 2;
  s.skip = false;  // with it the best epoch is often the start
  s.batch = 16;
  s.epochs = 12;
  s.patience = 2;
  s.loss.dropout = 0.2;
  s.optimizer.learning_rate = 0.02;
  return s;
}

KeyedOutcome must_train(const KeyedSeries& series, const TrainSettings& settings, std::size_t threads = 1,
                        const KeyedHooks& hooks = {}, const KeyedModels* begun = nullptr) {
  const auto backend = make_cpu_backend(threads);
  auto outcome = train_by_key(series, settings, *backend, hooks, begun, "begun");
  EXPECT_TRUE(outcome) << outcome.error().message();
  return outcome ? *std::move(outcome) : KeyedOutcome{};
}

void expect_same(const Model& a, const Model& b, const std::string& what) {
  EXPECT_EQ(a.parameters, b.parameters) << what;
  EXPECT_EQ(a.scalers, b.scalers) << what;
  EXPECT_EQ(a.linear.weight, b.linear.weight) << what;
  EXPECT_EQ(a.data_hash, b.data_hash) << what;
  EXPECT_EQ(a.progress.parameters, b.progress.parameters) << what;
  EXPECT_EQ(a.progress.optimizer.first_moment, b.progress.optimizer.first_moment) << what;
  EXPECT_EQ(a.progress.optimizer.second_moment, b.progress.optimizer.second_moment) << what;
  EXPECT_EQ(a.progress.optimizer.steps, b.progress.optimizer.steps) << what;
  EXPECT_EQ(a.progress.best_epoch, b.progress.best_epoch) << what;
  EXPECT_EQ(a.progress.best_loss, b.progress.best_loss) << what;
  EXPECT_EQ(a.progress.finished, b.progress.finished) << what;
  ASSERT_EQ(a.progress.history.size(), b.progress.history.size()) << what;
  for (std::size_t e = 0; e < a.progress.history.size(); ++e) {
    EXPECT_TRUE(e == 0 || a.progress.history[e].training == b.progress.history[e].training) << what;
    EXPECT_EQ(a.progress.history[e].validation, b.progress.history[e].validation) << what;
  }
}

void expect_same(const KeyedModels& a, const KeyedModels& b, const std::string& what) {
  EXPECT_EQ(a.kind, b.kind);
  ASSERT_EQ(a.models.size(), b.models.size()) << what;
  for (std::size_t i = 0; i < a.models.size(); ++i) {
    EXPECT_EQ(a.models[i].key, b.models[i].key) << what;
    EXPECT_EQ(a.models[i].diverged, b.models[i].diverged) << what;
    expect_same(a.models[i].model, b.models[i].model, what + ", key " + a.models[i].key);
  }
}

TEST_F(KeyedTrainer, ASeriesHoldsItsKeysCountsAndZeros) {
  const KeyedSeries series = read_all();
  ASSERT_EQ(series.keys().size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    const auto port = static_cast<std::uint32_t>(10 * (i + 1));
    EXPECT_EQ(series.keys()[i].name, std::to_string(port));
    const IntervalSeries one = series.series(i);
    ASSERT_EQ(one.size(), static_cast<std::size_t>(rows));
    for (std::size_t row = 0; row < one.size(); ++row) {
      const auto packets = static_cast<double>(packets_of(port, one.k[row]));
      EXPECT_EQ(one.at(row, 0), packets) << port << " at " << row;
      EXPECT_EQ(one.at(row, 1), packets * (100 + port)) << port << " at " << row;
      EXPECT_TRUE(one.complete[row]);
    }
  }
  EXPECT_EQ(read({.kind = "dport", .top = 2, .keys = {}}).keys().size(), 2u);
  EXPECT_NE(refusal({.kind = "dport", .top = 0, .keys = {{"10", "11"}}}).find("dport 11 never came"), std::string::npos);
  EXPECT_NE(refusal({.kind = "dport", .top = 0, .keys = {{"10", "10"}}}).find("given twice"), std::string::npos);
  EXPECT_NE(refusal({.kind = "sport", .top = 0, .keys = {}}).find("dport"), std::string::npos);
}

TEST_F(KeyedTrainer, EveryModelEqualsTheOneTrainedOnItsSeriesAlone) {
  const KeyedSeries series = read_all();
  const KeyedOutcome outcome = must_train(series, small());
  ASSERT_EQ(outcome.models.models.size(), 5u);
  std::size_t impatient = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const auto backend = make_cpu_backend(1);
    auto alone = train_model(series.series(i), small(), *backend, {});
    ASSERT_TRUE(alone) << alone.error().message();
    expect_same(outcome.models.models[i].model, alone->model, "key " + outcome.models.models[i].key);
    EXPECT_EQ(outcome.scores[i].lstm, alone->model.progress.best_loss);
    impatient += alone->end == TrainEnd::patience_ended;
  }
  EXPECT_NE(outcome.models.models[0].model.parameters, outcome.models.models[1].model.parameters);
  EXPECT_GT(impatient, 0u) << "early stopping is part of what is compared";
  EXPECT_LT(impatient, 5u) << "so is not stopping";
}

TEST_F(KeyedTrainer, PlainModelsAreScoredOnTheSameTail) {
  TrainSettings settings = small();
  settings.skip = true;
  settings.epochs = 0;
  for (const KeyedScore& score : must_train(read_all(), settings).scores) {
    EXPECT_NEAR(score.lstm, score.linear, 1e-5) << "the network starts at the linear model, rounded to float";
    EXPECT_GT(score.persistence, score.linear);
  }
  settings.validation = PartSize::of_rows(0);
  for (const KeyedScore& score : must_train(read_all(), settings).scores)
    EXPECT_TRUE(std::isnan(score.lstm) && std::isnan(score.linear) && std::isnan(score.persistence));
}

TEST_F(KeyedTrainer, AKeyAloneEqualsItselfAmongOthers) {
  const KeyedOutcome together = must_train(read_all(), small());
  const KeyedOutcome alone = must_train(read({.kind = "dport", .top = 0, .keys = {{"30"}}}), small(), 2);
  ASSERT_EQ(alone.models.models.size(), 1u);
  expect_same(alone.models.models[0].model, together.models.models[2].model, "key 30");
}

TEST_F(KeyedTrainer, StoppingAndGoingOnEqualsNotStopping) {
  const KeyedSeries series = read_all();
  const KeyedOutcome whole = must_train(series, small());
  KeyedHooks hooks;
  hooks.checkpoint = (scratch / "c").string();
  std::optional<KeyedModels> begun;
  std::size_t runs = 0;
  for (bool stopped = true; stopped; ++runs) {
    int asked = 0;
    hooks.stop = [&] { return ++asked > 1; };  // after the first epoch of each run
    const KeyedOutcome outcome = must_train(series, small(), 2, hooks, begun ? &*begun : nullptr);
    stopped = outcome.stopped;
    if (!stopped) {
      expect_same(outcome.models, whole.models, "gone on");
      break;
    }
    auto loaded = load_keyed_models(hooks.checkpoint);
    ASSERT_TRUE(loaded) << loaded.error().message();
    EXPECT_FALSE(loaded->models[0].model.progress.finished);
    begun = *std::move(loaded);
    ASSERT_LT(runs, 20u);
  }
  EXPECT_GE(runs, 2u);
}

TEST_F(KeyedTrainer, AFinishedFileGoesOnToMoreEpochs) {
  const KeyedSeries series = read_all();
  TrainSettings longer = small();
  longer.epochs = 14;
  longer.patience = 0;
  TrainSettings shorter = longer;
  shorter.epochs = 3;
  const std::string file = (scratch / "m").string();
  const KeyedOutcome first = must_train(series, shorter);
  ASSERT_TRUE(save_keyed_models(file, first.models));
  const auto loaded = load_keyed_models(file);
  ASSERT_TRUE(loaded) << loaded.error().message();
  expect_same(*loaded, first.models, "through the file");
  expect_same(must_train(series, longer, 1, {}, &*loaded).models, must_train(series, longer).models, "to 14 epochs");
}

TEST_F(KeyedTrainer, RefusesToGoOnWithOtherKeysOrSettings) {
  const KeyedSeries series = read_all(), fewer = read({.kind = "dport", .top = 2, .keys = {}});
  const KeyedOutcome begun = must_train(series, small());
  const auto backend = make_cpu_backend(1);
  const auto other_keys = train_by_key(fewer, small(), *backend, {}, &begun.models, "begun.model");
  ASSERT_FALSE(other_keys);
  EXPECT_NE(other_keys.error().message().find("begun.model: what was begun has other keys"), std::string::npos);
  TrainSettings other = small();
  other.hidden = 7;
  const auto other_settings = train_by_key(series, other, *backend, {}, &begun.models, "begun.model");
  ASSERT_FALSE(other_settings);
  EXPECT_NE(other_settings.error().message().find("other settings"), std::string::npos);
}

TEST_F(KeyedTrainer, FilesOfOneAndOfManyModelsAreNotTakenForEachOther) {
  const KeyedOutcome outcome = must_train(read_all(), small());
  const std::string many = (scratch / "many").string(), one = (scratch / "one").string();
  ASSERT_TRUE(save_keyed_models(many, outcome.models));
  ASSERT_TRUE(save_model(one, outcome.models.models[0].model));
  const auto as_one = load_model(many);
  ASSERT_FALSE(as_one);
  EXPECT_NE(as_one.error().message().find("one model a key"), std::string::npos) << as_one.error().message();
  const auto as_many = load_keyed_models(one);
  ASSERT_FALSE(as_many);
  EXPECT_NE(as_many.error().message().find("train --by-key"), std::string::npos) << as_many.error().message();
}

TEST_F(KeyedTrainer, AModelFileWithAHoleSaysWhichKey) {
  const std::string path_of_models = (scratch / "m").string();
  ASSERT_TRUE(save_keyed_models(path_of_models, must_train(read_all(), small()).models));
  auto file = read_safetensors(path_of_models);
  ASSERT_TRUE(file);
  for (const char* gone : {"30/weight_hh_l1", "tidegauge:30"}) {
    TensorFile broken = *file;
    broken.tensors.erase(gone);
    broken.metadata.erase(gone);
    ASSERT_TRUE(write_safetensors(path_of_models, broken));
    const auto loaded = load_keyed_models(path_of_models);
    ASSERT_FALSE(loaded) << gone;
    EXPECT_NE(loaded.error().message().find("key 30"), std::string::npos) << loaded.error().message();
  }
}

}  // namespace
}  // namespace tidegauge
