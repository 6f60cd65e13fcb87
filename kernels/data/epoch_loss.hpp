// Scaled losses after an epoch; NaN where there is none. Epoch 0 is the start, before any step.
#pragma once

#include <limits>

namespace tidegauge {

struct EpochLoss {
  double training =
      std::numeric_limits<double>::quiet_NaN();  ///< mean over the epoch's batches, as it trained
  double validation = std::numeric_limits<double>::quiet_NaN();  ///< on the validation tail, after the epoch
};

}  // namespace tidegauge
