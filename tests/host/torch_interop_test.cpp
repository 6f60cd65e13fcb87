// PyTorch loads a model file's weights by name and computes the same.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/trainer.hpp"
#include "host/training_data.hpp"
#include "tests/host/series_fixtures.hpp"

namespace tidegauge {
namespace {

/// A python3 that can import torch (the distribution's, where another one comes first in PATH); empty: none.
std::string python_with_torch() {
  for (const char* python : {"python3", "/usr/bin/python3"})
    if (std::system(fmt::format("{} -c 'import torch' >/dev/null 2>&1", python).c_str()) == 0) return python;
  return {};
}

TEST(TorchInterop, TorchLoadsTheWeightsAndPredictsTheSame) {
  const std::string python = python_with_torch();
  TG_NEEDS(!python.empty(), "torch", "python3 has no torch; this test needs it (python3-torch)");
  const IntervalSeries series = test::waves(150);
  const auto backend = make_cpu_backend(1);
  for (const bool skip : {true, false}) {
    TrainSettings settings;
    settings.column = "value";
    settings.look_back = 5;
    settings.horizon = 2;
    settings.hidden = 7;
    settings.layers = 2;
    settings.skip = skip;
    settings.time_of_day = true;
    settings.epochs = 5;
    const auto outcome = train_model(series, settings, *backend, {});
    ASSERT_TRUE(outcome);
    const Model& model = outcome->model;

    const auto features = make_features(series, settings, model.scalers);
    ASSERT_TRUE(features);
    const std::vector<std::uint32_t> starts = {0, 17, 101};
    const WindowBatch windows = features->windows(starts, settings.look_back, settings.horizon);
    auto network = backend->lstm(settings.shape(), 1);
    ASSERT_TRUE(network);
    ASSERT_TRUE((*network)->set_parameters(model.parameters));
    std::vector<float> ours(starts.size() * 2);
    ASSERT_TRUE((*network)->predict(ours, windows));

    nlohmann::json input = nlohmann::json::array();
    for (std::size_t w = 0; w < starts.size(); ++w) {
      nlohmann::json steps = nlohmann::json::array();
      for (std::size_t t = 0; t < 5; ++t)
        steps.push_back(std::vector<float>(windows.input(w) + 3 * t, windows.input(w) + 3 * t + 3));
      input.push_back(steps);
    }
    test::ScratchFolder scratch;
    test::write_text(scratch / "in.json", nlohmann::json{{"windows", input}}.dump());
    ASSERT_TRUE(save_model(scratch / "m", model));
    const std::string command = fmt::format("{} {}/host/torch_loads_model.py {} {} >{}", python, TIDEGAUGE_TEST_DATA,
                                            (scratch / "m").string(), (scratch / "in.json").string(),
                                            (scratch / "out.json").string());
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
    const auto theirs = nlohmann::json::parse(test::read_text(scratch / "out.json"));
    // Both in single precision, with different summation orders and exponentials: 1e-5 of a scaled unit.
    for (std::size_t w = 0; w < starts.size(); ++w)
      for (std::size_t o = 0; o < 2; ++o) EXPECT_NEAR(ours[w * 2 + o], theirs[w][o].get<float>(), 1e-5) << w << " " << o;
  }
}

}  // namespace
}  // namespace tidegauge
