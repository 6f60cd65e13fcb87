// The LSTM on top of a linear forecast: for each horizon a network learns what the regression leaves of
// x[t+h], and its answer is added. The network's head starts at zero, so training starts exactly at the
// linear forecast, and that start counts as epoch 0 of early stopping on the last part of the training part:
// where the LSTM finds nothing it adds nothing. What it learns from are the residuals of a regression fitted
// on what lies before that last part; they are added to the forecasts of the regression of the whole training
// part. Windows with a gap teach nothing and are not corrected. Inputs of a step: the value as the regression
// sees it, and sine and cosine of the time of day. Cost: lstm.hpp's, one network a horizon. Thread safety:
// one call at a time. Tested by tests/host/models_lstm_test.cpp.
#pragma once

#include <memory>
#include <vector>

#include "host/models/linear_forecast.hpp"
#include "kernels/core/backend.hpp"

namespace tidegauge {

struct CorrectionSettings {
  std::size_t look_back = 32, hidden = 16, batch = 64;
  std::size_t epochs = 30, patience = 5;
  double validation = 0.2;  ///< of the training part, its end
  double learning_rate = 1e-3;
  std::uint64_t seed = 1;
};

class LstmCorrection final : public ForecastModel {
 public:
  /// @param linear fitted on `training`.
  static Expected<std::unique_ptr<LstmCorrection>> fit(std::span<const double> training,
                                                       const LinearForecast& linear,
                                                       const CorrectionSettings& settings, Backend& backend);
  void forecast(std::span<double> out, std::span<const double> known) const override;
  /// Epochs of training that each horizon's network was left with; 0: it adds nothing.
  const std::vector<std::size_t>& best_epochs() const { return best_epochs_; }

 private:
  struct Part {
    LinearMean linear;     ///< of the whole training part
    LinearHorizon scaler;  ///< in whose scale the network sees values and corrects
    std::unique_ptr<LstmNetwork> network;
  };
  std::vector<Part> parts_;
  std::vector<std::size_t> best_epochs_;
  std::size_t look_back_ = 0;
};

}  // namespace tidegauge
