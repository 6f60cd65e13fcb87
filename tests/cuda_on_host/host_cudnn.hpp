// cuDNN's LSTM interface on the host, written from cudnn_adv.h and its documentation, strict about what those ask for:
// every size, mode and pointer is checked, and a wrong one is CUDNN_STATUS_BAD_PARAM. Its weight space is laid out as
// unlike the flat parameters as the interface allows.
#pragma once

#include <cudnn.h>

#include <cstddef>
#include <vector>

namespace tidegauge::test {

enum class CudnnCall { none, describe, ask_sizes, forward, backward };

/// small_h is refused in this call, by every size or by one only.
struct CudnnRefusal {
  CudnnCall call = CudnnCall::none;
  cudnnStatus_t status = CUDNN_STATUS_NOT_SUPPORTED;
  std::size_t windows = 0;  ///< 0: any
  bool here(CudnnCall at, cudnnRNNAlgo_t algorithm, std::size_t n = 0) const {
    return at == call && algorithm == CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H && (windows == 0 || windows == n);
  }
};
extern CudnnRefusal cudnn_refusal;
/// As where its libraries are not whole.
extern bool cudnn_does_not_start;

/// Forward calls so far, and the most windows that one had.
extern int cudnn_forward_calls, cudnn_most_windows;
/// Times that training's sizes were asked for.
extern int cudnn_training_questions;

/// How the matrices are described that cudnnGetRNNWeightParams tells of.
enum class CudnnLayout { packed, columns_first, off_by_a_byte };
extern CudnnLayout cudnn_layout;

}  // namespace tidegauge::test
