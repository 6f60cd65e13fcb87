// cuDNN's LSTM interface on the host, written from cudnn_adv.h and its documentation, strict about what those ask for:
// every size, mode and pointer is checked, and a wrong one is CUDNN_STATUS_BAD_PARAM. Its weight space is laid out as
// unlike the flat parameters as the interface allows.
#pragma once

namespace tidegauge::test {

/// small_h is refused when it is run (as cuDNN does: not when it is described).
extern bool small_h_is_refused;
/// As where its libraries are not whole.
extern bool cudnn_does_not_start;
/// Forward calls so far, and the most windows that one had.
extern int cudnn_forward_calls, cudnn_most_windows;

}  // namespace tidegauge::test
