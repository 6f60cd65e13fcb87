// Which of a device's LSTM algorithms is fastest for a training run: measured, with networks that are thrown away.
// Cost: about half a second for each. Thread safety: as the backend. Tested by tests/host/lstm_tuning_test.cpp.
#pragma once

#include <functional>
#include <string>

#include "host/train_settings.hpp"
#include "kernels/core/backend.hpp"

namespace tidegauge {

/// @param windows the run's; the first batches are trained on. @param remark is told what each one took
/// @return the fastest that the device does not refuse; an error where it has only one way (usage) or refuses all.
Expected<LstmAlgorithm> fastest_algorithm(Backend& backend, const TrainSettings& settings, const WindowBatch& windows,
                                          std::size_t batch_size,
                                          const std::function<void(const std::string&)>& remark);

}  // namespace tidegauge
