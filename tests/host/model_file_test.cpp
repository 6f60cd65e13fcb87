#include "host/model_file.hpp"

#include <nlohmann/json.hpp>

#include "host/safetensors.hpp"
#include "host/trainer.hpp"
#include "tests/host/series_fixtures.hpp"

namespace tidegauge {
namespace {

TrainSettings small() {
  TrainSettings s;
  s.column = "value";
  s.look_back = 4;
  s.horizon = 2;
  s.hidden = 3;
  s.layers = 2;
  s.epochs = 2;
  s.log1p = true;
  s.loss.kind = Loss::huber;
  s.seed = ~0ull;
  return s;
}

Model trained() {
  const auto backend = make_cpu_backend(1);
  auto outcome = train_model(test::waves(150), small(), *backend, {});
  EXPECT_TRUE(outcome);
  return std::move(outcome->model);
}

TEST(ModelFile, ReturnsEverythingThatWasSaved) {
  test::ScratchFolder scratch;
  Model m = trained();
  m.progress.algorithm = LstmAlgorithm::small_h;
  ASSERT_TRUE(save_model(scratch / "m", m));
  const auto back = load_model(scratch / "m");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(settings_to_json(back->settings), settings_to_json(m.settings));
  EXPECT_EQ(back->point, m.point);
  EXPECT_EQ(back->interval_ns, m.interval_ns);
  EXPECT_EQ(back->scalers, m.scalers);
  EXPECT_EQ(back->parameters, m.parameters);
  EXPECT_EQ(back->linear.weight, m.linear.weight);
  EXPECT_EQ(back->linear.bias, m.linear.bias);
  EXPECT_EQ(back->mase_scale, m.mase_scale);
  EXPECT_EQ(back->training_end_k, m.training_end_k);
  EXPECT_EQ(back->data_hash, m.data_hash);
  EXPECT_EQ(back->progress.parameters, m.progress.parameters);
  EXPECT_EQ(back->progress.optimizer.first_moment, m.progress.optimizer.first_moment);
  EXPECT_EQ(back->progress.optimizer.second_moment, m.progress.optimizer.second_moment);
  EXPECT_EQ(back->progress.best_loss, m.progress.best_loss);
  EXPECT_EQ(back->progress.history.size(), m.progress.history.size());
  EXPECT_EQ(back->progress.algorithm, LstmAlgorithm::small_h);
}

TEST(ModelFile, HoldsPyTorchsTensors) {
  test::ScratchFolder scratch;
  ASSERT_TRUE(save_model(scratch / "m", trained()));
  const auto file = read_safetensors(scratch / "m");
  ASSERT_TRUE(file);
  struct Row { const char* name; std::vector<std::size_t> shape; };
  for (const Row& row : {Row{"weight_ih_l0", {12, 1}}, Row{"weight_hh_l0", {12, 3}}, Row{"bias_ih_l0", {12}},
                         Row{"bias_hh_l0", {12}}, Row{"weight_ih_l1", {12, 3}}, Row{"bias_hh_l1", {12}},
                         Row{"head.weight", {2, 3}}, Row{"head.bias", {2}}, Row{"skip.weight", {2, 4}}}) {
    ASSERT_TRUE(file->tensors.contains(row.name)) << row.name;
    EXPECT_EQ(file->tensors.at(row.name).shape, row.shape) << row.name;
    EXPECT_EQ(file->tensors.at(row.name).dtype, "F32") << row.name;
  }
  EXPECT_EQ(file->tensors.at("bias_hh_l1").bytes, std::vector<std::byte>(12 * sizeof(float)));
}

// torch.nn.LSTM has two biases; a file that Python wrote back may use both.
TEST(ModelFile, SumsTheSecondBias) {
  test::ScratchFolder scratch;
  const Model m = trained();
  ASSERT_TRUE(save_model(scratch / "m", m));
  auto file = read_safetensors(scratch / "m");
  ASSERT_TRUE(file);
  file->tensors["bias_hh_l0"] = Tensor::of(std::vector<double>(12, 0.5), {12});  // F64 is read too
  ASSERT_TRUE(write_safetensors(scratch / "m", *file));
  const auto back = load_model(scratch / "m");
  ASSERT_TRUE(back);
  for (const LstmTensor& t : lstm_tensors(m.settings.shape()))
    for (std::size_t i = 0; i < t.size; ++i)
      EXPECT_EQ(back->parameters[t.offset + i], m.parameters[t.offset + i] + (t.name == "bias_ih_l0" ? 0.5f : 0.0f));
}

// What a hostile or hand-edited file may say: each must be an error that names the file.
TEST(ModelFile, RefusesWhatDoesNotFit) {
  test::ScratchFolder scratch;
  ASSERT_TRUE(save_model(scratch / "m", trained()));
  const auto good = read_safetensors(scratch / "m");
  ASSERT_TRUE(good);
  using nlohmann::json;
  const auto edited = [&](const char* pointer, json value) {
    TensorFile file = *good;
    json description = json::parse(file.metadata["tidegauge"]);
    description[json::json_pointer(pointer)] = std::move(value);
    file.metadata["tidegauge"] = description.dump();
    return file;
  };
  const auto without = [&](const char* tensor) {
    TensorFile file = *good;
    file.tensors.erase(tensor);
    return file;
  };
  TensorFile no_settings = *good, no_json = *good, nan = *good, wrong_type = *good, stateless = without("adam.m");
  stateless.tensors.erase("adam.v");
  no_settings.metadata.clear();
  no_json.metadata["tidegauge"] = "{";
  nan.tensors["head.bias"] = Tensor::of(std::vector<float>{0, std::nanf("")}, {2});
  wrong_type.tensors["head.bias"].dtype = "I32";
  struct Row { const char* why; TensorFile file; };
  const Row rows[] = {
      {"no settings", no_settings},
      {"settings no JSON", no_json},
      {"NaN weight", nan},
      {"integer weight", wrong_type},
      {"missing weight", without("weight_hh_l1")},
      {"Adam's v without m", without("adam.m")},
      {"Adam's m without v", without("adam.v")},
      {"steps without a state", stateless},
      {"missing linear bias", without("linear.bias")},
      {"other format", edited("/format", 99)},
      {"other hidden size", edited("/settings/hidden", 4)},
      {"enormous hidden size", edited("/settings/hidden", 1ull << 60)},
      {"enormous layers", edited("/settings/layers", 1ull << 40)},
      {"enormous look-back", edited("/settings/look_back", 1ull << 40)},
      {"no look-back", edited("/settings/look_back", 0)},
      {"unknown setting", edited("/settings/surprise", 1)},
      {"text for a number", edited("/settings/hidden", "3")},
      {"unknown loss", edited("/settings/loss", "l7")},
      {"no scaler", edited("/scalers", json::array())},
      {"scaler without scale", edited("/scalers", json::array({{{"kind", "minmax"}}}))},
      {"no progress", edited("/progress", 3)},
      {"interval of 0", edited("/interval_ns", 0)},
  };
  for (const Row& row : rows) {
    ASSERT_TRUE(write_safetensors(scratch / "bad", row.file));
    const auto model = load_model(scratch / "bad");
    ASSERT_FALSE(model) << row.why;
    EXPECT_EQ(model.error().where, (scratch / "bad").string()) << row.why;
    EXPECT_FALSE(model.error().remedy.empty()) << row.why;
  }
}

}  // namespace
}  // namespace tidegauge
